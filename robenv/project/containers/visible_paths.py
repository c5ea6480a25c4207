"""Whether the engine sees this machine's folders as this machine does, asked before an image is built.

An engine from the snap or in another mount namespace has a /tmp or a home of its own; root may not enter what lies on
NFS with root_squash or on FUSE without allow_other. A container that is created, and never started, tells.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from robenv.engine.protocol import Engine
from robenv.errors import HostRequirementMissing, OperationFailed, RobenvError
from robenv.plan.container.run import relabelled
from robenv.plan.host.display import without_unseen
from robenv.plan.models import Mount, RunPlan
from robenv.plan.names import LABEL_DIRECTORY, LABEL_PLAN, LABEL_PROJECT, LABEL_ROLE, ROLE_THROWAWAY
from robenv.profile.schema.profile import Profile
from robenv.project.image.staging_names import staging_name

_HIDDEN = re.compile(r"bind source path does not exist: (?P<path>/.*)")
_SHUT = re.compile(r"l?stat (?P<path>/.*?): permission denied")
_SYSTEM = ("/dev", "/proc", "/sys", "/run", "/tmp/.X11-unix")  # noqa: S108
_OF_THE_SESSION = (
    "Docker from the snap, or in another mount namespace, has folders of its own there: Docker from a package brings it"
)
_TRIES = 5
_PAUSE = 0.2
"""Seconds, while something writes to the workspace."""


class PathNotVisible(HostRequirementMissing):
    """A folder of this machine that the engine does not see as this machine does."""

    def __init__(self, message: str, hint: str, path: str) -> None:
        super().__init__(message, hint=hint)
        self.path = path


def needs_look(engine: Engine, plan: RunPlan, image: str) -> bool:
    """Whether an image is about to be built or a container created, so that the rest would be for nothing."""
    if not engine.endpoint.startswith("unix://"):
        return False  # paths are another machine's
    found = engine.find_container(plan.name)
    if found is None or found.labels.get(LABEL_PLAN) != dict(plan.labels).get(LABEL_PLAN):
        return True
    return engine.find_image(image) is None


def without_unseen_session(engine: Engine, plan: RunPlan, profile: Profile, note: Callable[[str], object]) -> RunPlan:
    """Return the plan without the parts of the session that the engine does not see and the profile asks for with
    ``auto``; name them by ``note``. Raise Unseen for any other folder."""
    while True:
        try:
            check_visible(engine, plan)
        except PathNotVisible as error:
            less = without_unseen(plan, profile, error.path)
            if less is None:
                raise
            plan = relabelled(less[0])
            none = " and ".join(f"`{key}: {'false' if key == 'git' else 'none'}`" for key in less[1])
            note(
                f"{error.message}: the container has no {' and no '.join(less[1])}; {_OF_THE_SESSION}, and {none} "
                "silences this"
            )
        else:
            return plan


def check_visible(engine: Engine, plan: RunPlan) -> None:
    """Raises Unseen for a folder of this machine that the engine does not see, may not enter, or has another of."""
    binds = [mount for mount in plan.mounts if mount.kind == "bind"]
    sources = list(dict.fromkeys(_nearest(mount.source) for mount in binds))
    if not sources:
        return
    mounts = [Mount("bind", source, f"/robenv/{index}", True) for index, source in enumerate(sources)]
    with _empty(engine) as image:
        try:
            container = engine.create_container(
                f"{plan.name}-look-{secrets.token_hex(3)}", _request(plan, image, mounts)
            )
        except RobenvError as error:
            if better := explain(f"{error.message}\n{error.details}", sources):
                raise better from error
            return  # what else is wrong is said when the project's own container is created
        try:
            for mount in mounts:
                if _is_ones_own(mount.source) and not _same(engine, container, mount):
                    raise _hidden(mount.source, "has another folder at")
        finally:
            engine.remove_container(container, force=True)


def explain(said: str, sources: list[str]) -> PathNotVisible | None:
    """The error for what an engine says of a bind mount; None where it says nothing of one of ``sources``."""
    for pattern in (_HIDDEN, _SHUT):
        match = pattern.search(said)
        path = match["path"].strip() if match else ""
        if path and any(source == path or source.startswith(f"{path}/") for source in sources):
            return _hidden(path, "does not see") if pattern is _HIDDEN else _shut(path)
    return None


def _hidden(path: str, how: str) -> PathNotVisible:
    there = "" if how == "does not see" else " than this user"
    return PathNotVisible(
        f"the engine {how} {path}{there or ', though it is here'}",
        hint="is Docker from the snap, or in another mount namespace? Such an engine has a /tmp of its own and sees no "
        "hidden folders: put the project elsewhere below your home folder, or install Docker from a package",
        path=path,
    )


def _shut(path: str) -> PathNotVisible:
    return PathNotVisible(
        f"the engine's root may not enter {path}",
        hint="as on NFS with root_squash, or FUSE without allow_other: put the project on a local disk, or mount that "
        "file system so that root may enter it",
        path=path,
    )


def _nearest(path: str) -> str:
    """The folder itself, or the nearest above it that is there: what is yet to be made is made in that one."""
    place = Path(path)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return str(place)


def _is_ones_own(path: str) -> bool:
    """Whether it is a folder of files, which changes only where somebody works in it."""
    return not path.startswith(_SYSTEM) and Path(path).is_dir()


def _request(plan: RunPlan, image: str, mounts: list[Mount]) -> dict[str, Any]:
    return {
        "Image": image,
        "Entrypoint": ["/none"],
        "Labels": {LABEL_PROJECT: plan.project, LABEL_DIRECTORY: plan.directory, LABEL_ROLE: ROLE_THROWAWAY},
        "HostConfig": {
            "NetworkMode": "none",
            "UsernsMode": plan.userns_mode,
            "Mounts": [
                {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": True} for mount in mounts
            ],
        },
    }


def _same(engine: Engine, container: str, mount: Mount) -> bool:
    """By the time of its last change: in whole seconds, since some file systems between two machines keep no more."""
    for _ in range(_TRIES):
        before = int(Path(mount.source).stat().st_mtime)
        try:
            told = _seconds(engine.path_time(container, mount.target))
        except OperationFailed:
            return True
        if told is None or before <= told <= int(Path(mount.source).stat().st_mtime):
            return True
        time.sleep(_PAUSE)
    return False


def _seconds(text: str) -> int | None:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if match is None:
        return None
    return int(datetime.fromisoformat(match[1] + match[2].replace("Z", "+00:00")).timestamp())


@contextmanager
def _empty(engine: Engine) -> Iterator[str]:
    """An image for this alone, which goes afterwards: another one could not be removed while the container has it."""
    name = staging_name()
    engine.load_images([_empty_image(name, engine.info().platform)])
    try:
        yield name
    finally:
        with suppress(OperationFailed):  # it is gone already, or the next clean-up takes it
            engine.remove_image(name)


def _empty_image(name: str, platform: str) -> bytes:
    system, architecture, *_ = platform.split("/")
    layer = _tar({})
    config = {
        # So no two have one ID: engines mix up removals of the same image that come at the same time.
        "comment": name,
        "os": system,
        "architecture": architecture,
        "config": {"Labels": {LABEL_ROLE: ROLE_THROWAWAY}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return _tar(
        {
            "layer.tar": layer,
            "config.json": json.dumps(config).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


def _tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()
