"""Whether each file of a chain fits the whole: what its ``fits`` asks against what the target is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass

from robenv.catalog.jetpack import JetPack, jetpack_of_image, l4t_of_image
from robenv.catalog.releases import DistroRelease, find_release, release_of_image
from robenv.catalog.ros import DISTROS, RosDistro, find_distro, image_of
from robenv.errors import Problem
from robenv.profile.chain.extends import builtin_names
from robenv.profile.chain.reader import ChainDocument
from robenv.profile.chain.ros_placeholder import SPELLED, distro_of
from robenv.profile.schema.compatibility import Compatibility
from robenv.profile.schema.profile import Profile
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, find, problem_at, to_python

_RMW = "RMW_IMPLEMENTATION"


@dataclass(frozen=True)
class ProfileTarget:
    """What a whole profile stands on; None and empty where that cannot be told."""

    release: DistroRelease | None
    ros: str
    jetpack: JetPack | None
    platforms: tuple[str, ...]
    image: str = ""
    on_jetson: bool = False
    """Its GPU is asked of a Jetson, or its image is for one."""


def target_of(profile: Profile, documents: Sequence[ChainDocument], jetpacks: Sequence[JetPack]) -> ProfileTarget:
    base = profile.base
    release = find_release(base.bootstrap.suite) if base.bootstrap else _release_of(base.image)
    on_jetson = l4t_of_image(base.image) is not None or _is_jetson(documents)
    jetpack = jetpack_of_image(base.image, jetpacks) if on_jetson else None
    if jetpack is not None and release is None:
        release = find_release(jetpack.suite)
    return ProfileTarget(release, distro_of(documents), jetpack, profile.platforms, base.image, on_jetson)


def _release_of(image: str) -> DistroRelease | None:
    distro = find_distro(image_of(image)[0])
    return find_release(distro.suite) if distro is not None else release_of_image(image)


def _is_jetson(documents: Iterable[ChainDocument]) -> bool:
    """A file behind the target that asks for another GPU makes no other machine of it."""
    asked = (find(document.root, ("gpu", "vendor")) for document in documents)
    return any(isinstance(node, Scalar) and node.text == "jetson" and node.directive != "reset" for node in asked)


def check_fits(documents: Sequence[ChainDocument], profile: Profile, jetpacks: Sequence[JetPack]) -> Iterator[Problem]:
    """A problem for each file that does not fit, at the entry of ``extends`` that brought it."""
    target = target_of(profile, documents, jetpacks)
    entries = {
        f"{entry.source.display}:{entry.line}:{entry.column}": entry
        for document in documents
        for entry in document.extends
    }
    for document in documents:
        asked = document.root.get("fits")
        if not isinstance(asked, Mapping) or asked.directive == "reset":
            continue  # what `!reset` stands before is taken away, and nobody has checked it
        fits = Compatibility.model_validate(to_python(asked))
        ros = [*_ros(fits, target, SPELLED in document.source.text)]
        problems = [
            *ros,
            *(() if ros else _release(fits, target)),  # a distribution is for one release: the same once more
            *_jetson(fits, target, has_base=document.root.get("base") is not None),
            *_platforms(fits, target),
        ]
        at = _brought(document, entries, asked)
        for has, wants, way in problems:
            message = f"{_name(document)} does not fit: it is for {wants}, and this {has}"
            yield problem_at(at, message, "; ".join(part for part in (fits.why, way) if part))
    yield from _ros_release(documents, profile, target, entries, jetpacks)
    yield from _middleware(documents, profile, target, entries)


def _ros_release(
    documents: Sequence[ChainDocument],
    profile: Profile,
    target: ProfileTarget,
    entries: MappingABC[str, Scalar],
    jetpacks: Sequence[JetPack],
) -> Iterator[Problem]:
    """ROS's packages are made for one release each; from source it may be on any, and then no variant is written."""
    distro = find_distro(target.ros)
    if distro is None or target.release is None or not profile.ros.variant or distro.suite == target.release.suite:
        return
    own = find_release(distro.suite)
    needs = _shown(own) if own else distro.suite
    message = f"the packages of {distro.title} are for {needs}, and this stands on {_shown(target.release)}"
    said = [(document, node) for document in documents if (node := find(document.root, ("ros", "distro"))) is not None]
    one, node = said[-1]
    yield problem_at(_outermost(one, entries, node), message, _other_ways(distro, target, jetpacks))


def _middleware(
    documents: Sequence[ChainDocument], profile: Profile, target: ProfileTarget, entries: MappingABC[str, Scalar]
) -> Iterator[Problem]:
    """ROS 1 has none to choose. Debian's, which is no distribution of ROS's own, is known by its ROS_VERSION."""
    distro = find_distro(target.ros)
    version = str(distro.version) if distro is not None else profile.environment.get("ROS_VERSION")
    if not profile.ros.rmw or version != "1":
        return
    title = distro.title if distro is not None else "ROS 1"
    one, node = [
        (document, node) for document in documents if (node := find(document.root, ("ros", "rmw"))) is not None
    ][-1]
    bridged = ""
    if _RMW in profile.environment:
        bridged = f"; the ROS 2 side of a bridge has it by `run: {{environment: {{{_RMW}: {profile.ros.rmw}}}}}`"
    if one.source.foreign:
        message = f"{_name(one)} does not fit: it chooses a middleware of ROS 2, and this has {title}"
        hint = f"take it out: ROS 1 has no middleware to choose{bridged}"
        yield problem_at(_outermost(one, entries, node), message, hint)
    else:
        yield problem_at(node, f"{title} has no middleware to choose", f"take it out: `rmw` is ROS 2's{bridged}")


