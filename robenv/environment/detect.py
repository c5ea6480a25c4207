"""What files of a folder say about the environment that they want: texts in, hints out. Pure, and never more than a
guess: what a hint becomes is decided elsewhere, and shown with the file that it came from."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from robenv.catalog.ros import DISTROS, image_of
from robenv.plan.packages import leads_elsewhere


@dataclass(frozen=True)
class Hint:
    """``kind``: ``ros`` (1 or 2), ``distro``, ``image``, ``profile``, ``apt``, ``environment`` (NAME=value), ``note``
    (what robenv does in another way, or not), or a key of a profile with its value."""

    kind: str
    value: str
    source: str
    """The file that says so, with the line where one does."""


_HARMLESS = (
    "apt", "pip", "environment", "run.shm_size", "workspace.dependencies", "workspace.repos",
    "run.network_mode: bridge", "run.network_mode: none", "run.ipc: private",
)  # fmt: skip
"""Keys, or keys with their value, that take nothing of the host; all others do."""
_GIVES = {
    "gpu": "the GPU",
    "display": "your screen, keyboard and clipboard",
    "audio": "your microphone and speakers",
    "git": "your name and address",
    "ssh_agent": "the use of your ssh keys",
    "devices": "a device of this machine",
    "run.network_mode": "this machine's network",
    "run.ipc": "the shared memory of this machine's programs",
}


def given_by(hint: Hint) -> str:
    """What a hint that becomes a key of a profile gives of the host, in words; "" for nothing. A folder may be somebody
    else's work: what it asks of the host is the user's to say."""
    if hint.kind in _HARMLESS or f"{hint.kind}: {hint.value}" in _HARMLESS:
        return ""
    return _GIVES.get(hint.kind, "more than an ordinary container has")


_NAMES = "|".join(one.name for one in DISTROS)
_DISTRO = re.compile(rf"(?:/opt/ros/|\bros-|ROS_DISTRO[=:]\s*[\"']?)({_NAMES})\b")
_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*[}\]])', re.DOTALL)
_DEPEND = re.compile(r"<(\w*depend)\b[^>]*>\s*([\w.+-]+)\s*</\1>|<build_type>\s*(\w+)\s*</build_type>")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?:=[^\s]+)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
_DUA = ("x86-base", "x86-dev", "x86-cudev", "armv8-base", "armv8-dev", "jetson5", "jetson6")
_DUA_TARGET = re.compile(rf"(?:container-|dua[-_]\w+\S*\s(?:\S+\s)*?)({'|'.join(_DUA)})\b")


def in_package_xml(text: str, source: str) -> Iterator[Hint]:
    """ROS 1 or 2, by what builds it, and then that what it depends on is wanted."""
    body = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    names = {found[1] or found[2] for found in _DEPEND.findall(body)}
    two = sorted(name for name in names if name.startswith("ament_") or name in ("rclcpp", "rclpy"))
    one = sorted(names & {"catkin", "roscpp", "rospy", "cmake_modules"})
    if two:
        yield Hint("ros", "2", f"{source}: {two[0]}")
    elif one:
        yield Hint("ros", "1", f"{source}: {one[0]}")
    if two or one:
        yield Hint("workspace.dependencies", "true", f"{source}: what packages depend on, by rosdep")


def in_requirements(text: str, source: str) -> Iterator[Hint]:
    """A requirements.txt of pip's at the top of a folder."""
    elsewhere = [line.strip() for line in text.splitlines() if leads_elsewhere(line)]
    if elsewhere:
        yield Hint("note", f"for pip, which cannot take it as it is: {elsewhere[0]}", source)
    elif text.strip():
        yield Hint("pip", f"[{{requirements: {source}}}]", f"{source}: what pip installs")


def in_repos(text: str, source: str) -> Iterator[Hint]:
    """The distribution that most of a .repos file's branches are named after."""
    versions = re.findall(r"(?:^|[\s{,])version:\s*[\"']?([\w./-]+)", text, re.MULTILINE)
    counts = {one.name: sum(bool(re.search(rf"\b{one.name}\b", name)) for name in versions) for one in DISTROS}
    best = max(counts, key=lambda name: counts[name])
    if counts[best]:
        yield Hint("distro", best, f"{source}: {counts[best]} of {len(versions)} versions")


def in_dockerfile(text: str, source: str) -> Iterator[Hint]:
    """What its last stage is made from, and which packages apt installs."""
    joined = re.sub(r"\\[ \t]*\n(?:[ \t]*#[^\n]*\n)*", lambda match: " " + "\v" * match[0].count("\n"), text)
    arguments: dict[str, str] = {}
    bases: dict[str, str] = {}
    last, number = "", 1
    found: list[Hint] = []
    for line in joined.split("\n"):
        place = f"{source}:{number}"
        number += 1 + line.count("\v")
        keyword, _, rest = line.replace("\v", " ").strip().partition(" ")
        rest = re.sub(r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda m: arguments.get(m[1], m[2] or m[0]), rest)
        if keyword.upper() == "ARG" and "=" in rest:
            name, _, value = rest.strip().partition("=")
            arguments[name] = value.strip("\"'")
        elif keyword.upper() == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            last = bases.get(words[0].lower(), words[0]) if words else ""
            if len(words) == 3:
                bases[words[2].lower()] = last
            found = [Hint("image", last, place)] if re.fullmatch(r"[\w./:@-]+", last) and last != "scratch" else []
        elif keyword.upper() == "RUN":
            found += [Hint("apt", package, place) for package in _installed(rest)]
    yield from dict.fromkeys(found)
    yield from _distro(text, source)


