"""Which programs an image has, found out by running it once on the engine that has it."""

from __future__ import annotations

import secrets
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from robenv.engine.protocol import Engine, ImageInfo
from robenv.errors import RobenvError
from robenv.plan.names import LABEL_ROLE, ROLE_THROWAWAY
from robenv.util.bounded_json import last_bytes

if TYPE_CHECKING:
    from robenv.profile.schema.deploy import Deploy

_ALWAYS = ("sh", "flock", "timeout", "sleep", "cat")
"""What a release's few lines of shell call."""
_ROS = ("ros2", "rosnode", "rostopic")
NODE, TOPIC = "ros2 or rosnode", "ros2 or rostopic"

# In the image's own entrypoint, so that what it puts into PATH counts; one that waits for something is not awaited.
_LOOK = 'for p in "$@"; do command -v "$p" >/dev/null 2>&1 && echo "$p"; done; true'


def needed(deploy: Deploy) -> frozenset[str]:
    """The programs that a release of this profile cannot do without."""
    check = deploy.healthcheck
    more: set[str] = set()
    if check is not None and not check.disable:
        more |= {"bash"} if check.port else set()
        more |= {NODE} if check.ros_node else set()
        more |= {TOPIC} if check.ros_topic else set()
    return frozenset((*_ALWAYS, *more))


def find_programs(engine: Engine, image: ImageInfo) -> frozenset[str] | None:
    """Of all that ``needed`` may name, what the image has; None where it cannot be run here (another platform)."""
    names = (*_ALWAYS, "bash", *_ROS)
    request = {
        "Image": image.id,
        "Entrypoint": ["/bin/sh", "-c", _script(image.entrypoint), "sh", *names],
        "Cmd": [],
        "Labels": {LABEL_ROLE: ROLE_THROWAWAY},
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none"},
    }
    container = engine.create_container(f"robenv-look-{secrets.token_hex(4)}", request, image.platform)
    try:
        return _look(engine, container)
    finally:
        with suppress(RobenvError):
            engine.remove_container(container, force=True)


def _script(entrypoint: tuple[str, ...]) -> str:
    inside = shlex.join((*entrypoint, "/bin/sh", "-c", _LOOK, "sh"))
    return f'{_LOOK}; timeout 20 {inside} "$@" </dev/null 2>/dev/null; true'


def _look(engine: Engine, container: str) -> frozenset[str] | None:
    try:
        engine.start(container)
    except RobenvError as error:
        return frozenset() if "there is no /bin/sh in the image" in error.message else None
    engine.wait(container)
    output = last_bytes(data for stream, data in engine.logs(container) if stream == "stdout")
    found = frozenset(output.decode(errors="replace").split())
    if not found:
        return None  # an image of another platform starts, and ends at once
    either = {NODE: {"ros2", "rosnode"}, TOPIC: {"ros2", "rostopic"}}
    return found | {name for name, programs in either.items() if found & programs}
