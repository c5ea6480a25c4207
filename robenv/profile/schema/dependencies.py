"""Which dependencies of the workspace's packages an image has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from robenv.profile.schema.types import Section, one_of, pattern
from robenv.profile.workspace.package_xml import TYPES

_SkipKeys = Annotated[
    tuple[Annotated[str, pattern(r"[A-Za-z0-9][A-Za-z0-9._+-]*", "a rosdep key such as `eigen`")], ...],
    Field(description="rosdep keys to leave out"),
]
_Types = tuple[Annotated[str, one_of(*TYPES)], ...]


class Dependencies(Section):
    """What the packages of the workspace depend on, by their package.xml: resolved by rosdep, put into the image."""

    skip_keys: _SkipKeys = ()
    types: Annotated[_Types, Field(description="which dependencies count; default: all but doc")] = TYPES[:-1]


class RunDependencies(Section):
    """The same for the run image."""

    skip_keys: _SkipKeys = ()
    types: Annotated[_Types, Field(description="which dependencies count; default: exec")] = ("exec",)
