"""Command lines of ``docker run``, rocker and DUA, in scripts, Makefiles and READMEs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from robenv.project.init.findings import InitFinding
from robenv.project.init.readers import shell
from robenv.project.init.readers.options import Options, docker_options, rocker_options

_DUA = ("x86-base", "x86-dev", "x86-cudev", "armv8-base", "armv8-dev", "jetson5", "jetson6")
_DUA_TARGET = re.compile(rf"(?:container-|dua[-_]\w+\S*\s(?:\S+\s)*?)({'|'.join(_DUA)})\b")
_CALLS = re.compile(
    r"\b(?:rocker|(?:docker|podman|nvidia-docker)\s+(?:container\s+)?(?:run|create)|nvidia-docker)\b|dua[-_]"
)
_ASSIGNED = re.compile(
    r"""^\s*(?:export\s+|local\s+|readonly\s+)?(\w+)\s*[:?]?=\s*("[^"`$\n]*"|'[^'`$\n]*'|[\w./:@+-]*)\s*$""",
    re.MULTILINE,
)
_OWN = re.compile(
    r"^\s*(?:export\s+|local\s+|readonly\s+)?(?:(?:for|read)\s+)?(\w+)(?:\s*[:?+]?=|\s+in\s)", re.MULTILINE
)
"""What a script sets in a way that is not read: its own, and not a variable of the user's."""
_OF_MAKE = re.compile(r"\$\((\w+)\)")
_MAX_LINE = 8_000
_PROGRAMS = ("docker", "podman", "nvidia-docker", "rocker")


@dataclass(frozen=True)
class RunLine:
    """A container that is run by a command line."""

    tool: str
    """``docker run`` or ``rocker``."""
    source: str
    options: Options


def run_lines(text: str, source: str) -> Iterator[RunLine]:
    if posixpath.basename(source) == "Makefile":
        text = _OF_MAKE.sub(r"${\1}", text)
    variables = {name: value.strip("\"'") for name, value in _ASSIGNED.findall(text) if value.strip("\"'")}
    own = {name: f"$({name})" for name in _OWN.findall(text)}
    for number, line in shell.joined_lines(text):
        if len(line) > _MAX_LINE or not _CALLS.search(line) or line.lstrip().startswith(("#", "echo ", "//")):
            continue
        line = shell.expand(line.strip().strip("`"), lambda name: variables.get(name) or own.get(name))
        for _, command in shell.commands(line):
            words = shell.stripped(shell.words(command.lstrip("$> ")))
            if not source.endswith(".md"):
                words = _unwrapped(words)
            yield from _line(words, f"{source}:{number}")


def _unwrapped(words: list[str]) -> list[str]:
    """From the program on that runs a container, where a function of the script stands before it."""
    at = next((at for at, word in enumerate(words[:3]) if word.rpartition("/")[2] in _PROGRAMS), 0)
    return words[at:]


def _line(words: list[str], place: str) -> Iterator[RunLine]:
    names = [word.rpartition("/")[2] for word in words[:4]]
    if names[:1] == ["rocker"] and len(words) > 1:
        yield RunLine("rocker", place, rocker_options(words[1:], f"{place}: rocker"))
    elif names and names[0] in _PROGRAMS:
        at = next((at for at, word in enumerate(words[:4]) if word in ("run", "create")), 0)
        if at:
            yield RunLine("docker run", place, docker_options(words[at + 1 :], f"{place}: docker run", True))


def dua_lines(text: str, source: str) -> Iterator[InitFinding]:
    for number, line in shell.joined_lines(text):
        is_call = "dua" in line and len(line) < _MAX_LINE and not line.lstrip().startswith("#")
        if is_call and (target := _DUA_TARGET.search(line)):
            yield InitFinding("profile", target[1], f"{source}:{number}: DUA")


def dua_folder(name: str, source: str) -> Iterator[InitFinding]:
    """A folder ``container-TARGET`` of DUA."""
    if target := _DUA_TARGET.fullmatch(name):
        yield InitFinding("profile", target[1], f"{source}: DUA")
