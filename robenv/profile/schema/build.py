"""What an image is made of: the base, packages, files, steps and settings, for the image and for earlier stages."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.dependencies import RunDependencies
from robenv.profile.schema.names import (
    AptSuite,
    Architecture,
    ArchiveHost,
    Checksum,
    Component,
    ImageReference,
    LabelName,
    MirrorAddress,
    Mode,
    Package,
    RepositoryName,
    StageName,
    Suite,
    UserReference,
    VariableName,
    Variant,
    WebAddress,
)
from robenv.profile.schema.pip import PipEntry
from robenv.profile.schema.run.parts import Environment, Healthcheck, PairList
from robenv.profile.schema.secrets import SecretName, StepSecrets
from robenv.profile.schema.types import (
    TEXT_SCHEMA,
    Argv,
    Boolean,
    ContainerPath,
    HostPath,
    Leaf,
    Line,
    OneOrMany,
    PlainLine,
    Section,
    one_of,
    pattern,
    take_line,
    text,
    unset,
)
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show


class Bootstrap(Section):
    """A base made from the package archive, without any registry."""

    suite: Annotated[Suite, Field(description="such as bookworm or noble")]
    mirror: Annotated[MirrorAddress, Field(description="default: the suite's own archive")] = ""
    components: Annotated[
        tuple[Component, ...], Field(description="default: main for Debian; main, universe for Ubuntu")
    ] = ()
    variant: Annotated[Variant, Field(description="how much of the system, in mmdebstrap's words")] = "minbase"
    include: Annotated[tuple[Package, ...], Field(description="packages to have from the start")] = ()


class Base(Section):
    """What the image stands on: one of ``image`` and ``bootstrap``."""

    image: Annotated[ImageReference, Field(description="an image of a registry")] = ""
    bootstrap: Bootstrap | None = None


class StageBase(Base):
    """What a stage stands on: one of ``image``, ``bootstrap`` and ``stage``."""

    stage: Annotated[StageName, Field(description="an earlier stage")] = ""


class AptRepository(Section):
    """A package archive, or the package that sets one up. Over a chain of profiles its keys are merged, so only the
    check after that asks for all."""

    url: WebAddress = ""
    suite: Annotated[AptSuite, Field(description="a suite, or a path that ends with / (then no components)")] = ""
    components: tuple[Component, ...] = ()
    key: Annotated[HostPath, Field(description="the signing key: an address, or a file such as ./keys/a.asc")] = ""
    key_checksum: Annotated[Checksum, Field(description="sha256:… of a key that is downloaded")] = ""
    architectures: tuple[Architecture, ...] = ()
    package: Annotated[WebAddress, Field(description="a .deb with the sources and keys, in place of a url")] = ""
    package_checksum: Annotated[Checksum, Field(description="sha256:… of the package")] = ""
    replaces: Annotated[
        tuple[ArchiveHost, ...], Field(description="hosts whose sources in the image give way: packages.ros.org")
    ] = ()


def _moment(value: Any) -> str:
    """``20261101T000000Z`` of a date or a moment; ``locked`` stays."""
    expected = "`locked`, or a moment such as `2026-11-01` or `20261101T060000Z`"
    text = take_line(value, expected, plain=True)
    if text == "locked":
        return text
    for form in ("%Y-%m-%d", "%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H:%M:%SZ"):
        with suppress(ValueError):
            return datetime.strptime(text, form).strftime("%Y%m%dT%H%M%SZ")
    raise BadValue(f"{show(text)} is not {expected}")


class Apt(Section):
    repositories: Annotated[dict[RepositoryName, AptRepository], Field(description="further package archives")] = Field(
        default_factory=dict
    )
    snapshot: Annotated[
        str,
        Leaf(_moment, TEXT_SCHEMA),
        Field(description="a moment such as 2026-11-01, or `locked`: robenv.lock has it"),
    ] = ""
    packages: Annotated[tuple[Package, ...], Field(description="names, with =VERSION or /SUITE where wanted")] = ()
    login: Annotated[SecretName, Field(description="a secret in the form of ~/.netrc, for package archives")] = ""


class FileCopy(Section):
    """A file or folder that is copied into the image."""

    source: Annotated[HostPath, Field(description="relative to this file; with `from`, a path inside that stage")]
    target: Annotated[ContainerPath, Field(description="where it goes; with / at the end, into that folder")]
    mode: Annotated[Mode, Field(description='such as "0644"')] = ""
    owner: Annotated[UserReference, Field(description="USER or USER:GROUP")] = ""
    stage: Annotated[StageName, Field(alias="from", description="the stage to copy from")] = ""


class Step(Section):
    """A script that runs while the image is built."""

    name: Annotated[Line, Field(description="what progress and errors call it")]
    run: Annotated[str, text("a script"), Field(description="what the shell of the image runs")]
    run_as: Annotated[str, one_of("root", "user"), Field(alias="as", description="who runs it")] = "root"
    secrets: Annotated[StepSecrets, Field(description="files of `secrets` that are there while it runs")] = ()
    ssh: Annotated[Boolean, Field(description="it may use the keys of your ssh agent")] = False


class Image(Section):
    """The image's own settings, by Compose's names."""

    args: Annotated[dict[VariableName, PlainLine], PairList, Field(description="ARG: seen by this profile's steps")] = (
        Field(default_factory=dict)
    )
    labels: Annotated[dict[LabelName, PlainLine], PairList] = Field(default_factory=dict)
    shell: (
        Annotated[tuple[PlainLine, ...], Field(min_length=1, description="what runs the steps, as a list of arguments")]
        | None
    ) = None
    working_dir: ContainerPath = ""
    user: UserReference = ""
    entrypoint: Argv | None = None
    command: Argv | None = None
    healthcheck: Healthcheck | None = None


class BuildSettings(Section):
    """How images are built: nothing of it is in them, or in their hash."""

    network: Annotated[
        str, one_of("default", "host", "none"), Field(description="of steps; host: that of the engine's machine")
    ] = "default"


class BuildSection(Section):
    """What stands at the top of a profile and in each of its stages."""

    apt: Annotated[Apt, Field(description="packages of the distribution")] = unset(Apt)
    pip: Annotated[
        tuple[PipEntry, ...], Field(description="packages of the Python Package Index, or of another index")
    ] = ()
    environment: Annotated[Environment, Field(description="variables of the image")] = Field(default_factory=dict)
    files: Annotated[tuple[FileCopy, ...], Field(description="files to copy into the image")] = ()
    steps: Annotated[tuple[Step, ...], Field(description="scripts to run while the image is built")] = ()
    image: Annotated[Image, Field(description="the image's own settings")] = unset(Image)

    @property
    def pip_packages(self) -> tuple[str, ...]:
        """Those that come from the usual index."""
        return tuple(name for one in self.pip if one.plain for name in one.packages)


class Stage(BuildSection):
    """An earlier stage, to copy from."""

    base: Annotated[StageBase | None, Field(description="default: the profile's base")] = None


_BELOW = r"(?!/)(?!.*(?:^|/)\.\.(?:/|$)).+"
WorkspacePath = Annotated[
    str, pattern(_BELOW, "a path in the workspace such as `src`", "it is below workspace.source, without `..`")
]


class RunImage(BuildSection):
    """The slim image: what is built of the workspace, and what that needs to run. ``build`` makes it one."""

    base: Annotated[StageBase | None, Field(description="default: the profile's base")] = None
    build: Annotated[
        str, text("a script"), Field(description="builds the workspace in it, on top of the dev image; as root")
    ] = ""
    sources: Annotated[
        tuple[WorkspacePath, ...], OneOrMany, Field(description="what of the workspace `build` gets; default: src")
    ] = ()
    secrets: Annotated[StepSecrets, Field(description="as of a step, for `build`")] = ()
    ssh: Annotated[Boolean, Field(description="as of a step, for `build`")] = False
    install: Annotated[
        tuple[ContainerPath, ...], OneOrMany, Field(description="what `build` leaves behind for this image")
    ] = ()
    dependencies: Annotated[
        RunDependencies | None, Field(description="true: what the workspace's packages need to run is in it, by rosdep")
    ] = None
    setup: Annotated[
        tuple[ContainerPath, ...], OneOrMany, Field(description="as `setup`; default: setup.bash of each `install`")
    ] = ()
