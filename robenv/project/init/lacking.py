"""Packages that a ROS 1 workspace needs and Debian does not have, named before anything is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from robenv.catalog.debian_ros import missing_packages
from robenv.profile.workspace.conditions import holds
from robenv.profile.workspace.container_paths import BoundFolders
from robenv.profile.workspace.package_xml import Package
from robenv.profile.workspace.packages import read_packages
from robenv.project.init.findings import InitFinding, note

LACKING = "Debian has no package of "
_TARGET = "/workspace"
_VARIABLES: Mapping[str, str] = {"ROS_VERSION": "1", "ROS_DISTRO": "Debian", "ROS_PYTHON_VERSION": "3"}
"""As the profiles of ros/debian-* set them."""
_BUILD = frozenset(("build", "buildtool", "build_export", "buildtool_export"))


def lacking_on_debian(folder: Path, profile: str) -> Iterator[InitFinding]:
    """A note with the packages, the files that ask for them and the three ways out."""
    suite = profile.removeprefix("ros/debian-")
    if suite == profile:
        return
    sources = missing_packages(suite)
    packages = read_packages(folder, BoundFolders([(_TARGET, str(folder))]), _TARGET).found
    own = {package.name for package in packages}
    missing = {
        key: place
        for key, place in _asked_for(packages).items()
        if key in sources and key not in own
    }  # fmt: skip
    if not missing:
        return
    addresses = ", ".join(dict.fromkeys(f"{one.url} ({one.version})" for key in missing if (one := sources[key]).url))
    yield note(
        f"{LACKING}{', '.join(missing)}, which packages here depend on. Ways out: their sources by workspace.repos "
        f"({addresses}); ros/noetic, which has them; or workspace.dependencies.skip_keys, with which the build of a "
        "package that needs one fails later",
        ", ".join(dict.fromkeys(missing.values())),
    )


def _asked_for(packages: tuple[Package, ...]) -> dict[str, str]:
    """The rosdep keys of all packages, each with the first file that names it; those that are built with first."""
    found: dict[str, str] = {}
    for first in (True, False):
        for package in packages:
            for dependency in package.dependencies:
                is_built = bool(_BUILD.intersection(dependency.types))
                if is_built is first and set(dependency.types) != {"doc"} and holds(dependency.condition, _VARIABLES):
                    found.setdefault(dependency.key, f"{package.file}:{dependency.location.line}")
    return found
