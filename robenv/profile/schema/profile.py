"""``robenv.yaml`` as a model: what may stand where. The one place that the JSON Schema comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.build import Base, BuildSection, BuildSettings, RunImage, Stage
from robenv.profile.schema.compatibility import Compatibility
from robenv.profile.schema.deploy import Deploy
from robenv.profile.schema.host import Audio, Display, GpuOrWord, SshAgent, Udev, Wish
from robenv.profile.schema.mirrors import Mirrors
from robenv.profile.schema.names import HostOrId, Platform, ProjectName, Registry, StageName, UserName
from robenv.profile.schema.ros import Ros
from robenv.profile.schema.run.keys import Run
from robenv.profile.schema.run.network import Networks
from robenv.profile.schema.secrets import Secret, SecretName
from robenv.profile.schema.types import Boolean, ContainerPath, Line, OneOrMany, Section, SetupPath, unset
from robenv.profile.schema.workspace import Workspace
from robenv.profile.yaml.nodes import Path_


class User(Section):
    """Who works inside."""

    name: UserName = "dev"
    uid: Annotated[HostOrId, Field(description="`host`: your own number on the host")] = "host"
    gid: HostOrId = "host"
    sudo: Annotated[Boolean, Field(description="whether that user may become root without a password")] = False
    shell: ContainerPath = "/bin/bash"


class ProfileBody(BuildSection):
    """What is made, and how it runs: all that may differ from platform to platform."""

    base: Annotated[Base, Field(description="one of image and bootstrap")] = unset(Base)
    setup: Annotated[
        tuple[SetupPath, ...],
        Field(description="sourced, where they exist, before every command; relative ones are the workspace's"),
    ] = ()
    stages: Annotated[dict[StageName, Stage], Field(description="earlier stages, to copy from with files: from")] = (
        Field(default_factory=dict)
    )
    run_image: Annotated[RunImage, Field(description="a slim image beside this one, for robots")] = unset(RunImage)
    workspace: Workspace = unset(Workspace)
    user: User = unset(User)
    gpu: Annotated[GpuOrWord | None, Field(description="auto, none, required, or which one")] = None
    display: Annotated[Display, Field(description="windows on the host's screen")] = "none"
    audio: Annotated[Audio, Field(description="the host's sound")] = "none"
    ssh_agent: Annotated[SshAgent, Field(description="the keys of the host's agent, not the keys themselves")] = "none"
    git: Annotated[Boolean, Field(description="your name and address in commits made inside")] = False
    devices: Annotated[tuple[Wish, ...], Field(description="/dev/ttyUSB0, a pattern, or a class")] = ()
    udev: Annotated[tuple[Udev, ...], OneOrMany, Field(description="rules for the host's devices: FILE.rules")] = ()
    realtime: Annotated[Boolean, Field(description="realtime scheduling and locked memory")] = False
    ros: Ros = unset(Ros)
    networks: Annotated[Networks, Field(description="networks that `run.networks` may name, as in Compose")] = Field(
        default_factory=dict
    )
    run: Run = unset(Run)
    deploy: Deploy = unset(Deploy)


class Profile(ProfileBody):
    """A profile, or a whole chain of them merged."""

    name: Annotated[ProjectName, Field(description="the project's name, part of image and container names")] = ""
    description: Annotated[Line, Field(description="one line, for `robenv profiles list`")] = ""
    extends: Annotated[
        tuple[Line, ...], OneOrMany, Field(description="built-in profiles and ./files that this one adds to")
    ] = ()
    fits: Annotated[Compatibility, Field(description="what this profile may be put upon; not inherited")] = unset(
        Compatibility
    )
    platforms: Annotated[tuple[Platform, ...], Field(description="what `robenv build` builds for")] = ()
    registry: Annotated[Registry, Field(description="HOST/PATH to which `push` takes images, and where `up` looks")] = (
        ""
    )
    secrets: Annotated[
        dict[SecretName, Secret], Field(description="what steps may read while they run, and no image keeps")
    ] = Field(default_factory=dict)
    mirrors: Annotated[Mirrors, Field(description="by which other address things are fetched from here")] = unset(
        Mirrors
    )
    build: Annotated[BuildSettings, Field(description="how images are built; nothing of it is in them")] = unset(
        BuildSettings
    )
    per_platform: Annotated[dict[Platform, ProfileBody], Field(description="what holds for one platform alone")] = (
        Field(default_factory=dict)
    )

    def sections(self) -> Iterator[tuple[Path_, BuildSection]]:
        """Each stage, then the image itself, and last the run image; with the path of keys to it."""
        for name, stage in self.stages.items():
            yield ("stages", name), stage
        yield (), self
        yield ("run_image",), self.run_image

    def logins(self) -> Iterator[tuple[Path_, str]]:
        """The secrets by which package archives and pip's indexes are logged into, with where each is named."""
        for path, section in self.sections():
            if section.apt.login:
                yield (*path, "apt", "login"), section.apt.login
            for index, one in enumerate(section.pip):
                if one.login:
                    yield (*path, "pip", index, "login"), one.login


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``robenv.yaml``. The tags !override and !reset are no part of it."""
    schema = Profile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "robenv.yaml"
    schema["description"] = "A robotics development environment: what its image is made of and how its container runs."
    return schema
