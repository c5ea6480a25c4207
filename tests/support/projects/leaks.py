"""What tests have left on an engine."""

from __future__ import annotations

import fcntl
import json
import tempfile
from pathlib import Path
from types import TracebackType

import docker

from tests.support.images.base_image import LABEL as SHARED
from tests.support.machine.side_by_side import Common

PREFIX = "robenvtest"


def resources(api: docker.APIClient) -> set[tuple[str, str]]:
    """(kind, name) of all that belongs to tests: named ``robenvtest…`` or labelled as of a project of that name."""
    found: set[tuple[str, str]] = set()
    for container in api.containers(all=True):
        names = [name.lstrip("/") for name in container["Names"] or []]
        if _of_a_test(names, container["Labels"]):
            found.add(("container", f"{names[0] if names else container['Id'][:12]} ({container['Id'][:12]})"))
    for volume in api.volumes()["Volumes"] or []:
        if _of_a_test([volume["Name"]], volume["Labels"]):
            found.add(("volume", volume["Name"]))
    for network in api.networks():
        if _of_a_test([network["Name"]], network["Labels"]):
            found.add(("network", network["Name"]))
    for image in api.images():
        tags = image["RepoTags"] or []
        if SHARED not in (image["Labels"] or {}) and _of_a_test([_repository(tag) for tag in tags], image["Labels"]):
            found.update(("image", tag) for tag in tags or [image["Id"]])
    return found


def _repository(tag: str) -> str:
    """The last part of a tag's name: ``robenv/robenvtest-x:0123`` is of ``robenvtest-x``."""
    return tag.rsplit(":", 1)[0].rsplit("/", 1)[-1]


def _of_a_test(names: list[str], labels: dict[str, str] | None) -> bool:
    names = [*names, (labels or {}).get("robenv.project", "")]
    return any(name.startswith((PREFIX, f"robenv-{PREFIX}")) for name in names)


class Watch:
    """Around a test session: afterwards ``left`` says what it made and did not remove.

    Where two sessions share an engine, neither can tell whose a resource is: then only the one that ends last looks.
    ``folder``: that of a session of several processes (``side_by_side``); the last of them looks, for all.
    """

    def __init__(self, api: docker.APIClient, folder: Path | None = None) -> None:
        self._api = api
        self._common = Common(folder / "resources") if folder else None
        self.left: set[tuple[str, str]] = set()

    def _resources(self) -> str:
        return json.dumps(sorted(resources(self._api)))

    def __enter__(self) -> Watch:
        self._lock = Path(tempfile.gettempdir(), "robenvtest-session.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        before = self._common.enter(self._resources) if self._common else self._resources()
        self._before = {(kind, name) for kind, name in json.loads(before)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._common and not self._common.leave():
                return
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self.left = resources(self._api) - self._before
