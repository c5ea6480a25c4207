"""A machine from a JSON document: recorded by ``python -m robenv.host.record``, or written by hand.

The document describes the machine rather than the questions, so that it outlives the probes:

    source      where it is from
    user        [UID, GID, name]
    uname       [release, version, machine]
    variables   {name: value}
    files       {path: text}
    links       {path: what the link says}
    nodes       {path: [kind, major, minor, GID, permission bits in octal]}
    others      {path: kind}, for what is there besides
    listening   [path of a socket that accepts connections]
    reached     ["HOST:PORT" where somebody accepts connections]
    unwritable  [folder that the user may not write in]
    commands    {"command with arguments": [exit code, output]}

Whatever is not in it is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from robenv.host.host import Host, first_line, resolve_links


class RecordedHost(Host):
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.source: str = document.get("source", "")
        self._files: dict[str, str] = document.get("files", {})
        self._links: dict[str, str] = document.get("links", {})
        self._nodes: dict[str, list[Any]] = document.get("nodes", {})
        self._others: dict[str, str] = document.get("others", {})
        self._listening = frozenset(document.get("listening", ()))

    @classmethod
    def load(cls, path: Path) -> RecordedHost:
        """Of a document in a file. Raises OSError, ValueError."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def ask(self, verb: str, *arguments: str) -> Any:
        return getattr(self, f"_answer_{verb}")(*arguments)

    def _answer_read(self, path: str) -> str | None:
        return self._files.get(self._resolve(path))

    def _answer_line(self, path: str, start: str) -> str | None:
        return first_line(self._answer_read(path), start)

    def _answer_glob(self, pattern: str) -> list[str]:
        known = {*self._files, *self._links, *self._nodes, *self._others, *self._listening}
        folders = {str(parent) for path in known for parent in Path(path).parents}
        found = {path for path in known | folders if _matches(path, pattern)}
        for link, target in ((link, resolve_links(link, self._links)) for link in self._links):
            if pattern.startswith(f"{link}/"):
                below = self._answer_glob(target + pattern.removeprefix(link))
                found |= {link + path.removeprefix(target) for path in below}
        return sorted(found)

    def _answer_texts(self, pattern: str) -> dict[str, str]:
        texts = ((path, self._answer_read(path)) for path in self._answer_glob(pattern))
        return {path: text for path, text in texts if text is not None}

    def _answer_holding(self, pattern: str, text: str) -> list[str]:
        return [path for path, found in self._answer_texts(pattern).items() if found.strip() == text]

    def _answer_link(self, path: str) -> str | None:
        return self._links.get(path)

    def _answer_kind(self, path: str) -> str:
        path = self._resolve(path)
        if path in self._nodes:
            return str(self._nodes[path][0])
        if path in self._files:
            return "file"
        if path in self._listening:
            return "socket"
        return self._others.get(path) or ("folder" if self._answer_glob(f"{path}/*") else "")

    def _answer_node(self, path: str) -> list[Any] | None:
        target = self._resolve(path)
        return self._describe(path, target) if target in self._nodes else None

    def _answer_tree(self, folder: str) -> dict[str, Any]:
        nodes = [self._answer_node(path) for path in _below({**self._nodes, **self._links}, folder)]
        others = {*_below(self._files, folder), *_below(self._others, folder), *_below(self._listening, folder)}
        folders = {
            f"{parent}/" for path in _below({**self._nodes, **self._links}, folder) for parent in Path(path).parents
        }
        others = {f"{path}/" if self._others.get(path) == "folder" else path for path in others}
        others |= {path for path in folders if path.startswith(f"{folder}/") and path != "/dev/pts/"} - {f"{folder}/"}
        return {"nodes": sorted(node for node in nodes if node), "others": sorted(others)}

    def _answer_variable(self, name: str) -> str | None:
        value: str | None = self._document.get("variables", {}).get(name)
        return value

    def _answer_can_hold(self, folder: str, home: str) -> bool:
        return folder not in self._document.get("unwritable", ())

    def _answer_listens(self, path: str) -> bool:
        return self._resolve(path) in self._listening

    def _answer_reaches(self, name: str, port: str) -> bool:
        return f"{name}:{port}" in self._document.get("reached", ())

    def _answer_uname(self) -> list[str]:
        return list(self._document["uname"])

    def _answer_user(self) -> list[Any]:
        return list(self._document.get("user", (1000, 1000, "dev")))

    def _answer_run(self, *command: str) -> list[Any] | None:
        answer: list[Any] | None = self._document.get("commands", {}).get(" ".join(command))
        return answer

    def _resolve(self, path: str) -> str:
        """The link itself; and folders that are links, since /var/run and /bin are."""
        path = resolve_links(path, self._links)
        for link in self._links:
            if path.startswith(f"{link}/"):
                return resolve_links(resolve_links(link, self._links) + path.removeprefix(link), self._links)
        return path

    def _describe(self, path: str, target: str) -> list[Any]:
        kind, major, minor, gid, mode = self._nodes[target]
        return [path, kind, major, minor, gid, int(mode, 8), "" if path == target else target]


def _matches(path: str, pattern: str) -> bool:
    """As a shell does: ``*`` stays in one folder."""
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _below(paths: Iterable[str], folder: str) -> list[str]:
    return [path for path in paths if path.startswith(f"{folder}/")]
