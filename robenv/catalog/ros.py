"""ROS distributions: what each runs on, until when it is supported, and what comes after it.

Sources: REP 2000 (https://ros.org/reps/rep-2000.html) for Ubuntu, Python and the ends of life of ROS 2, REP 3 for those
of ROS 1; https://github.com/docker-library/official-images/blob/master/library/ros for the images. Rows age: a
profile's ``ros.end_of_life`` goes before the one here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VARIANTS = ("ros-core", "ros-base", "perception", "desktop", "desktop-full")
"""By their metapackages ``ros-DISTRO-VARIANT``. The first two are in all of the others, and desktop is in the last."""

RMW = {
    "cyclonedds": "rmw_cyclonedds_cpp",
    "fastrtps": "rmw_fastrtps_cpp",
    "fastrtps_dynamic": "rmw_fastrtps_dynamic_cpp",
    "connextdds": "rmw_connextdds",
    "zenoh": "rmw_zenoh_cpp",
    "gurumdds": "rmw_gurumdds_cpp",
}
"""ROS 2's middleware implementations, by the names of their packages (ros2.repos and the vendors' documentation)."""

_BELOW = {
    "ros-core": (),
    "ros-base": ("ros-core",),
    "perception": ("ros-core", "ros-base"),
    "desktop": ("ros-core", "ros-base"),
    "desktop-full": ("ros-core", "ros-base", "perception", "desktop"),
}
_IMAGE = re.compile(r"ros:([a-z]+)(?:-(ros-core|ros-base|perception))?(?:-([a-z]+))?")


@dataclass(frozen=True)
class RosDistro:
    name: str
    version: int
    """1 or 2."""
    suite: str
    """Ubuntu's codename."""
    ubuntu: str
    python: str
    until: str
    """The month in which it ends: ``2029-05``; "" for one that never does."""
    lts: bool = False
    successor: str = ""
    """What to go to from there: the next one that is supported for long."""
    checked: str = "2026-08"
    """When somebody last looked at the sources."""

    @property
    def title(self) -> str:
        return f"ROS {self.version} {self.name.capitalize()}"


DISTROS: tuple[RosDistro, ...] = (
    RosDistro("noetic", 1, "focal", "20.04", "3.8", "2025-05", True, "jazzy"),
    RosDistro("humble", 2, "jammy", "22.04", "3.10", "2027-05", True, "jazzy"),
    RosDistro("iron", 2, "jammy", "22.04", "3.10", "2024-11", False, "jazzy"),
    RosDistro("jazzy", 2, "noble", "24.04", "3.12", "2029-05", True, "lyrical"),
    RosDistro("kilted", 2, "noble", "24.04", "3.12", "2026-12", False, "lyrical"),
    RosDistro("lyrical", 2, "resolute", "26.04", "3.14", "2031-05", True),
    RosDistro("rolling", 2, "resolute", "26.04", "3.14", ""),
)
"""Oldest first."""

DEFAULT_ROS_2 = "jazzy"
"""For a ROS 2 workspace that names no distribution: the release with long support that most packages are released
for (index.ros.org)."""

ENDED = {
    "indigo": (1, 2019), "jade": (1, 2017), "kinetic": (1, 2021), "lunar": (1, 2019), "melodic": (1, 2023),
    "ardent": (2, 2018), "bouncy": (2, 2019), "crystal": (2, 2019), "dashing": (2, 2021), "eloquent": (2, 2020),
    "foxy": (2, 2023), "galactic": (2, 2022),
}  # fmt: skip
"""Those that are not in the table, since they ended before anything in it did or for a Ubuntu that has: version, year.
By REP 3 and REP 2000."""


def find_distro(name: str) -> RosDistro | None:
    return next((distro for distro in DISTROS if distro.name == name), None)


def contained_variants(variant: str) -> tuple[str, ...]:
    """The variants that are in this one, itself among them."""
    return (*_BELOW.get(variant, ()), variant)


def image_of(reference: str) -> tuple[str, str]:
    """(distro, variant) of an official image, also in a registry of one's own: ``ros:jazzy-ros-base-noble``. ("", "")
    for any other."""
    match = _IMAGE.fullmatch(reference.partition("@")[0].rpartition("/")[2])
    distro = find_distro(match[1]) if match else None
    if not match or not distro or match[3] not in (None, distro.suite):
        return "", ""
    return distro.name, match[2] or "ros-base"
