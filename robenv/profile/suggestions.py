"""What to take in the place of a built-in profile that there is not: what is near it, or what came after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from robenv.catalog.jetpack import JetPack
from robenv.catalog.ros import ENDED
from robenv.profile.yaml.parse_error import closest

_LIST = "`robenv profiles` lists all of them"
_FEW = 6
_JETPACK = re.compile(r"(?:jetson/)?(?:jp|jetpack)-?(\d+)(?:\.\d+)*", re.ASCII)
_ANY_ROS = re.compile(r"(?:ros/)?ros-?([12])", re.ASCII)
_INSTEAD = {
    1: "ros/debian-bookworm and ros/debian-trixie are ROS 1 as Debian maintains it, ros/noetic was its last release",
    2: "ros/humble is the oldest release that robenv takes up, ros/jazzy and ros/lyrical come after it",
}


def nearest_builtin(name: str, names: Sequence[str], jetpacks: Iterable[JetPack]) -> str:
    """A hint for ``name``, which is none of ``names``: those that there are."""
    return (
        ended(name)
        or _any_ros(name)
        or _group(name, names)
        or _jetpack(name, [row for row in jetpacks if f"jetson/{row.name}" in names])
        or _alike(name, names)
        or _LIST
    )


def ended(name: str) -> str:
    """What to take where ``name`` names a ROS distribution that ended before those which robenv has; "" elsewhere."""
    for word in re.split(r"[/_-]", name):
        if word in ENDED:
            version, year = ENDED[word]
            title = f"ROS {version} {word.capitalize()}"
            return f"{title} ended in {year}, and robenv has no profile of it; {_INSTEAD[version]}"
    return ""


def _any_ros(name: str) -> str:
    match = _ANY_ROS.fullmatch(name)
    return f"{_INSTEAD[int(match[1])]}; {_LIST}" if match else ""


def _group(name: str, names: Sequence[str]) -> str:
    """Where it is the first part of several names."""
    inside = [one for one in names if one.startswith(f"{name}/")]
    if not inside:
        return ""
    more = " and others" if len(inside) > _FEW else ""
    return f"such as {', '.join(inside[:_FEW])}{more}; `robenv profiles {name}` lists them"


def _jetpack(name: str, rows: Sequence[JetPack]) -> str:
    """By the version of a JetPack; ``rows``: those with a profile, lowest first."""
    match = _JETPACK.fullmatch(name)
    if not match or not rows:
        return ""
    same = [row for row in rows if row.versions.partition(".")[0] == match[1]]
    if same:
        return f"JetPack {match[1]} is " + _any_of([f"jetson/{row.name} ({row.versions})" for row in same[::-1]])
    older = int(match[1]) < int(rows[0].versions.partition(".")[0])
    row = rows[0] if older else rows[-1]
    return f"the {'oldest' if older else 'newest'} is jetson/{row.name}, for JetPack {row.versions}"


def _alike(name: str, names: Sequence[str]) -> str:
    """By the letters of its last part: beside it in its folder, else anywhere."""
    folder, _, last = name.rpartition("/")
    beside = {_last(name): name for name in names if name.rpartition("/")[0] == folder and folder}
    everywhere = {_last(name): name for name in names}
    more = [one for part, one in beside.items() if last in part.split("-")]
    if more and len(more) <= _FEW:
        found = more
    elif near := closest(last, beside):
        found = [beside[near]]
    elif same := [name for name in names if _last(name) == last]:
        found = same
    elif beside:
        first = last.split("-")[0]
        begin_alike = [one for part, one in beside.items() if part.split("-")[0] == first]
        there = begin_alike or list(beside.values())
        return f"there are {_any_of(there, 'and')}" if 1 < len(there) <= _FEW else ""
    else:
        near = closest(name, names) or everywhere.get(closest(last, everywhere), "")
        found = [near] if near else []
    return f"did you mean {_any_of([f'`{one}`' for one in found])}?" if found else ""


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _any_of(names: Sequence[str], word: str = "or") -> str:
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
