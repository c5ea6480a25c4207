"""A package that apt or pip does not have, led back to the entry of the list that names it, with names like it."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from robenv.catalog.releases import DistroRelease, find_release, release_of_image
from robenv.catalog.ros import find_distro
from robenv.engine.protocol import BuildRequest, Engine, LogEvent
from robenv.errors import BuildFailed, Location, Problem, RobenvError
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, place_of
from robenv.profile.yaml.nodes import Sequence as Items
from robenv.project.planned import PlannedProject
from robenv.render import Instruction, Rendered, context_stream
from robenv.util.sanitize import printable

_TITLES = ("apt packages", "ROS packages", "dependencies of the workspace", "pip packages")
"""Of the instructions that install what lists name."""
_APT = re.compile(
    r"^E: (?:Unable to locate package (?P<a>\S+)|Package '(?P<b>[^']+)' has no installation candidate"
    r"|Version '(?P<version>[^']*)' for '(?P<c>[^']+)' was not found)"
)
_PIP = re.compile(r"^ERROR: No matching distribution found for (?P<what>\S.*?)(?: \(from .*\))?$")
_OFFERS = re.compile(r"satisfies the requirement (?P<what>\S.*?) \(from versions: (?P<versions>[^)]*)\)")
_AWAY = re.compile(
    r"name resolution|failure resolving|could not resolve|connection refused|network is unreachable|failed to fetch"
    r"|could not fetch url|certificate|max retries exceeded|timed out",
    re.I,
)
"""What says that nobody has looked whether there is such a package."""
_OF_ROS = re.compile(r"ros-(?P<distro>[a-z]+)-")
_SAID = "robenv apt: "
_LOOKED_AT = 2000
"""Names that are taken of those that begin alike."""

Near = Callable[[Sequence[str]], Iterable[str]]
"""From names to all that the image's archives have and that begin like one of them."""


def explain_missing(error: BuildFailed, planned: PlannedProject, found: Instruction | None, near: Near) -> BuildFailed:
    """``error`` with a problem for each package that is not to be had; as it was where that is not why."""
    if found is None or found.title not in _TITLES or any(_AWAY.search(line) for line in error.output):
        return error
    problems = tuple(_of_apt(error.output, planned, near)) or tuple(_of_pip(error.output, planned))
    if problems:
        error.problems, error.details = tuple(sorted(problems, key=_place)), ""
    return error


def _place(problem: Problem) -> tuple[str, int, int]:
    at = problem.location
    return (at.file, at.line, at.column) if at else ("", 0, 0)


def _of_apt(output: Iterable[str], planned: PlannedProject, near: Near) -> Iterator[Problem]:
    missing: dict[str, str] = {}
    for line in output:
        if match := _APT.search(line):
            missing[match["a"] or match["b"] or match["c"]] = match["version"] or ""
    known = tuple(near(list(missing))) if missing else ()
    release = _release(planned)
    for name, version in missing.items():
        what = f"apt has no version {version} of `{name}`" if version else f"apt has no package `{name}`"
        where = f" on {release.title}" if release else ""
        close = [] if version else _close(name, known)
        meant = f"did you mean {' or '.join(f'`{one}`' for one in close)}?" if close else ""
        place = _entry(planned, name, ("apt", "packages"), "=")
        yield Problem(printable(what + where), place, _about_ros(name, release) or printable(meant))


def _close(name: str, known: Sequence[str]) -> list[str]:
    """What the name begins, a -dev package first; else names of a like spelling."""
    begun = sorted(
        (one for one in known if one.startswith(name)), key=lambda one: (not one.endswith("-dev"), len(one), one)
    )
    return begun[:3] or difflib.get_close_matches(name, known, 3, 0.7)


def _of_pip(output: Sequence[str], planned: PlannedProject) -> Iterator[Problem]:
    offers = {match["what"]: match["versions"] for line in output if (match := _OFFERS.search(line))}
    for line in output:
        if match := _PIP.search(line):
            what = match["what"]
            versions = [one.strip() for one in offers.get(what, "").split(",") if one.strip() not in ("", "none")]
            hint = (
                f"the newest that it has: {', '.join(versions[-3:])}"
                if versions
                else "look at the name, and Python's version"
            )
            yield Problem(
                printable(f"pip finds nothing for `{what}`"), _entry(planned, what, ("pip",), ""), printable(hint)
            )


