"""Counts what `init` passes over in silence: of every file that a proposal is made of, each key, entry and instruction
has to be a finding with its line, or a word of one.

    python -m tests.support.init_losses FOLDER…

prints a line for each folder, and what is lost.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from robenv.profile.resolve.summary import find_summary
from robenv.profile.yaml.foreign import load_foreign
from robenv.project.init.findings import InitFinding
from robenv.project.init.folder import read_folder
from robenv.project.init.machine import DetectedMachine
from robenv.project.init.propose import Proposal, propose
from robenv.project.init.readers.devcontainer import _COMMENTS
from robenv.project.init.readers.dockerfile import _pairs, instructions

_SHOWN = 80
"""Characters of a long value that have to be in what is said of it."""
_STANDING = frozenset(("gpu", "display", "audio", "git", "ssh_agent", "realtime", "workspace.target"))
"""Keys that stand for several words of other tools."""


_NAMED = ("requirements", "repos")
_DESCRIBING = ("devcontainer", "compose", "dockerfile", "script")
"""Kinds of files of which each is used, or named as not used."""
_CALL = re.compile(r"(?:^|\s|`)(?:docker (?:container )?(?:run|create)|rocker)\s(?=-)")

_SHELL = str.maketrans("", "", "${}()")
"""Variables count in each way of writing them."""
_TERMINAL = re.compile(r"-[itd]+|--rm|\$\(\w+\)")
"""Words that say nothing of a container; a variable of make is resolved."""


@dataclass(frozen=True)
class Atom:
    """The smallest thing that a file says, on the lines ``first`` to ``last``."""

    file: str
    first: int
    last: int
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.file}:{self.first}: {self.key}: {self.value}"


def lost(folder: Path, source: str = "") -> tuple[Proposal, int, list[Atom]]:
    """The proposal, how many things its files say, and those of which it says nothing."""
    read = read_folder(folder)
    with mock.patch("robenv.project.init.propose.once", iter):  # what is said twice is said
        proposal = propose(read, DetectedMachine(), find_summary, source=source)
    findings = [*proposal.taken, *proposal.asked, *proposal.notes, *proposal.built_in]
    texts = {file: read.text_of(file) or "" for file in proposal.sources}
    atoms = [atom for file, text in texts.items() for atom in _atoms(file, text)]
    atoms += (Atom(file.source, 0, 0, file.kind, file.source) for file in read.files if file.kind in _NAMED)
    atoms += (
        Atom(file.source, 0, 0, file.kind, file.source)
        for file in read.files
        if file.kind in _DESCRIBING
        and (file.kind != "script" or any(_CALL.search(line) and line[:1] != "#" for line in file.text.split("\n")))
    )
    stages = [finding for finding in findings if re.match(r"not converted: stage \S+ \(FROM ", finding.value)]
    left = {(stage.file, line) for stage in stages for line in _lines_of_stage(stage, texts[stage.file])}
    return (
        proposal,
        len(atoms),
        [atom for atom in atoms if (atom.file, atom.first) not in left and not _is_said(atom, findings, proposal)],
    )


def _lines_of_stage(stage: InitFinding, text: str) -> range:
    """Of a stage that a note says is left out, as a whole."""
    begins = [
        *(instruction.line for instruction in instructions(text) if instruction.keyword == "FROM"),
        text.count("\n") + 2,
    ]
    first = int(stage.source.rpartition(":")[2])
    return range(first, begins[begins.index(first) + 1])


def _is_said(atom: Atom, findings: list[InitFinding], proposal: Proposal) -> bool:
    """By the files and the target that are named, by a finding on a command's lines, or else by one with its value."""
    if atom.first == 0 and any(finding.file.partition(" ")[0] == atom.file for finding in findings):
        return True
    if atom.value in (proposal.image, *proposal.sources) or f"{atom.file}:{atom.first}" in proposal.why:
        return True
    if atom.value == "ROS_DISTRO" and proposal.profile.startswith("ros/"):
        return True
    if atom.key == "workspaceMount" and any(finding.key == "workspace.target" for finding in findings):
        return True
    for finding in findings:
        number = re.match(r"\d+", finding.source.partition(":")[2])
        if finding.file != atom.file or not number:
            continue
        if atom.first <= int(number[0]) <= atom.last and (atom.key == "RUN" or _names(finding, atom)):
            return True
    return False


def _names(one: InitFinding, atom: Atom) -> bool:
    """Whether a finding is about this and not only about something else on the same line."""
    if (one.key in _STANDING and atom.key != "word") or one.value.startswith(f"not converted: {atom.key} "):
        return True
    text = " ".join(f"{one.key} {one.value} {one.source}".split())
    words = " ".join(atom.value.replace("-${devcontainerId}", "").split())[:_SHOWN]
    shown = [words, words.partition("=")[2] or words, json.dumps(words)[1:-1]]
    if atom.key.endswith("devices") or words.startswith("/dev/"):
        shown.append(words.partition(":")[0])  # at the same place inside
    if one.key == "workspace.target":
        shown.append(words.rpartition(":")[2])
    if one.key in _STANDING:
        shown.append(words.partition("=")[0])  # a variable that stands for it
    text = text.translate(_SHELL)
    return any(word.translate(_SHELL) in text for word in shown)


