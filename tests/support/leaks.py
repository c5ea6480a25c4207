"""What tests have left on an engine."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path
from types import TracebackType

import docker

from tests.support.base_image import LABEL as SHARED

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
    """

    def __init__(self, api: docker.APIClient) -> None:
        self._api = api
        self.left: set[tuple[str, str]] = set()

    def __enter__(self) -> Watch:
        self._lock = Path(tempfile.gettempdir(), "robenvtest-session.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._before = resources(self._api)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self.left = resources(self._api) - self._before
