"""A profile's ``devices`` on this machine. Pure.

A device is given by its node; a stable name (a link of udev's) gives the node at the link's path and at its own, since
libraries look a device up by its number and open what the kernel calls it. With ``hotplug`` the container sees the
host's /dev as it is at any time, and the cgroup of devices decides what of it may be opened: see ``_hotplug``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robenv.catalog.devices import CLASSES, UDEV_DATA, DeviceClass
from robenv.plan.host.device_nodes import is_pattern, matches, nodes_of_class, tidy
from robenv.plan.host.missing_devices import MissingDevice, missing_class, missing_device
from robenv.plan.host.requirements import Grant, MissingRequirement, combine
from robenv.plan.models import Device, Mount
from robenv.profile.checks.host import CAN_IS_OF_THE_NETWORK, TO_GET_CAN, sees_can

if TYPE_CHECKING:
    from robenv.host.facts import DeviceNode, Facts
    from robenv.profile.schema.host import DeviceRequirement
    from robenv.profile.schema.profile import Profile

_PTS = (("type", "devpts"), ("device", "devpts"), ("o", "newinstance,ptmxmode=0666,mode=0620,gid=5"))
"""As the engine mounts a container's own /dev/pts: gid 5 is ``tty`` in every distribution."""


_BY_UDEV = frozenset(("input", "video", "sound"))
"""Classes whose libraries (SDL, libinput, GStreamer, PipeWire) ask udev's database which devices there are."""


@dataclass(frozen=True)
class GrantedNode:
    """A node of the host at a place inside, for one wish."""

    wish: int
    node: DeviceNode
    container: str
    permissions: str


def plan_devices(profile: Profile, facts: Facts) -> Grant:
    """The devices that the profile wishes for. What is missing is a lack, or a note where it is ``optional``."""
    if not profile.devices:
        return Grant()
    if not facts.engine.local:
        return _elsewhere(profile)
    missing: list[tuple[int, MissingDevice]] = []
    given: list[GrantedNode] = []
    for index, wish in enumerate(profile.devices):
        found = _granted(index, wish, profile, facts)
        if isinstance(found, MissingDevice):
            missing.append((index, found))
        else:
            given += found
    placed, clashes = _placed([one for one in given if not _comes_and_goes(one, profile, facts)])
    hotplugged = {wish.device_class for wish in profile.devices if wish.hotplug} - {"can"}
    grants = [_answer(profile, index, what) for index, what in [*missing, *clashes]]
    grants += [Grant(devices=placed), _access([one.node for one in given], profile, facts)]
    grants += [_class_rules(wish, facts) for wish in profile.devices if wish.device_class in hotplugged]
    if hotplugged:
        grants.append(_hotplug(profile, facts))
    if facts.udev_data and hotplugged & _BY_UDEV and not facts.engine.rootless:
        grants.append(Grant(mounts=(Mount("bind", UDEV_DATA, UDEV_DATA, True),)))
    return combine(grants)


def _answer(profile: Profile, index: int, what: MissingDevice) -> Grant:
    if profile.devices[index].optional:
        way = f": {what.hint}" if what.hint == TO_GET_CAN else ""
        return Grant(notes=(f"{what.message}; it is optional{way}",))
    hint = what.hint
    if profile.udev:
        hint += "; or its udev rules are not installed: look at `robenv doctor`"
    return Grant(unmet=(MissingRequirement(("devices", index), what.message, hint),))


def _elsewhere(profile: Profile) -> Grant:
    what = MissingDevice(
        "the engine is on another machine, whose devices cannot be seen from here",
        "run.devices names devices of the engine's machine as they are called there, and goes to it unchanged",
    )
    return combine([_answer(profile, index, what) for index in range(len(profile.devices))])


def _granted(index: int, wish: DeviceRequirement, profile: Profile, facts: Facts) -> list[GrantedNode] | MissingDevice:
    """What there is for one wish."""
    if wish.device_class:
        nodes = nodes_of_class(CLASSES[wish.device_class], facts.devices)
        if wish.device_class == "can" and wish.optional and not sees_can(profile):
            return MissingDevice(f"no CAN interface inside: {CAN_IS_OF_THE_NETWORK}", TO_GET_CAN)
        there = bool(nodes or (wish.device_class == "can" and facts.can_interfaces))
        if not there and not wish.hotplug:
            return missing_class(wish.device_class)
        return [GrantedNode(index, node, node.path, wish.permissions) for node in nodes]
    found = _named(wish.by, facts)
    if not found:
        return missing_device(wish.by, facts)
    target = f"/dev/{wish.name}" if wish.name else tidy(wish.target) if wish.target else ""
    if target:
        names = ", ".join(node.path for node in found)
        if len({_real(node) for node in found}) > 1:
            hint = f"they are {names}: write the one that is meant, best by its name in /dev/serial/by-id or the like"
            return MissingDevice(f"{wish.by} matches more than one device, and {target} is one place", hint)
        return [GrantedNode(index, found[0], target, wish.permissions)]
    places = ((node, path) for node in found for path in dict.fromkeys((node.path, _real(node))))
    return [GrantedNode(index, node, path, wish.permissions) for node, path in places]


