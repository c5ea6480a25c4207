"""Which robots there are: ``robots.yaml``, in the form of Ansible's YAML inventories, so that one file serves both.

Keys by https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html. Pure but for reading the file.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robenv.errors import Problem, ProfileError, UsageError
from robenv.profile.chain.project import INVENTORY
from robenv.profile.yaml.files import BadFile, read_text
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import Mapping as MappingNode
from robenv.profile.yaml.nodes import Node, Scalar, SourceFile, problem_at, to_python
from robenv.profile.yaml.parse_error import did_you_mean
from robenv.remote.inventory_variables import doubt, is_read
from robenv.util.sanitize import show

FILE = INVENTORY
DOCKER_SOCKET = "/var/run/docker.sock"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RANGE = re.compile(r"\[(\d+):(\d+)\]")
_LOGIN = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9\[][A-Za-z0-9._:%\]-]*")
_GROUP_KEYS = ("hosts", "children", "vars")
_MAX_ROBOTS = 10_000


@dataclass(frozen=True)
class Robot:
    """A machine to deploy to. ``host`` is what ``ssh`` is given: a name of its configuration, or an address."""

    name: str
    host: str
    user: str = ""
    port: int | None = None
    ssh_options: tuple[str, ...] = ()
    """Further arguments of ssh, each a word of its own."""
    docker_host: str = DOCKER_SOCKET
    """Where its engine listens: the path of a socket there."""
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    """Of one that the file does not have: which of its names may have been meant."""

    @property
    def place(self) -> str:
        """For messages: ``user@host``, with ``-p`` where it listens elsewhere."""
        place = f"{self.user}@{self.host}" if self.user else self.host
        return f"-p {self.port} {shlex.quote(place)}" if self.port else shlex.quote(place)

    @property
    def login(self) -> str:
        """For messages: what a person would write after ``ssh``."""
        return " ".join([*map(shlex.quote, self.ssh_options), self.place])

    @property
    def known_as(self) -> str:
        """Its name in known_hosts, quoted for a shell."""
        return shlex.quote(self.host if self.port in (None, 22) else f"[{self.host}]:{self.port}")


@dataclass(frozen=True)
class Inventory:
    """The robots of a file, in its order."""

    robots: tuple[Robot, ...] = ()
    path: str = ""
    since: int = field(default=0, compare=False)
    """When reading began, in nanoseconds since 1970."""
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
    """Variables that were most likely meant to be others."""

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(group for robot in self.robots for group in robot.groups))

    def select(self, names: Sequence[str], all_: bool = False) -> tuple[Robot, ...]:
        """The robots and groups that are named, each robot once; a name that the file does not have is what ``ssh``
        knows by it. Raises UsageError for what can be no name, and where nothing is named or there is none at all.
        """
        if all_:
            if not self.robots:
                raise UsageError(
                    "there are no robots", hint=f"{FILE} beside robenv.yaml lists them; or name one that ssh knows"
                )
            return self.robots
        if not names:
            known = ", ".join(robot.name for robot in self.robots[:8])
            raise UsageError(
                "which robot?", hint=f"name one, or --all: {known}" if known else "name one that ssh knows"
            )
        found: dict[str, Robot] = {}
        for name in names:
            for robot in self._named(name):
                found.setdefault(robot.name, robot)
        return tuple(found.values())

    def _named(self, name: str) -> Iterator[Robot]:
        own = [robot for robot in self.robots if name in (robot.name, *robot.groups)]
        hint = "" if own else did_you_mean(name, [*(robot.name for robot in self.robots), *self.groups])
        if own:
            yield from own
        elif _LOGIN.fullmatch(name):
            user, _, host = name.rpartition("@")
            yield Robot(name, host, user, hint=hint)
        else:
            raise UsageError(f"{show(name)} is no name of a robot", hint=hint)


def read_inventory(path: Path) -> Inventory:
    """The inventory in a file; an empty one where there is none. Raises ProfileError with every problem."""
    since = time.time_ns()
    try:
        text = read_text(path)
    except BadFile as bad:
        if bad.absent:
            return Inventory()
        raise ProfileError(f"{path.name}: {bad.message}", hint=bad.hint) from None
    source = SourceFile(path, path.name, path.name, "project", path.parent, (), text)
    root, found = load_yaml(source)
    reader = _InventoryReader([*found])
    if isinstance(root, MappingNode):
        for name, group in root.values():
            reader.group(name, group, (), {})
    elif root is not None and not found and text.strip():
        reader.problems.append(
            problem_at(root, "an inventory is a mapping of groups", "such as `all: {hosts: {rover: {}}}`")
        )
    robots = tuple(reader.robots())
    if reader.problems:
        count = len(reader.problems)
        raise ProfileError(f"{count} problem{'s' if count > 1 else ''} in {path.name}", problems=tuple(reader.problems))
    return Inventory(robots, str(path), since, tuple(reader.doubts.values()))


class _InventoryReader:
    """Gathers hosts with the variables that apply to each: a nearer group's go before a further one's, a host's own
    before all."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.doubts: dict[tuple[int, int], Problem] = {}
        self._hosts: dict[str, tuple[Node, dict[str, Any], dict[str, None]]] = {}

    def group(self, name: str, node: Node, above: tuple[str, ...], inherited: Mapping[str, Any]) -> None:
        if isinstance(node, Scalar) and node.kind == "null":
            return
        if not isinstance(node, MappingNode):
            self.problems.append(
                problem_at(node, f"the group {show(name)} is not a mapping", "it has hosts, children and vars")
            )
            return
        if not name.isprintable():
            self.problems.append(problem_at(node, f"{show(name)} is no name of a group", "letters, digits, . _ and -"))
            return
        if name in above or len(above) > 20:
            self.problems.append(problem_at(node, f"the group {show(name)} is inside itself"))
            return
        groups = (*above, name)
        for key, value in node.values():
            if key not in _GROUP_KEYS:
                hint = did_you_mean(key, _GROUP_KEYS) or "a group has hosts, children and vars"
                self.problems.append(problem_at(value, f"unknown key {show(key)} in the group {show(name)}", hint))
        variables = {**inherited, **self._variables(node.get("vars"))}
        for host, own in self._entries(node.get("hosts"), "hosts"):
            self._add(host, own, groups, variables)
        for child, below in self._entries(node.get("children"), "children"):
            self.group(child, below, groups, variables)

    def robots(self) -> Iterator[Robot]:
        for name, (node, variables, groups) in self._hosts.items():
            try:
                yield _robot(name, variables, tuple(groups))
            except ValueError as error:
                self.problems.append(problem_at(node, f"robot {show(name)}: {error}"))

    def _entries(self, node: Node | None, key: str) -> Iterator[tuple[str, Node]]:
        if node is None or (isinstance(node, Scalar) and node.kind == "null"):
            return
        if not isinstance(node, MappingNode):
            self.problems.append(problem_at(node, f"`{key}` is not a mapping", f"such as `{key}: {{rover: {{}}}}`"))
            return
        yield from node.values()

    def _variables(self, node: Node | None) -> dict[str, Any]:
        if node is None or (isinstance(node, Scalar) and node.kind == "null"):
            return {}
        if not isinstance(node, MappingNode):
            self.problems.append(problem_at(node, "variables are a mapping", "such as `ansible_user: dev`"))
            return {}
        variables = dict(to_python(node))
        for name, (key, value) in node.entries.items():
            if found := doubt(name):
                self.doubts[(key.line, key.column)] = problem_at(key, *found)
            elif is_read(name) and (why := _unreadable(value)):
                self.problems.append(problem_at(value, f"{show(name)} is {why}", "write the value itself"))
                variables.pop(name, None)
        return variables

    def _add(self, pattern: str, node: Node, groups: tuple[str, ...], variables: Mapping[str, Any]) -> None:
        own = self._variables(node)
        for name in _spread(pattern):
            if not _NAME.fullmatch(name):
                self.problems.append(
                    problem_at(node, f"{show(name)} is no name of a robot", "letters, digits, . _ and -")
                )
                return
            if len(self._hosts) >= _MAX_ROBOTS:
                self.problems.append(problem_at(node, f"these are more than {_MAX_ROBOTS} robots"))
                return
            place, known, of = self._hosts.get(name, (node, {}, {}))
            # A later mention adds groups; what was said of the host itself stays above what groups say.
            self._hosts[name] = place, {**variables, **known, **own}, {**of, **dict.fromkeys(groups)}