def _atoms(file: str, text: str) -> Iterator[Atom]:
    name = file.rpartition("/")[2].lower()
    if "compose" in name:
        yield from _compose(file, text)
    elif name.endswith("devcontainer.json"):
        yield from _devcontainer(file, text)
    elif "dockerfile" in name or "containerfile" in name:
        yield from _dockerfile(file, text)
    else:
        yield from _words(file, text)


def _words(file: str, text: str) -> Iterator[Atom]:
    """Of each command line that runs a container the words behind the program; those of options before their value,
    such as ``-v`` and ``--name``, are said by that."""
    joined = re.sub(r"\\\n", lambda found: "\v", text)
    line = 0
    for one in joined.split("\n"):
        first, line = line + 1, line + 1 + one.count("\v")
        found = _CALL.search(one)
        if found is None or one.lstrip().startswith(("#", "echo ")):
            continue
        words = one[found.end() :].replace("\v", " ").split()
        for word, after in zip(words, [*words[1:], "-"], strict=True):
            if (word[0] != "-" or after[0] == "-" or "=" in word) and not _TERMINAL.fullmatch(word):
                yield Atom(file, first, line, "word", _bare(word))


def _bare(word: str) -> str:
    """Without dashes, quotes, the option's name and the host's side of a mount."""
    word = word.strip("\"'`").lstrip("-")
    return word.partition("=")[2].strip("\"'") if re.match(r"[a-z-]+=", word) else word


def _compose(file: str, text: str) -> Iterator[Atom]:
    root = load_foreign(text)
    services = root.get("services", {}) if isinstance(root, dict) else {}
    for key, value in root.items() if isinstance(root, dict) else ():
        if key not in ("services", "version", "name") and not key.startswith("x-"):  # merged where they are used
            line = getattr(key, "line", 0)
            yield from (Atom(file, line, line + 50, key, one) for one in (value if isinstance(value, dict) else [key]))
    for name, body in services.items():
        keys = body.items() if isinstance(body, dict) else ()
        for path, value in _leaves({key: one for key, one in keys if key != "build" or isinstance(one, dict)}):
            line = getattr(value, "line", 0)
            yield Atom(file, getattr(name, "line", 0), line, f"{name}{path}", str(value))


def _devcontainer(file: str, text: str) -> Iterator[Atom]:
    root = json.loads(_COMMENTS.sub(lambda match: match[1] or "", text))
    for key, value in root.items():
        line = next((n for n, one in enumerate(text.split("\n"), 1) if re.search(rf'"{re.escape(key)}"\s*:', one)), 0)
        last = line + (json.dumps(value, indent=0).count("\n") + 9 if key == "build" else 0)
        for path, said in _said(key, value):
            yield Atom(file, line, last, f"{key}{path}", said)


def _said(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if key in ("dockerComposeFile", "service"):
        return  # what these name is one of the files
    if key in ("customizations", "settings", "extensions", "portsAttributes"):
        yield "", key
    elif key in ("containerEnv", "remoteEnv"):
        yield from ((f".{name}", name) for name in value)
    elif key == "runArgs":
        followed = [*value[1:], "-"]
        yield from (("", one) for one, after in zip(value, followed, strict=True) if one[0] != "-" or after[0] == "-")
    elif key == "mounts":
        for one in value:
            parts = one if isinstance(one, dict) else dict(part.partition("=")[::2] for part in one.split(","))
            yield "", parts.get("source") or parts.get("src") or str(one)
    else:
        for path, leaf in _leaves(value):
            yield path, leaf if isinstance(leaf, str) else json.dumps(leaf)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one, path)
    else:
        yield path, value


def _dockerfile(file: str, text: str) -> Iterator[Atom]:
    found = list(instructions(text))
    for one, following in zip(found, [*(other.line for other in found[1:]), text.count("\n") + 2], strict=True):
        if one.keyword in ("ARG", "ENV"):
            for name, _ in _pairs(one.rest, is_env=one.keyword == "ENV"):
                yield Atom(file, one.line, following - 1, one.keyword, name)
        elif one.keyword != "FROM":  # a stage is used, or left out with a note
            yield Atom(file, one.line, following - 1, one.keyword, " ".join(one.rest.replace("\v", " ").split()))


def main() -> None:
    for name in sys.argv[1:]:
        proposal, count, missing = lost(Path(name))
        kinds = len(proposal.taken) + len(proposal.asked), len(proposal.notes), len(proposal.built_in)
        print(" | ".join(map(str, (Path(name).name, proposal.sources, proposal.stand, count, kinds, len(missing)))))
        for atom in missing:
            print(f"    {atom}")


if __name__ == "__main__":
    main()
