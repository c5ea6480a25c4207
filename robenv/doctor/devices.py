"""The devices that the project's profile asks for: there, for this user to open, and left alone by others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from robenv.doctor.check import CheckContext, Finding
from robenv.host.facts import DeviceNode, Facts
from robenv.host.host import Host, LocalHost
from robenv.host.probes.udev import rules_state
from robenv.plan.host.device_nodes import class_of
from robenv.plan.host.devices import plan_devices
from robenv.plan.host.udev import plan_udev
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.nodes import nearest
from robenv.project.planned import PlannedProject
from robenv.project.trust.approvals import own_uids
from robenv.project.trust.baseline import others, read_baseline
from robenv.project.trust.foreign_files import find_foreign_files, foreign_path
from robenv.project.trust.judge import deciding_files, take_snapshot


def devices(patient: CheckContext, facts: Facts | None = None) -> Iterator[Finding]:
    """``facts``: other ones than this machine's."""
    if patient.project is None or not patient.project.resolved.profile.devices:
        return
    from robenv.project.facts import facts_for

    facts = facts or facts_for(patient.engine, patient.project)
    grant = plan_devices(patient.project.resolved.profile, facts)
    for note in grant.notes:
        yield Finding("devices", "warning", note)
    given = {device.host for device in grant.devices}
    if given and not grant.unmet:
        yield Finding("devices", "ok", ", ".join(sorted(given)))
    yield from _groups([node for node in facts.devices if node.path in given], facts)


def _groups(nodes: list[DeviceNode], facts: Facts) -> Iterator[Finding]:
    """Inside, the engine gives the group; outside, this user's own tools want it too."""
    if facts.uid == 0:
        return
    shut = [node for node in nodes if node.gid not in os.getgroups() and not os.access(node.path, os.R_OK | os.W_OK)]
    names = {gid: name for name, gid in reversed(facts.groups)}
    for gid in dict.fromkeys(node.gid for node in shut):
        paths = ", ".join(node.path for node in shut if node.gid == gid)
        if gid and gid in names:
            text = f"you are not in the group {names[gid]}: {paths} is open inside, and shut to you outside"
            yield Finding("device groups", "warning", text, f"sudo usermod -aG {names[gid]} $USER")
        elif gid:
            yield Finding("device groups", "warning", f"{paths} belongs to the group {gid}, which has no name here")


def modem_manager(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    """ModemManager asks each new serial port whether it is a modem, which a microcontroller hears as garbage."""
    if patient.project is None or not _wants_serial(patient.project.resolved):
        return
    names = (host or LocalHost()).texts("/proc/[0-9]*/comm").values()
    if "ModemManager" not in (name.strip() for name in names):
        return
    text = (
        "ModemManager writes to serial ports as they are plugged in; "
        'a udev rule of the profile can keep it off one: ENV{ID_MM_DEVICE_IGNORE}="1"'
    )
    yield Finding("ModemManager", "warning", text, "sudo systemctl disable --now ModemManager")


def _wants_serial(resolved: Resolved) -> bool:
    wishes = resolved.profile.devices
    return any("serial" in (wish.device_class, class_of(wish.by)) for wish in wishes)


def udev(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    """Whether the profile's udev rules are this machine's."""
    if patient.project is None:
        return
    resolved = patient.project.resolved
    for index, rules in enumerate(plan_udev(resolved.profile)):
        state = rules_state(host or LocalHost(), rules.source, rules.target)
        if state == "installed":
            yield Finding("udev rules", "ok", rules.target)
        else:
            text = f"{rules.source} is {state}" + (f" from {rules.target}" if state == "different" else "")
            strange = _why_not_own(patient.project, rules.source, index)
            text += f": read it before you install it, since {strange}" if strange else ""
            yield Finding("udev rules", "warning", text, rules.command, safe=not (strange or rules.allow_run))


def _why_not_own(planned: PlannedProject, rules: str, index: int) -> str:
    """Why rules may not be the user's own word, and so are not for `--fix`; "" where they are."""
    foreign_files = {document.source: one.why for document, one in find_foreign_files(planned.resolved).items()}
    source = nearest(planned.resolved.root, ("udev", index)).source
    if source in foreign_files:
        return f"{source.display} names it, and {foreign_files[source]}"
    root = str(planned.files.root)
    stamps = take_snapshot(planned.resolved.inputs).stamps((*deciding_files(planned), rules))
    if any(one.changed(stamps) for one in (read_baseline(root), *others(root)) if one is not None):
        return "it changed while a container could write there"
    try:
        return foreign_path(Path(rules), own_uids())
    except OSError:
        return ""
