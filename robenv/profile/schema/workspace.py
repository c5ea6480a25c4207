"""The workspace: where it is inside, and what of its packages' dependencies the image has."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.dependencies import Dependencies
from robenv.profile.schema.run.short_syntax import same_place
from robenv.profile.schema.types import HostPath, Leaf, OneOrMany, Section, take_line
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

_NO_WORKSPACE = (
    "/",
    "/proc",
    "/sys",
    "/dev",
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/boot",
    "/run",
    "/var",
)


def _workspace(value: Any) -> str:
    path = take_line(value, "an absolute path such as `/workspace`")
    if not path.startswith("/") or "/.." in path:
        raise BadValue(f"{show(path)} is not an absolute path such as `/workspace`", "begin it with `/`")
    if same_place(path) in _NO_WORKSPACE:
        raise BadValue(f"the workspace would hide the system's own {show(path)}", "choose a path such as /workspace")
    return same_place(path)


class Workspace(Section):
    """The project's folder, and where it is inside."""

    source: Annotated[HostPath, Field(description="default: the folder of robenv.yaml")] = ""
    target: Annotated[str, Leaf(_workspace, {"type": "string"})] = "/workspace"
    repos: Annotated[tuple[HostPath, ...], OneOrMany, Field(description=".repos files: cloned into src/ by `up`")] = ()
    dependencies: Annotated[
        Dependencies | None, Field(description="true: what its packages depend on, by rosdep, is in the image")
    ] = None