def _installed(command: str) -> Iterator[str]:
    """The packages of each ``apt-get install`` in a shell command."""
    for part in re.split(r"&&|\|\||[;|\n]", command):
        words = part.split()
        tool = next((at for at, word in enumerate(words) if word in ("apt", "apt-get")), None)
        if tool is None or "install" not in words[tool:]:
            continue
        for word in words[words.index("install", tool) + 1 :]:
            if _PACKAGE.fullmatch(word):
                yield word


def in_devcontainer(text: str, source: str) -> Iterator[Hint]:
    """Its image, options and variables. Comments and trailing commas are allowed there."""
    try:
        document = json.loads(_COMMENTS.sub(lambda match: match[1] or "", text))
    except ValueError:
        yield Hint("note", "it is not JSON that can be read", source)
        return
    if not isinstance(document, dict):
        return
    if isinstance(document.get("image"), str):
        yield Hint("image", document["image"], source)
    yield from in_options([str(one) for one in _list(document.get("runArgs"))], source)
    for key in ("containerEnv", "remoteEnv"):
        for name, value in _mapping(document.get(key)).items():
            if isinstance(value, str) and "$" not in value and _VARIABLE.fullmatch(f"{name}={value}"):
                yield Hint("environment", f"{name}={value}", f"{source}: {key}")
    yield from _by_hand(document, source)
    yield from _distro(text, source)


def _by_hand(document: dict[str, Any], source: str) -> Iterator[Hint]:
    """What has another shape here."""
    for mount in _list(document.get("mounts")):
        yield Hint("note", f"a mount, for run.volumes: {json.dumps(mount)}", source)
    for feature in _mapping(document.get("features")):
        yield Hint("note", f"a feature, for apt.packages or steps: {feature}", source)
    for key in ("postCreateCommand", "postStartCommand"):
        if document.get(key):
            yield Hint("note", f"{key}, for steps: {json.dumps(document[key])}", source)


_ON = {
    "--x11": ("display", "auto"),
    "--wayland": ("display", "auto"),
    "--nvidia": ("gpu", "auto"),
    "--pulse": ("audio", "auto"),
    "--git": ("git", "true"),
    "--ssh": ("ssh_agent", "auto"),
}
_KEYS = {
    "--network": "run.network_mode", "--net": "run.network_mode", "--ipc": "run.ipc", "--shm-size": "run.shm_size",
    "--gpus": "gpu", "--runtime": "gpu", "--env": "environment", "-e": "environment", "--device": "devices",
    "--devices": "devices",
}  # fmt: skip
_VALUES = {
    "run.network_mode": re.compile("host|bridge|none"),
    "run.ipc": re.compile("host|private|shareable"),
    "run.shm_size": re.compile(r"\d{1,6}[kmgKMG]?[bB]?"),
    "devices": re.compile(r"/dev/[\w/-]+"),
}


def in_options(words: list[str], source: str) -> Iterator[Hint]:
    """Options of ``docker run`` and of rocker."""
    at = 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        at += 1
        if name in _ON:
            yield Hint(*_ON[name], source)
        elif name == "--privileged":
            yield Hint("note", "--privileged: name `devices` and `run.cap_add` instead", source)
        elif name in _KEYS:
            if not equals and at < len(words) and not words[at].startswith("-"):
                value, at = words[at], at + 1
            yield from _option(name, value, source)


def _option(name: str, value: str, source: str) -> Iterator[Hint]:
    key = _KEYS[name]
    if key == "gpu":
        yield from [Hint("gpu", "auto", source)] if name == "--gpus" or value == "nvidia" else []
    elif key == "environment":
        yield from [Hint(key, value, source)] if _VARIABLE.fullmatch(value) and "$" not in value else []
    elif _VALUES[key].fullmatch(value):
        yield Hint(key, value, source)


def in_script(text: str, source: str) -> Iterator[Hint]:
    """Command lines of rocker and of DUA."""
    for number, line in enumerate(text.replace("\\\n", "  ").split("\n"), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split()
        place = f"{source}:{number}"
        if "rocker" in words:
            words = words[words.index("rocker") + 1 :]
            yield from in_options(words, f"{place}: rocker")
            images = [word for word in words if re.fullmatch(r"[a-z0-9][\w./-]*:[\w.-]+", word)]
            yield from [Hint("image", images[0], f"{place}: rocker")] if images else []
        elif target := _DUA_TARGET.search(" ".join(words)):
            yield Hint("profile", target[1], f"{place}: DUA")


def in_dua_folder(name: str, source: str) -> Iterator[Hint]:
    """A folder ``container-TARGET`` of DUA."""
    if target := _DUA_TARGET.fullmatch(name):
        yield Hint("profile", target[1], f"{source}: DUA")


def _distro(text: str, source: str) -> Iterator[Hint]:
    if found := _DISTRO.search(text):
        yield Hint("distro", found[1], f"{source}:{text.count(chr(10), 0, found.start()) + 1}")


def distro_of(hint: Hint) -> str:
    """The distribution of ROS that a hint names; "" for none."""
    if hint.kind == "image":
        return image_of(hint.value)[0]
    return hint.value if hint.kind == "distro" else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
