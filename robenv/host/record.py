"""Records what the probes see of this machine: ``python -m robenv.host.record > machine.json``.

Only what they ask is in it. That is: names of devices, drivers and groups, the user's name, and the variables and
sockets of the login session; look through it before it is passed on. The text of no other file, and no environment
variable besides, is.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from robenv.host.facts import SECTIONS
from robenv.host.host import Host, HostRecorder, LocalHost


def record(host: Host) -> dict[str, Any]:
    """The document, as ``robenv.host.recorded`` reads it, of all that the probes of every section ask."""
    from robenv.host.probes.facts import read_facts
    from robenv.host.probes.session import read_session
    from robenv.host.probes.timezone import read_timezone

    recorder = HostRecorder(host)
    read_facts("linux/amd64", wanted=frozenset(SECTIONS), host=recorder)
    recorder.user()
    read_timezone(recorder)
    read_session(recorder)
    document: dict[str, Any] = {"source": "recorded by python -m robenv.host.record"}
    for question, answer in recorder.answers.items():
        _RULES[question[0]](document, question[1:], answer)
    return {name: value for name, value in document.items() if value}


def _put(document: dict[str, Any], part: str, path: str, value: Any) -> None:
    document.setdefault(part, {})[path] = value


def _file(document: dict[str, Any], arguments: tuple[str, ...], answer: str | None) -> None:
    if answer is not None:
        text = _without_members(answer) if arguments[0] == "/etc/group" else answer
        _put(document, "files", arguments[0], text)


def _without_members(groups: str) -> str:
    return "".join(f"{line.rpartition(':')[0]}:\n" for line in groups.splitlines())


def _line(document: dict[str, Any], arguments: tuple[str, ...], answer: str | None) -> None:
    if answer is not None:
        before = document.get("files", {}).get(arguments[0], "")
        _put(document, "files", arguments[0], f"{before}{answer}\n")


def _texts(document: dict[str, Any], arguments: tuple[str, ...], answer: dict[str, str]) -> None:
    document.setdefault("files", {}).update(answer)


def _paths(document: dict[str, Any], arguments: tuple[str, ...], answer: list[str]) -> None:
    for path in answer:
        _put(document, "others", path, "folder")


def _holding(document: dict[str, Any], arguments: tuple[str, ...], answer: list[str]) -> None:
    for path in answer:
        _put(document, "files", path, f"{arguments[1]}\n")


def _link(document: dict[str, Any], arguments: tuple[str, ...], answer: str | None) -> None:
    if answer is not None:
        _put(document, "links", arguments[0], answer)


def _kind(document: dict[str, Any], arguments: tuple[str, ...], answer: str) -> None:
    # Nodes are asked for as such, too, and then say more.
    if answer and answer not in ("char", "block"):
        _put(document, "others", arguments[0], answer)


def _node(document: dict[str, Any], arguments: tuple[str, ...], answer: list[Any] | None) -> None:
    if answer:
        path, kind, major, minor, gid, mode, target = answer
        _put(document, "nodes", target or path, [kind, major, minor, gid, f"{mode:o}"])
        if target:
            _put(document, "links", path, target)


def _tree(document: dict[str, Any], arguments: tuple[str, ...], answer: dict[str, Any]) -> None:
    for node in answer["nodes"]:
        _node(document, (), node)
    for path in answer["others"]:
        _put(document, "others", path.rstrip("/"), "folder" if path.endswith("/") else "file")


def _variable(document: dict[str, Any], arguments: tuple[str, ...], answer: str | None) -> None:
    if answer is not None:
        _put(document, "variables", arguments[0], answer)


def _listens(document: dict[str, Any], arguments: tuple[str, ...], answer: bool) -> None:
    if answer:
        document.setdefault("listening", []).append(arguments[0])


def _reaches(document: dict[str, Any], arguments: tuple[str, ...], answer: bool) -> None:
    if answer:
        document.setdefault("reached", []).append(":".join(arguments))


def _uname(document: dict[str, Any], arguments: tuple[str, ...], answer: list[str]) -> None:
    document["uname"] = answer


def _user(document: dict[str, Any], arguments: tuple[str, ...], answer: list[Any]) -> None:
    document["user"] = answer


def _run(document: dict[str, Any], arguments: tuple[str, ...], answer: list[Any] | None) -> None:
    if answer is not None:
        _put(document, "commands", " ".join(arguments), answer)


def _can_hold(document: dict[str, Any], arguments: tuple[str, ...], answer: bool) -> None:
    if not answer:
        document.setdefault("unwritable", []).append(arguments[0])


_RULES: dict[str, Any] = {
    "can_hold": _can_hold,
    "glob": _paths,
    "holding": _holding,
    "kind": _kind,
    "line": _line,
    "link": _link,
    "listens": _listens,
    "node": _node,
    "reaches": _reaches,
    "read": _file,
    "run": _run,
    "texts": _texts,
    "tree": _tree,
    "uname": _uname,
    "user": _user,
    "variable": _variable,
}


if __name__ == "__main__":
    json.dump(record(LocalHost()), sys.stdout, indent=1, sort_keys=True)
    print()
