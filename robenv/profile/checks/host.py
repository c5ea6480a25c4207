"""What no key can tell alone about what a profile asks of the host: its devices and its udev rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.locations import Location
from robenv.profile.checks.udev_rules import udev_flaws
from robenv.profile.yaml.files import kind_of
from robenv.util.sanitize import render_excerpt, show

if TYPE_CHECKING:
    from robenv.profile.checks.merged import MergedProfile
    from robenv.profile.schema.host import DeviceRequirement, UdevRules
    from robenv.profile.schema.profile import Profile

_LARGEST = 1 << 20
"""Bytes."""


def devices(whole: MergedProfile) -> Iterator[Problem]:
    hotplug = any(wish.hotplug for wish in whole.profile.devices)
    for index, wish in enumerate(whole.profile.devices):
        yield from _wish(whole, index, wish, hotplug)
    for index, device in enumerate(whole.profile.run.devices if hotplug else ()):
        if device.target != device.source:
            yield _no_name_with_hotplug(whole, ("run", "devices", index))


CAN_IS_OF_THE_NETWORK = "CAN interfaces are network interfaces, and belong to the host's network"
TO_GET_CAN = (
    "write `run: {network_mode: host}`; or, with `run: {cap_add: [NET_ADMIN]}`, make a virtual one inside (`ip link add"
    " vcan0 type vcan`) or have one end of a vxcan pair moved in (`ip link set vxcan1 netns PID` on the host)"
)


def _wish(whole: MergedProfile, index: int, wish: DeviceRequirement, hotplug: bool) -> Iterator[Problem]:
    at = ("devices", index)
    name = "name" if wish.name else "target" if wish.target and wish.target != wish.by else ""
    if wish.by and wish.device_class:
        hint = "keep one of the two, or write two entries"
        yield whole.problem((*at, "class"), "`by` names devices and `class` a kind of them", hint)
    elif not wish.by and not wish.device_class:
        yield whole.problem(at, "this names no device", "write `by: /dev/NAME` or `class: serial`")
    elif wish.hotplug and not wish.device_class:
        hint = "write `class: serial` instead of `by`: what is plugged in later is known by its kind alone"
        yield whole.problem((*at, "hotplug"), "`hotplug` goes with `class`", hint)
    elif wish.name and wish.target:
        yield whole.problem((*at, "name"), "`name` and `target` both say where it is inside", "keep one of the two")
    elif name and wish.device_class:
        hint = "name one device with `by`"
        yield whole.problem((*at, name), f"a class has no `{name}`: it may be many devices", hint)
    elif name and hotplug:
        yield _no_name_with_hotplug(whole, (*at, name))
    elif wish.device_class == "can" and not wish.optional and not sees_can(whole.profile):
        yield whole.problem((*at, "class"), CAN_IS_OF_THE_NETWORK, TO_GET_CAN)


def sees_can(profile: Profile) -> bool:
    """Whether the container is where CAN interfaces are: in the host's network, or another container's."""
    return profile.run.network_mode.startswith(("host", "container:"))


def _no_name_with_hotplug(whole: MergedProfile, path: tuple[str | int, ...]) -> Problem:
    hint = 'a udev rule can name it, for the host and inside alike: SYMLINK+="NAME"'
    return whole.problem(path, "with `hotplug` /dev is the host's, where every device has its own name", hint)


def udev(whole: MergedProfile) -> Iterator[Problem]:
    names: dict[str, str] = {}
    for index, rules in enumerate(whole.profile.udev):
        path = Path(rules.file)
        at = ("udev", index, "file")
        if kind_of(path) != "file":
            yield whole.problem(at, f"there is no file {show(rules.file)}")
        elif path.suffix != ".rules":
            yield whole.problem(at, f"{show(path.name)} is no name of a udev rules file", "it has to end in `.rules`")
        elif path.name in names:
            hint = "give one of the files another name: on the host they lie in one folder"
            yield whole.problem(at, f"{show(names[path.name])} has the same name", hint)
        else:
            yield from _rules_file(whole, index, path, rules)
        names.setdefault(path.name, rules.file)


def _rules_file(whole: MergedProfile, index: int, path: Path, rules: UdevRules) -> Iterator[Problem]:
    at = ("udev", index)
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        yield whole.problem(at, f"{show(rules.file)} cannot be read: {error.strerror}")
        return
    except UnicodeDecodeError:
        yield whole.problem(at, f"{show(rules.file)} is not text in UTF-8")
        return
    if len(data) > _LARGEST or "\0" in text:
        yield whole.problem(at, f"{show(rules.file)} is no udev rules file")
        return
    lines = tuple(text.split("\n"))
    for flaw in udev_flaws(text):
        place = Location(rules.file, flaw.line, 1, excerpt=render_excerpt(lines, flaw.line, 1))
        if not flaw.runs:
            yield Problem(flaw.message, place, flaw.hint)
        elif not rules.allow_run:
            yield Problem(flaw.message, place, f"if that is meant, write {{file: {path.name}, allow_run: true}}")
