"""A profile's ``ros`` → what its levels add to the image, and a word on those that are no longer supported. Pure.

rosdep keeps its index below ~/.ros, colcon its mixins below ~/.colcon, and in an image nobody has a home folder yet. So
both are put into a folder of the image to which whoever works in it may write, and the entrypoint links a home to it
that has none of its own. Not by ROS_HOME: logs and calibrations belong into the home, which outlives the container.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from robenv.catalog.ros import RMW, VARIANTS, contained_variants, find_distro, image_of
from robenv.errors import Problem
from robenv.plan.image.colcon import defaults_text
from robenv.plan.models import Base, Group, Pairs, RosLayers

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Level, Located, Resolved

ROS_HOME = "/opt/robenv/ros"
COLCON_HOME = "/opt/robenv/colcon"
_INDEX = ((".ros/rosdep", f"{ROS_HOME}/rosdep"),)
_MIXINS = (
    (".colcon/mixin", f"{COLCON_HOME}/mixin"),
    (".colcon/mixin_repositories.yaml", f"{COLCON_HOME}/mixin_repositories.yaml"),
)
_EVERYWHERE = ("rmw_fastrtps_cpp",)
"""Middleware that every ROS 2 has from the start."""


def plan_ros(resolved: Resolved, base: Base) -> tuple[RosLayers, ...]:
    """What each level adds, in their order. ``base``: the image's."""
    ros, levels = resolved.profile.ros, resolved.levels
    indexer = _first(ros.rosdep, [level.ros.rosdep for level in levels])
    completer = _first(ros.completion, [level.ros.completion for level in levels])
    _, there = image_of(base.asked or base.image)
    layers = []
    for index, level in enumerate(levels):
        packages = _packages(level, ros.distro, contained_variants(there))
        said = level.ros
        mixins = said.colcon_mixins
        made = RosLayers(
            packages=tuple(name for name, _ in packages),
            packages_location=packages[0][1].location if packages else None,
            rosdep=index == indexer,
            rosdep_location=said.rosdep.location if said.rosdep and index == indexer else None,
            mixins=tuple((mixin.name, mixin.value) for mixin in mixins),
            mixins_location=mixins[0].location if mixins else None,
            completion=index == completer,
            completion_location=said.completion.location if said.completion and index == completer else None,
            distro=ros.distro if index == indexer else "",
            colcon_defaults=defaults_text(said.colcon_defaults.value) if said.colcon_defaults else "",
            colcon_defaults_location=said.colcon_defaults.location if said.colcon_defaults else None,
        )
        layers.append(made)
    return tuple(layers)


def plan_ros_to_run(resolved: Resolved, base: Base) -> tuple[RosLayers, ...]:
    """What each level adds to an image that is not to develop in: the middleware, and ROS's core unless ``base``, the
    image's, has ROS."""
    lacking = not image_of(base.asked or base.image)[0]
    layers = []
    for level in resolved.levels:
        packages = _packages(level, resolved.profile.ros.distro, VARIANTS)
        if lacking and level.ros.variant and find_distro(resolved.profile.ros.distro):
            packages.insert(0, (f"ros-{resolved.profile.ros.distro}-{VARIANTS[0]}", level.ros.variant))
            lacking = False
        location = packages[0][1].location if packages else None
        layers.append(RosLayers(packages=tuple(name for name, _ in packages), packages_location=location))
    return tuple(layers)


def with_sources_first(groups: Sequence[Group]) -> list[Group]:
    """ROS's sources before all else, for a mixin may come before its target: where a ROS image has some with a key that
    has expired, no update gets through, and elsewhere there would be no packages of ROS."""
    moved = tuple(repository for group in groups[1:] for repository in group.repositories if repository.replaces)
    if not moved:
        return list(groups)
    rest = [
        replace(group, repositories=tuple(repository for repository in group.repositories if repository not in moved))
        for group in groups
    ]
    return [replace(rest[0], repositories=(*moved, *rest[0].repositories)), *rest[1:]]


def shared_of(layers: Iterable[RosLayers]) -> Pairs:
    """(path in a home folder, path in the image) of what these layers make for everybody."""
    found = tuple(layers)
    index = _INDEX if any(one.rosdep for one in found) else ()
    return (*index, *(_MIXINS if any(one.mixins for one in found) else ()))


def past_end_of_life(resolved: Resolved, today: date) -> tuple[Problem, ...]:
    """A warning where the profile's ROS is no longer supported."""
    ros = resolved.profile.ros
    distro = find_distro(ros.distro)
    until = ros.end_of_life or (distro.until if distro else "")
    if distro is None or until in ("", "never") or f"{today:%Y-%m}" <= until:
        return ()
    successor = find_distro(distro.successor)
    after = f"; {successor.title} (ros/{successor.name}) comes after it" if successor else ""
    message = f"{distro.title} has had no updates since {month_in_words(until)}"
    hint = f"it goes on working as it was then{after}"
    return (Problem(message, resolved.locate(("ros", "distro")), hint),)


def _first(wanted: bool, said: list[Located[str] | None]) -> int:
    """The level to make it in: the first that wants it, so that those above leave its layers alone; -1 for none."""
    if not wanted:
        return -1
    return next(at for at, one in enumerate(said) if one and one.value.lower() == "true")


def _packages(level: Level, distro: str, there: tuple[str, ...]) -> list[tuple[str, Located[str]]]:
    known = find_distro(distro)
    if known is None:
        return []
    found = []
    if (variant := level.ros.variant) and variant.value not in there:
        found.append((f"ros-{distro}-{variant.value}", variant))
    if (rmw := level.ros.rmw) and known.version == 2:
        name = RMW.get(rmw.value, rmw.value)
        if name not in _EVERYWHERE:
            found.append((f"ros-{distro}-{name.replace('_', '-')}", rmw))
    return found


def month_in_words(text: str) -> str:
    return date(int(text[:4]), int(text[5:]), 1).strftime("%B %Y")
