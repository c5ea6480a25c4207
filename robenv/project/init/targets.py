"""Which target an image or a distribution stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from robenv.catalog.jetpack import jetpack_of, l4t_of_image
from robenv.catalog.releases import release_of_image
from robenv.catalog.ros import ENDED, find_distro, image_of

_OSRF = re.compile(r"(?:.*/)?osrf/ros:([a-z]+)-(desktop(?:-full)?)(?:-([a-z]+))?")
_ALTHACK = re.compile(r"(?:docker\.io/)?althack/ros2?:([a-z]+)-(base|dev|full|gazebo)(?:-\d.*)?")
_ALTHACK_VARIANTS = {"base": "", "dev": "", "full": "-desktop", "gazebo": "-desktop"}
"""github.com/athackst/dockerfiles: base is ros-base, dev adds tools for development, full adds the desktop."""
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class ProjectBase:
    """What a project stands on: a profile, an image, or an image with a profile's settings."""

    profile: str
    image: str = ""
    why: str = ""
    note: str = ""


def project_base(image: str, source: str, distro: str, has_sources: bool) -> ProjectBase:
    """``distro``: what the file itself says; ``has_sources``: whether there are packages to be built here."""
    why = f"{source}: {image}"
    named, variant = image_of(image)
    if named:
        return _official(named, variant, why, has_sources)
    if (match := _OSRF.fullmatch(image)) and (row := find_distro(match[1])) and match[3] in (None, row.suite):
        return ProjectBase(f"ros/{match[1]}-{match[2]}", "", why)
    if (match := _ALTHACK.fullmatch(image)) and find_distro(match[1]):
        profile = f"ros/{match[1]}{_ALTHACK_VARIANTS[match[2]]}"
        return ProjectBase(
            profile, "", why, f'{image} is taken for {profile}; base: {{image: "{image}"}} keeps the image'
        )
    l4t = l4t_of_image(image)
    if l4t and (row_of := jetpack_of(l4t)) and not distro:
        return ProjectBase(f"jetson/{row_of.name}", "", why)
    return _by_distro(image, distro or distro_of_name(image), why)


def _official(distro: str, variant: str, why: str, has_sources: bool) -> ProjectBase:
    if variant == "ros-core" and has_sources:
        return ProjectBase(f"ros/{distro}", "", f"{why}, with compilers for the sources here")
    return ProjectBase(f"ros/{distro}" + (f"-{variant}" if variant != "ros-base" else ""), "", why)


def _by_distro(image: str, distro: str, why: str) -> ProjectBase:
    row, release = find_distro(distro), release_of_image(image)
    if row is None:
        ended = next((word for word in _WORD.findall(f"{image} {distro}") if word in ENDED), "")
        note = (
            f"{ended} is of ROS {ENDED[ended][0]} and ended in {ENDED[ended][1]}: there is no target for it"
            if ended
            else ""
        )
        return ProjectBase("", image, why, note)
    if release is not None and release.suite != row.suite:
        note = f"{row.title} is for Ubuntu {row.ubuntu}, and {image} is {release.title}: built from source"
        return ProjectBase("", image, why, note)
    is_plain = image.rpartition("/")[2].partition(":")[0] in ("ubuntu", "debian")
    return ProjectBase(
        f"ros/{row.name}", "" if is_plain else image, f"{why}, with ROS 2 {row.name.capitalize()}" if is_plain else why
    )


def distro_of_name(image: str) -> str:
    """The distribution in an image's name or tag: ``autoware:universe-devel-jazzy``, ``moveit2:humble-source``."""
    words = _WORD.findall(image.partition("@")[0].rpartition("/")[2])
    return next((word for word in words if find_distro(word)), "")