def _unreadable(value: Node) -> str:
    """Why a value cannot be what a variable says; "" where it can."""
    if not isinstance(value, Scalar):
        return "a single value, and neither a list nor a mapping"
    return "a template of Ansible's, which robenv does not fill in" if "{{" in value.text else ""


def _spread(pattern: str) -> Iterator[str]:
    """Ansible's ``rover[01:03]``: rover01, rover02, rover03."""
    match = _RANGE.search(pattern)
    if match is None:
        yield pattern
        return
    first, last = match[1], match[2]
    for number in range(int(first), min(int(last), int(first) + _MAX_ROBOTS) + 1):
        yield from _spread(pattern[: match.start()] + str(number).zfill(len(first)) + pattern[match.end() :])


def _robot(name: str, variables: Mapping[str, Any], groups: tuple[str, ...]) -> Robot:
    """Raises ValueError with what is wrong."""
    texts = {key: str(value) for key, value in variables.items() if isinstance(value, (str, int, float, bool))}
    host = texts.get("ansible_host", texts.get("ansible_ssh_host", name))
    user = texts.get("ansible_user", texts.get("ansible_ssh_user", ""))
    if not _LOGIN.fullmatch(f"{user}@{host}" if user else host):
        raise ValueError(f"{show(host)} is not a host that ssh could be given")
    options = shlex.split(texts.get("ansible_ssh_common_args", "")) + shlex.split(
        texts.get("ansible_ssh_extra_args", "")
    )
    if key := texts.get("ansible_ssh_private_key_file", texts.get("ansible_private_key_file", "")):
        options += ["-i", os.path.expanduser(key)]  # noqa: PTH111 (takes a user that is not there)
    if hidden := next((option for option in options if not option.isprintable()), ""):
        # They stand in commands that are suggested, and no program takes a NUL.
        raise ValueError(f"an option of ssh holds what no terminal shows: {show(hidden)}")
    return Robot(
        name,
        host,
        user,
        _port(texts),
        tuple(options),
        _socket(texts),
        groups,
        {str(key): text for key, text in texts.items()},
    )


def _port(texts: Mapping[str, str]) -> int | None:
    text = texts.get("ansible_port", texts.get("ansible_ssh_port", ""))
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{show(text)} is not a port")
    return int(text)


def _socket(texts: Mapping[str, str]) -> str:
    path = texts.get("robenv_docker_host", DOCKER_SOCKET).removeprefix("unix://")
    if not path.startswith("/") or any(sign in path for sign in "\n\0:"):
        raise ValueError(f"robenv_docker_host is the path of a socket on the robot, not {show(path)}")
    return path