def _named(by: str, facts: Facts) -> list[DeviceNode]:
    wanted = tidy(by)
    if is_pattern(wanted):
        return [node for node in facts.devices if matches(node.path, wanted)]
    return [node for node in facts.devices if node.path == wanted]


def _comes_and_goes(one: GrantedNode, profile: Profile, facts: Facts) -> bool:
    """Whether the class's rule opens it, so that the plan does not depend on what is plugged in at the moment."""
    wish = profile.devices[one.wish]
    return wish.hotplug and one.node.major in _majors(CLASSES[wish.device_class], facts)


def _real(node: DeviceNode) -> str:
    return node.target or node.path


def _placed(given: list[GrantedNode]) -> tuple[tuple[Device, ...], list[tuple[int, MissingDevice]]]:
    """One device for each place inside; where two would be at one place, that is told."""
    devices: dict[str, Device] = {}
    clashes: list[tuple[int, MissingDevice]] = []
    for one in given:
        host = _real(one.node)
        first = devices.setdefault(one.container, Device(host, one.container, one.permissions))
        if first.host != host:
            text = f"{one.container} inside would be both {first.host} and {host}"
            clashes.append((one.wish, MissingDevice(text, "give one of them another `name`")))
        elif first.permissions != one.permissions:
            both = "".join(letter for letter in "rwm" if letter in first.permissions + one.permissions)
            devices[one.container] = Device(host, one.container, both)
    return tuple(devices.values()), clashes


def _access(nodes: list[DeviceNode], profile: Profile, facts: Facts) -> Grant:
    """The groups by which an unprivileged user opens these nodes, and notes on those that stay shut."""
    if facts.engine.rootless:
        shut = [node for node in nodes if node.mode & 0o006 != 0o006]
        names = ", ".join(sorted({_real(node) for node in shut}))
        text = f"the engine is rootless, where the host's groups do not count: {names} may be shut to it"
        return Grant(notes=(text,) if shut else ())
    groups = dict.fromkeys(node.gid for node in nodes if not _open_to_all(node) and _open_to_group(node))
    shut = [node for node in nodes if not _open_to_all(node) and not _open_to_group(node)]
    notes: list[str] = []
    if shut and not profile.user.sudo and facts.uid:
        names = ", ".join(sorted({f"{_real(node)} (mode {node.mode:04o})" for node in shut}))
        notes.append(f'only root may open {names}: a udev rule changes that, with GROUP="dialout", MODE="0660"')
    if groups and "name=userns" in facts.engine.security_options and profile.run.userns_mode != "host":
        notes.append("the engine maps users, so the devices' groups do not count inside: `run: {userns_mode: host}`")
    return Grant(groups=tuple(groups), notes=tuple(notes))


def _open_to_all(node: DeviceNode) -> bool:
    return node.mode & 0o006 == 0o006


def _open_to_group(node: DeviceNode) -> bool:
    """Root's own group is given to nobody: it opens far more than a device."""
    return node.gid != 0 and node.mode & 0o060 == 0o060


def _class_rules(wish: DeviceRequirement, facts: Facts) -> Grant:
    """Leave to open every node of a class, whenever it comes; and its groups, which are known before any is there."""
    kind = CLASSES[wish.device_class]
    majors = list(_majors(kind, facts))
    letters = "".join(letter for letter in "rmw" if letter in wish.permissions)
    known = dict(facts.groups)
    usual = [known[name] for name in kind.groups if name in known][:1]
    notes: tuple[str, ...] = ()
    if not majors:
        notes = (f"the kernel has no driver for {wish.device_class} devices yet: `robenv up` again when one is loaded",)
    return Grant(
        device_cgroup_rules=tuple(f"c {major}:* {letters}" for major in majors),
        groups=() if facts.engine.rootless else tuple(usual),
        notes=notes,
    )


def _majors(kind: DeviceClass, facts: Facts) -> Iterator[int]:
    planned = dict(facts.majors)
    for driver in kind.drivers:
        if major := driver.major or planned.get(driver.name):
            yield major


def _hotplug(profile: Profile, facts: Facts) -> Grant:
    """The host's /dev, where nodes come and go, and of it nothing that belongs to the host alone.

    Read-only, or root inside could make and remove nodes of the host; opening a device for writing needs no writable
    folder. Without the mounts below it: /dev/shm and /dev/mqueue are other programs' memory and messages, /dev/pts
    their terminals, which a container's device cgroup would let it open. In their place: terminals of its own, as a
    file system of its own kind, and (the engine leaves it out where /dev is a mount, unless it is shareable) the
    container's own /dev/shm. /dev/console is the host's too, and open to root inside: there is /dev/null instead.
    """
    if facts.engine.rootless:
        text = "a rootless engine cannot open devices that are plugged in later"
        what = MissingDevice(text, "name the devices with `by`, or leave out `hotplug`")
        return combine([_answer(profile, index, what) for index, wish in enumerate(profile.devices) if wish.hotplug])
    mounts = [
        Mount("bind", "/dev", "/dev", True, (("non_recursive", True),)),
        Mount("volume", "", "/dev/pts", False, _PTS),
    ]
    if any(node.path == "/dev/console" for node in facts.devices):
        mounts.append(Mount("bind", "/dev/null", "/dev/console", True))
    return Grant(mounts=tuple(mounts), ipc="shareable")
