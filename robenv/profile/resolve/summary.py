"""The built-in profiles at a glance: what each is, what it stands on, until when that is supported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from robenv.catalog.jetpack import JetPack
from robenv.catalog.releases import RELEASES, DistroRelease
from robenv.catalog.ros import DISTROS, find_distro
from robenv.errors import Location, ProfileError
from robenv.profile.chain.builtin import BuiltinProfile, list_builtin
from robenv.profile.checks.compatibility import target_of
from robenv.profile.resolve.catalog_overrides import CorrectedTables, Line
from robenv.profile.resolve.resolve import resolve_builtin
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.schema.compatibility import Compatibility


@dataclass(frozen=True)
class Summary:
    """A profile's row. Of a mixin, which has no base, what it fits takes the place of what it stands on."""

    name: str
    description: str
    is_target: bool
    platforms: tuple[str, ...] = ()
    """Empty: any."""
    system: str = ""
    """``Ubuntu 24.04``."""
    suite: str = ""
    python: str = ""
    ros: str = ""
    jetpack: str = ""
    until: str = ""
    """The month in which the support of its ROS ends, else that of its system; ``never`` where the user says so, and
    "" where nobody says."""
    fits: Compatibility | None = None
    problem: str = ""
    corrected: Mapping[Line, Location] = field(default_factory=dict)
    """Which lines of robenv's tables that concern it the user has corrected, and where."""
    now: str = ""
    """What a description cannot know: the JetPack and its L4T as they are corrected."""

    @property
    def group(self) -> str:
        return self.name.partition("/")[0] if "/" in self.name else ""

    def ended(self, month: str) -> bool:
        return self.until not in ("", "never") and self.until < month

    def runs_on(self, platform: str) -> bool:
        wanted = self.platforms or (self.fits.platforms if self.fits and self.fits.platforms else ())
        return not wanted or platform in wanted

    def is_for(self, release: DistroRelease) -> bool:
        """Whether it stands on a release; of a mixin, whether it fits it."""
        if self.is_target:
            return self.suite == release.suite
        if self.fits is None or (self.fits.ubuntu is None and self.fits.debian is None):
            on_ros = [find_distro(name) for name in (self.fits.ros or ())] if self.fits else []
            return not on_ros or any(one is not None and one.suite == release.suite for one in on_ros)
        return release.suite in (*(self.fits.ubuntu or ()), *(self.fits.debian or ()))

    def as_json(self, month: str) -> dict[str, object]:
        made = asdict(replace(self, corrected={}))
        del made["now"]
        made["corrected"] = {".".join(line): str(place) for line, place in self.corrected.items()}
        made["fits"] = self.fits.model_dump(exclude_none=True, exclude_defaults=True) if self.fits else {}
        return {**made, "ended": self.ended(month)}


def summaries(corrected: CorrectedTables | None = None) -> Iterator[Summary]:
    """Of every built-in profile, by name; one that cannot be resolved says why. ``corrected``: the tables as the user
    has them; None as robenv has them."""
    for known in sorted(list_builtin(), key=lambda one: one.name):
        yield _summary(known, corrected or CorrectedTables())


def find_summary(name: str, corrected: CorrectedTables | None = None) -> Summary | None:
    """Of one built-in profile; None where there is none of that name."""
    known = next((one for one in list_builtin() if one.name == name), None)
    return _summary(known, corrected or CorrectedTables()) if known else None


def _summary(known: BuiltinProfile, corrected: CorrectedTables) -> Summary:
    try:
        return _row(known, resolve_builtin(known.name, corrected), corrected)
    except ProfileError as error:
        problem = error.problems[0].message if error.problems else error.message
        return Summary(known.name, known.description, False, problem=known.problem or problem)


def _row(known: BuiltinProfile, resolved: Resolved, corrected: CorrectedTables) -> Summary:
    profile = resolved.profile
    is_target = bool(profile.base.image or profile.base.bootstrap)
    if not is_target:
        return Summary(known.name, known.description, False, profile.platforms, fits=profile.fits)
    target = target_of(profile, resolved.documents, resolved.jetpacks)
    release, distro, jetpack = target.release, find_distro(target.ros), target.jetpack
    said = corrected.of(("ros", target.ros), ("jetpack", jetpack.name if jetpack else ""))
    until = profile.ros.end_of_life or (distro.until if distro else "")
    return Summary(
        name=known.name,
        description=known.description,
        is_target=True,
        platforms=profile.platforms,
        system=release.title if release else "",
        suite=release.suite if release else "",
        python=jetpack.python if jetpack else release.python if release else "",
        ros=target.ros,
        jetpack=jetpack.versions if jetpack else "",
        until=until or (release.until if release else ""),
        fits=profile.fits,
        corrected=said,
        now=_now(jetpack) if jetpack and any(line[0] == "jetpack" and line[2] in _SHOWN for line in said) else "",
    )


_SHOWN = ("versions", "first", "last", "cuda")


def _now(jetpack: JetPack) -> str:
    return f"JetPack {jetpack.versions} (L4T {jetpack.range}), CUDA {jetpack.cuda}"


def fits_in_words(fits: Compatibility | None) -> str:
    """``ROS humble, jazzy; Ubuntu 24.04; no Jetson``; "" for anything."""
    if fits is None:
        return ""
    parts = [] if fits.ros is None else [f"ROS {_distros(fits.ros)}" if fits.ros else "no ROS of its own packages"]
    for distribution, suites in (("Ubuntu", fits.ubuntu), ("Debian", fits.debian)):
        parts += [f"{distribution} {_versions(suites)}"] if suites else []
    if fits.platforms:
        parts.append(", ".join(platform.partition("/")[2] for platform in fits.platforms))
    if fits.jetson is not None:
        parts.append(f"of Jetsons {', '.join(fits.jetson)}" if fits.jetson else "no Jetson")
    return "; ".join(parts)


def _distros(names: tuple[str, ...]) -> str:
    """``humble, jazzy``; of all that there are of ROS 2, ``2``."""
    of_ros_2 = {distro.name for distro in DISTROS if distro.version == 2}
    others = [name for name in names if name not in of_ros_2]
    return ", ".join([*others, "2"]) if of_ros_2 <= set(names) else ", ".join(names)


def _versions(suites: tuple[str, ...]) -> str:
    """``22.04, 24.04``; from three in a row on, ``20.04 to 26.04``."""
    rows = [row for row in RELEASES if row.suite in suites]
    alike = [row for row in RELEASES if row.distribution == rows[0].distribution]
    first = alike.index(rows[0])
    if len(rows) > 2 and alike[first : first + len(rows)] == rows:
        return f"{rows[0].version} to {rows[-1].version}"
    return ", ".join(row.version for row in rows)
