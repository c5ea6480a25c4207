"""A profile resolved: the whole merged, and each level's own part of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from robenv.catalog.jetpack import JETPACKS, JetPack
from robenv.errors import Location, Problem
from robenv.profile.chain.project import ProjectFiles
from robenv.profile.schema.build import AptRepository, FileCopy, Step
from robenv.profile.schema.colcon import ColconDefaults
from robenv.profile.schema.mirrors import Mirrors
from robenv.profile.schema.pip import PipInstall
from robenv.profile.schema.profile import Profile
from robenv.profile.workspace.packages import NONE, Packages
from robenv.profile.yaml.nodes import Mapping, Origin, Path_, find, place_of

if TYPE_CHECKING:
    from robenv.profile.chain.reader import ChainDocument

Pairs = tuple[tuple[str, str], ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Located(Generic[T]):
    """A value and where it stands. ``name``: its key, where it has one."""

    value: T
    location: Location
    name: str = ""


@dataclass(frozen=True)
class BuildPart:
    """What one level itself adds to an image or a stage, once later levels have had their say."""

    args: Pairs = ()
    repositories: tuple[Located[AptRepository], ...] = ()
    """Those that this level is the first to name, with the values of all levels."""
    packages: tuple[str, ...] = ()
    packages_location: Location | None = None
    pip: tuple[str, ...] = ()
    pip_location: Location | None = None
    pip_installs: tuple[Located[PipInstall], ...] = ()
    """Those that say more than the names of packages."""
    environment: Pairs = ()
    """This level's own values, also of names that a later level sets again."""
    environment_location: Location | None = None
    files: tuple[Located[FileCopy], ...] = ()
    steps: tuple[Located[Step], ...] = ()


@dataclass(frozen=True)
class RosPart:
    """What one level itself says of ROS. A value that it does not say is None."""

    variant: Located[str] | None = None
    rmw: Located[str] | None = None
    rosdep: Located[str] | None = None
    completion: Located[str] | None = None
    colcon_mixins: tuple[Located[str], ...] = ()
    """Those that this level is the first to name, with the addresses of all levels."""
    colcon_defaults: Located[ColconDefaults] | None = None
    """Where this level says any: what it comes to with those of the levels below."""


@dataclass(frozen=True)
class Level:
    """A file of the chain. ``stage_parts``: by the name of the stage, in the order of the merged profile."""

    name: str
    file: Path
    origin: Origin
    part: BuildPart
    stage_parts: tuple[tuple[str, BuildPart], ...] = ()
    run_image: BuildPart = BuildPart()
    ros: RosPart = RosPart()

    def stage(self, name: str) -> BuildPart:
        """This level's part of a stage; empty where it has none."""
        return dict(self.stage_parts).get(name, BuildPart())

    @property
    def parts(self) -> tuple[BuildPart, ...]:
        """Of the image, of every stage, of the run image."""
        return (self.part, *(part for _, part in self.stage_parts), self.run_image)


@dataclass(frozen=True)
class Inputs:
    """All that a resolved profile depends on besides robenv itself."""

    files: tuple[Path, ...]
    """Files read."""
    absent: tuple[Path, ...]
    """Files looked for and not there."""
    variables: tuple[tuple[str, str | None], ...]
    """Variables looked up, with what the environment had for each; what ``.env`` has is among the files."""
    since: int = field(default=0, compare=False)
    """When reading them began, in nanoseconds since 1970."""


@dataclass(frozen=True)
class Pins:
    """What a lock holds fast of the image. ``images``: (reference, platform, digest). ``snapshot``: the moment of the
    package archives, ``20261101T000000Z``."""

    images: tuple[tuple[str, str, str], ...] = ()
    snapshot: str = ""

    def digest(self, reference: str, platform: str) -> str:
        """``sha256:…`` of an image, "" where none is held fast."""
        return next((digest for name, of, digest in self.images if (name, of) == (reference, platform)), "")


@dataclass(frozen=True)
class Resolved:
    """``levels``: the target first, the project last, its overlay after it. ``files``: None for a built-in profile."""

    profile: Profile
    levels: tuple[Level, ...]
    files: ProjectFiles | None
    inputs: Inputs
    warnings: tuple[Problem, ...]
    root: Mapping = field(repr=False, compare=False)
    """The merged nodes, each at its place."""
    documents: tuple[ChainDocument, ...] = field(default=(), repr=False, compare=False)
    """The files of the chain, one a level, in the same order."""
    pins: Pins = Pins()
    site: Mirrors = field(default_factory=Mirrors.model_construct, repr=False, compare=False)
    """The mirrors of the user's own configuration; those of the profile count before them."""
    variants: tuple[tuple[str, Resolved], ...] = field(default=(), repr=False, compare=False)
    """By platform, the profile as it is there, for each that ``per_platform`` names somewhere; by "", for all others.
    Empty where no part is for one platform alone."""
    jetpacks: tuple[JetPack, ...] = field(default=JETPACKS, repr=False, compare=False)
    """The table of them, with the user's corrections."""

    packages: Packages = field(default=NONE, repr=False)
    """Of the workspace, where the profile wants their dependencies."""

    def on(self, platform: str) -> Resolved:
        """The profile as it is for a platform, in Docker's normal form."""
        known = dict(self.variants)
        found = known.get(platform) or known.get("")
        return (
            self
            if found is None
            else replace(
                found,
                inputs=self.inputs,
                pins=self.pins,
                site=self.site,
                variants=self.variants,
                packages=self.packages,
            )
        )

    @property
    def is_named(self) -> bool:
        """Whether a file says the project's name; otherwise it is called after its folder."""
        return find(self.root, ("name",)) is not None

    def locate(self, path: Path_) -> Location | None:
        """Where the value at ``path`` was written, such as ("run", "volumes", 0); None: nowhere, it is a default."""
        node = find(self.root, path)
        return place_of(node) if node is not None else None
