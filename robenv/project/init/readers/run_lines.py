"""The commands of a RUN: what apt and pip install, what robenv does by itself, and what is left to be done by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from robenv.project.init.findings import InitFinding, Setting, built_in, not_converted
from robenv.project.init.meaning import interpret
from robenv.project.init.readers import shell

Scope = Callable[[str], "str | None"]

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?(?:=[^\s$]+)?")
_APT_OPTIONS = ("-t", "--target-release", "-o", "-c", "--option")
_PIP_OPTIONS = {
    "-r": "requirements", "--requirement": "requirements", "-c": "constraints", "--constraint": "constraints",
    "-i": "index_url", "--index-url": "index_url", "--extra-index-url": "extra_index_urls",
}  # fmt: skip
_PIP_VALUES = (
    "-f",
    "--find-links",
    "-t",
    "--target",
    "--timeout",
    "--trusted-host",
    "--prefix",
    "--root",
    "-e",
    "--editable",
)
_ROS_ARCHIVE = re.compile(r"packages\.ros\.org|ros-archive-keyring|ros2?-apt-source|rosdistro/master/ros\.(?:key|asc)")
_SOURCED = re.compile(r"setup\.(?:ba|z)?sh")
_RC_FILE = re.compile(r">>\s*\S*(?:bashrc|\.profile|bash\.bashrc|zshrc)")
_EXPORT = re.compile(r"(?:export\s+)(\w+)=([^\s\"'#]*)")
_USERS = ("useradd", "adduser", "groupadd", "addgroup", "usermod", "userdel", "groupmod", "chpasswd", "deluser")
_QUIET = re.compile(
    r"set\s+-.*|\w+=\S*|cd\b.*|mkdir\b.*|true|:|export\s+DEBIAN_FRONTEND=.*|exit\s+\d|\\|fi|done|echo|ldconfig|\)|\}|"
    r"rm\s+-\w*\s+(?:/var/lib/apt/lists|/var/cache/apt|/tmp/|/var/tmp|~/\.cache|/root/\.cache|/etc/ros/rosdep).*|"
    r"(?:.*/)?(?:apt-get|apt)\s+(?:-\S+\s+)*(?:update|upgrade|dist-upgrade|full-upgrade|clean|autoclean|autoremove)\b.*|"
    r"dpkg\s+--configure\b.*|(?:\.|source)\s+\S*setup\.(?:ba|z)?sh|rosdep\s+(?:init|update|fix-permissions)\b.*|"
    r"(?:python3? -m )?pip3?\s+(?:config|cache)\b.*|git\s+config\s+--global\s+--add\s+safe\.directory\b.*"
)


def findings_of_run(text: str, place: str, scope: Scope) -> Iterator[InitFinding]:
    """``scope``: ARG and ENV as they are there."""
    file, _, first = place.rpartition(":")
    number = int(first) if first.isdecimal() else 0
    rest: list[str] = []
    if _ROS_ARCHIVE.search(text) and not re.search(r"\binstall\b", _ROS_ARCHIVE.split(text)[-1]):
        yield built_in("the package archive of ROS", place)
    for before, command in shell.commands(text):
        at = f"{file}:{number + before}" if number else place
        found = list(_command(shell.expand(command, scope), at))
        if not found:
            rest.append(command)
        yield from found
    noisy = [one for one in rest if not _QUIET.fullmatch(_plain(one))]
    if rest and not noisy:
        yield built_in("RUN " + "; ".join(rest), place)
    elif noisy:
        shown = rest if any(re.match(r"git\s+clone|wget|curl|make|cmake", one) for one in noisy) else noisy
        yield not_converted("RUN " + " && ".join(shown), place, _way(noisy))


def _plain(command: str) -> str:
    return " ".join(shell.stripped(command.split()))


def _way(commands: list[str]) -> str:
    text = " ".join(commands)
    if re.search(r"\bgit\s+clone\b|\bvcs\s+import\b|\bwstool\b", text):
        return "packages: a .repos file for workspace.repos; else steps"
    if re.search(r"\b(?:colcon|catkin|catkin_make)\b.*\bbuild\b|\bcatkin_make\b", text):
        return "build the workspace inside; for robots: run_image.build"
    return "steps"


def _command(command: str, place: str) -> Iterator[InitFinding]:
    """What a command comes to; nothing where it is not known."""
    said = shell.stripped(shell.words(command))
    if not said:
        return
    program = said[0].rpartition("/")[2]
    if program in ("apt-get", "apt", "aptitude") and "install" in said:
        yield from _apt(said[said.index("install") + 1 :], place)
    elif program in ("pip", "pip2", "pip3") and "install" in said:
        yield from _pip(said[said.index("install") + 1 :], place)
    elif program.startswith("python") and said[1:4] == ["-m", "pip", "install"]:
        yield from _pip(said[4:], place)
    elif program == "rosdep" and "install" in said:
        yield from _rosdep(said, place)
    elif program in _USERS or "/etc/sudoers" in command:
        yield built_in(f"{command} (robenv gives you your own user)", place)
    elif _RC_FILE.search(command):
        yield from _rc_line(command, place)
    elif _ROS_ARCHIVE.search(command):
        yield built_in(f"{command} (the target has ROS's package archive)", place)


def _apt(arguments: list[str], place: str) -> Iterator[InitFinding]:
    skip = False
    for word in arguments:
        if skip or word.startswith("-"):
            if word in _APT_OPTIONS:
                skip = True
                continue
            if skip:
                yield not_converted(f"an option of apt: {word}", place, "apt.repositories, or a version: NAME=VERSION")
            skip = False
        elif _PACKAGE.fullmatch(word) and not word.endswith((".deb", "-")):
            yield InitFinding("apt.packages", word, place)
        elif word not in ("\\", "#", "&&"):
            yield not_converted(f"apt-get install {word}", place, "apt.packages")


def _pip(arguments: list[str], place: str) -> Iterator[InitFinding]:
    options: dict[str, str] = {}
    packages: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _PIP_OPTIONS:
            options[_PIP_OPTIONS[name]] = value if equals else next(words, "")
        elif name in _PIP_VALUES:
            value = value if equals else next(words, "")
            yield not_converted(f"pip install {name} {value}", place, "pip, or steps")
        elif not word.startswith("-") and word not in ("pip", "pip3", "\\"):
            packages.append(word)
    yield from _pip_files(options, place)
    for package in packages:
        yield _pip_package(package, options, place)
    yield built_in("pip install", place)


def _pip_files(options: dict[str, str], place: str) -> Iterator[InitFinding]:
    """What pip reads; it is taken out of the options."""
    if file := options.pop("requirements", ""):
        yield InitFinding("requirements", file, place)
    if file := options.pop("constraints", ""):
        yield not_converted(f"pip install -c {file}", place, "pip: constraints")


def _pip_package(package: str, options: dict[str, str], place: str) -> InitFinding:
    if "$" in package or package.startswith((".", "/")) or package.endswith(".whl"):
        return not_converted(f"pip install {package}", place, "pip, or steps")
    return InitFinding("pip", json.dumps({"packages": package, **options}) if options else package, place)


def _rosdep(said: list[str], place: str) -> Iterator[InitFinding]:
    yield InitFinding("workspace.dependencies", "true", f"{place}: rosdep install")
    skipped: list[str] = []
    for at, word in enumerate(said):
        name, equals, value = word.partition("=")
        if name in ("--skip-keys", "--skip_keys"):
            skipped += (value if equals else next(iter(said[at + 1 : at + 2]), "")).split()
    if skipped:
        yield not_converted(
            f"rosdep install --skip-keys {' '.join(skipped)}", place, "workspace.dependencies.skip_keys"
        )


def _rc_line(command: str, place: str) -> Iterator[InitFinding]:
    exported = _EXPORT.search(command)
    if exported and not re.search(r"[\"']\s*#", command):
        if "$" in exported[2]:
            yield not_converted(command, place, "environment")
        else:
            yield from interpret([Setting("environment", f"{exported[1]}={exported[2]}", place)], lambda path: path)
    elif _SOURCED.search(command):
        yield built_in(f"{command} (setup sources what the target needs)", place)
    else:
        yield not_converted(f"RUN {command}", place, "your own ~/.bashrc inside, or steps")