def _other_ways(distro: RosDistro, target: ProfileTarget, jetpacks: Sequence[JetPack]) -> str:
    suite = target.release.suite if target.release else ""
    here = sorted(
        (distro for distro in DISTROS if distro.suite == suite), key=lambda one: one.until or "9", reverse=True
    )
    fitting_here = " or ".join(f"ros/{one.name}" for one in here)
    ways = [f"here fits {fitting_here}" if here else f"nobody has packages of a ROS for {suite} any more"]
    if target.jetpack is not None:
        fitting = ", ".join(f"jetson/{row.name}" for row in jetpacks if row.suite == distro.suite and row.base)
        other = f"{distro.title} goes with {fitting}, or" if fitting else f"{distro.title} goes"
        ways.append(f"{other} without JetPack's CUDA, in a container of ros/{distro.name} alone")
    ways.append("from source it goes anywhere: `ros: {variant: !reset }` leaves its packages out")
    return "; ".join(ways)


def _shown(release: DistroRelease) -> str:
    return f"{release.title} ({release.suite})"


def _brought(one: ChainDocument, entries: MappingABC[str, Scalar], otherwise: Node) -> Node:
    """The entry of ``extends`` that named a file."""
    return entries.get(one.source.chain[-1], otherwise) if one.source.chain else otherwise


def _outermost(one: ChainDocument, entries: MappingABC[str, Scalar], otherwise: Node) -> Node:
    """The entry of the project's own ``extends`` that led to a file in the end."""
    return entries.get(one.source.chain[0], otherwise) if one.source.chain else otherwise


def _name(one: ChainDocument) -> str:
    return one.source.name if one.source.origin == "builtin" else "this profile"


Misfit = tuple[str, str, str]
"""What the target is, what the file is for, and what would do."""


def _ros(fits: Compatibility, target: ProfileTarget, by_name: bool) -> Iterator[Misfit]:
    """``by_name``: of a file that cannot do without the distribution's name."""
    if fits.ros is None or target.ros in fits.ros or not (target.ros or (by_name and fits.ros)):
        return
    has = f"has ROS {target.ros}" if target.ros else "has no `ros.distro`"
    wants = "ROS " + ", ".join(fits.ros) if fits.ros else "targets without ROS by its own packages"
    yield has, wants, _instead("ros", fits.ros)


def _release(fits: Compatibility, target: ProfileTarget) -> Iterator[Misfit]:
    if target.release is None or (fits.ubuntu is None and fits.debian is None):
        return
    suites = {"ubuntu": fits.ubuntu or (), "debian": fits.debian or ()}
    if target.release.suite in suites[target.release.distribution]:
        return
    wanted = [one for name in (*suites["ubuntu"], *suites["debian"]) if (one := find_release(name)) is not None]
    ways = [way for name, fitting in suites.items() if (way := _instead(name, fitting))]
    wants = ", ".join(map(_shown, wanted))
    yield f"stands on {_shown(target.release)}", wants, "; ".join(ways)


def _jetson(fits: Compatibility, target: ProfileTarget, has_base: bool) -> Iterator[Misfit]:
    """``has_base``: of a file with a base, which is then not the one that counts where that is of no JetPack."""
    if fits.jetson is None or not target.on_jetson or (target.jetpack and target.jetpack.name in fits.jetson):
        return
    if target.jetpack is None:
        if target.release is not None and has_base:
            wants = "a Jetson with JetPack " + ", ".join(fits.jetson)
            yield f"stands on an image without JetPack, {target.image}", wants, ""
        return
    wants = "a Jetson with JetPack " + ", ".join(fits.jetson) if fits.jetson else "other machines than a Jetson"
    yield f"is one with JetPack {target.jetpack.versions}", wants, _instead("jetson", fits.jetson)


def _platforms(fits: Compatibility, target: ProfileTarget) -> Iterator[Misfit]:
    if fits.platforms is None:
        return
    others = [platform for platform in target.platforms if platform not in fits.platforms]
    if others:
        named = ", ".join(fits.platforms)
        yield f"is built for {', '.join(others)} too", named, f"`platforms: [{named}]` builds for what it fits alone"


def _instead(folder: str, names: Sequence[str]) -> str:
    """The built-in targets that do."""
    there = set(builtin_names())
    known = [f"{folder}/{name}" for name in reversed(names) if f"{folder}/{name}" in there]
    return "it fits " + ", ".join(known) if known else ""
