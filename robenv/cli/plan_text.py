"""`robenv plan` for people: what would happen, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from robenv.cli.common import human_size
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from robenv.deploy.preview import RobotPreview
    from robenv.project.preview import UpPreview

_LIMITS = {
    "mem_limit": "memory",
    "cpus": "CPUs",
    "pids_limit": "processes",
    "cpuset": "on CPUs",
    "shm_size": "shared memory",
}
_SIZES = ("mem_limit", "shm_size")


def text_of(preview: UpPreview) -> str:
    """Of what `up` would do, most important first."""
    state = {True: "there", False: "to be built", None: "not known: no engine answers"}[preview.image_there]
    rows: list[tuple[str, Iterable[str]]] = [
        ("next", [preview.action]),
        ("because", preview.changes),
        ("image", [f"{preview.image} for {preview.platform} ({state})"]),
        ("from", _bases(preview.build)),
        ("container", [f"{preview.container} ({preview.container_state})"]),
        ("user", [_user(preview.run)]),
        ("folders", _mounts(preview.run, "bind")),
        ("volumes", _mounts(preview.run, "volume")),
        ("network", _network(preview.run)),
        ("devices", (_device(one) for one in preview.run["devices"])),
        ("login", [", ".join(preview.run["session"])] if preview.run["session"] else []),
        ("terminal", [preview.terminal] if preview.terminal else []),
        ("limits", _limits(preview.run)),
        ("note", preview.notes),
    ]
    lines = list(_rows(rows))
    lines.extend(_powers(preview, "the host"))
    if preview.udev:
        lines.append("udev rules for the host (`robenv doctor --fix` installs them):")
        lines.extend(f"  {safe(line)}" for line in preview.udev)
    return "\n".join(lines)


def _rows(rows: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """Each title once, before the first of its lines."""
    for title, texts in rows:
        for index, text in enumerate(texts):
            yield f"{'' if index else title:<10} {safe(text)}"


def _bases(build: Mapping[str, Any]) -> list[str]:
    bases = [stage["base"] for stage in build["stages"] if not stage["base"]["stage"]]
    return list(dict.fromkeys(map(_base, bases)))


def _base(base: Mapping[str, Any]) -> str:
    made = base.get("bootstrap")
    return f"{made['suite']} of {made['mirror']}, by mmdebstrap" if made else str(base["reference"])


def _user(run: Mapping[str, Any]) -> str:
    user = run["user"]
    groups = [*map(str, dict.fromkeys([*run["groups"], *run["own_groups"]])), *run["group_add"]]
    more = f", also in the groups {', '.join(groups)}" if groups else ""
    return f"{user['name']} (UID {user['uid']}, GID {user['gid']}{more})"


def _mounts(run: Mapping[str, Any], kind: str) -> Iterator[str]:
    for mount in run["mounts"]:
        if mount["kind"] == kind:
            yield f"{mount['source'] or 'a new one'} → {mount['target']}{', read-only' if mount['read_only'] else ''}"


def _network(run: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["network"]["name"] for one in run["networks"])
    if run["network_mode"]:
        yield str(run["network_mode"])
    for port in run["ports"]:
        where = f"{port['host_ip'] or 'every address'}, port {port['host_port'] or 'any'}"
        yield f"{where} → {port['container']}"


def _device(device: Mapping[str, Any]) -> str:
    inside = "" if device["container"] == device["host"] else f" → {device['container']}"
    return f"{device['host']}{inside} ({device['permissions']})"


def _limits(run: Mapping[str, Any]) -> list[str]:
    found = (
        f"{title} {human_size(run[key]) if key in _SIZES else run[key]}"
        for key, title in _LIMITS.items()
        if run[key] not in (None, "")
    )
    logs = dict(run["logging_options"])
    kept = [f"logs {logs.get('max-file', 1)} × {logs['max-size']}"] if "max-size" in logs else []
    text = ", ".join([*found, *kept])
    return [text] if text else []


def _powers(preview: UpPreview | RobotPreview, place: str) -> Iterator[str]:
    if preview.powers:
        yield f"takes over {place}:"
        yield from (f"  {power.text}" for power in preview.powers)
    told = {power.text for power in preview.powers}
    how = "see `robenv trust`" if place == "the host" else "`robenv deploy` asks"
    for claim in preview.not_allowed:
        yield f"not allowed yet: {len(claim.powers)}, asked for by {safe(claim.name)} ({safe(claim.why)}); {how}"
        yield from (f"  {power}" for power in claim.powers if power.removeprefix("on the robot: ") not in told)


def text_of_robot(preview: RobotPreview) -> str:
    """Of what a deploy to the robot would do."""
    here = "here" if preview.image_here else "to be built"
    there = "on the robot too" if preview.image_there else "not on the robot"
    now = f"{preview.running[:12]} (image {preview.running_hash[:12]})" if preview.running else "none"
    rows: list[tuple[str, Iterable[str]]] = [
        ("robot", [preview.robot]),
        ("next", [preview.action]),
        ("because", preview.changes),
        ("image", [f"{preview.image} for {preview.platform} ({here}, {there})"]),
        ("release", [preview.release or "known once the image is built"]),
        ("runs now", [now]),
        ("limits", _limits(preview.run)),
        ("note", preview.notes),
    ]
    lines = [*_rows(rows), *_powers(preview, "the robot")]
    for problem in preview.problems:
        place = f"{problem['place']}: " if problem["place"] else ""
        lines.append(f"{'problem':<10} {place}{problem['message']}")
        lines.extend([f"{'':<10} {problem['hint']}"] if problem["hint"] else [])
    return "\n".join(lines)