def _about_ros(name: str, release: DistroRelease | None) -> str:
    """Where the packages of a distribution of ROS are, if it is not this image."""
    match = _OF_ROS.match(name)
    distro = find_distro(match["distro"]) if match else None
    home = find_release(distro.suite) if distro else None
    if distro is None or home is None or (release is not None and release.suite == home.suite):
        return ""
    return f"ros-{distro.name}-* packages are for {home.title}: extend `ros/{distro.name}`"


def _release(planned: PlannedProject) -> DistroRelease | None:
    """Of what the image stands on, where its name says it."""
    base = list(planned.build.roots.values())[-1]
    return find_release(base.bootstrap.suite) if base.bootstrap else release_of_image(base.asked or base.reference)


def _entry(planned: PlannedProject, name: str, path: tuple[str, ...], end: str) -> Location | None:
    """Where a list of the chain names it, in the file that counts last."""
    wanted = name.replace(" ", "").casefold()
    for document in reversed(planned.resolved.documents):
        for found in _scalars(document.root, path):
            text = found.text.replace(" ", "").casefold()
            if text == wanted or (end and text.partition(end)[0] == wanted):
                return replace(place_of(found), excerpt="", chain=())  # the list itself was shown with the step
    return None


def _scalars(node: Node, path: tuple[str, ...]) -> Iterator[Scalar]:
    """All texts below ``path``, wherever in a profile that is: also in stages, run_image and per_platform."""
    if not isinstance(node, Mapping):
        return
    here: Node | None = node
    for key in path:
        here = here.get(key) if isinstance(here, Mapping) else None
    yield from _texts(here)
    for _, below in node.values():
        yield from _scalars(below, path)


def _texts(node: Node | None) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Items):
        for item in node.items:
            yield from _texts(item)
    elif isinstance(node, Mapping):
        yield from _texts(node.get("packages"))


def similar_packages(engine: Engine, request: BuildRequest, rendered: Rendered, at: Instruction) -> Near:
    """Asks apt in a step in the place of the one that failed, where the lists that it fetched still are. That step
    fails by itself, so that no image comes of it."""

    def near(names: Sequence[str]) -> tuple[str, ...]:
        if not request.buildkit:
            return ()
        told: list[str] = []
        with contextlib.suppress(RobenvError):
            dockerfile = _looking(rendered.dockerfile, at, names)
            context = tuple(
                replace(one, data=dockerfile.encode()) if one.name == request.dockerfile else one
                for one in rendered.context
            )
            asked = replace(request, target=at.stage, no_cache=False)
            for event in engine.build(asked, context_stream(replace(rendered, context=context))):
                told += [event.text] if isinstance(event, LogEvent) else []
        lines = "".join(told).splitlines()
        return tuple(line.removeprefix(_SAID) for line in lines if line.startswith(_SAID))[:_LOOKED_AT]

    return near


def _looking(dockerfile: str, at: Instruction, names: Sequence[str]) -> str:
    """Up to the instruction, with its mounts and settings, and with a question in the place of the rest."""
    lines = dockerfile.split("\n")
    start = at.line_start - 1
    head = next(number for number in range(start, at.line_end) if "DEBIAN_FRONTEND=noninteractive;" in lines[number])
    beginnings = sorted({_beginning(name) for name in names if re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", name)})
    ask = f"for one in {' '.join(beginnings)}; do apt-cache pkgnames $one | head -n {_LOOKED_AT}; done"
    return "\n".join([*lines[: head + 1], f"    {ask} | sed 's/^/{_SAID}/'; exit 1", ""])


def _beginning(name: str) -> str:
    """Up to the first letters of its last word: thousands of names begin with python3-."""
    return name[: max(3, len(name) // 2, name.rfind("-") + 3)]
