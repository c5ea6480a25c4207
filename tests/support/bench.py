"""An engine of one kind, with projects of an ordinary user on it, to try ``behaviours.py`` on."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import docker

from tests.support.podman_engine import USER, PodmanEngine
from tests.support.project import ROBENV, Project
from tests.support.second_engine import SecondEngine


class StartedEngine(Protocol):
    url: str

    def api(self) -> Any:
        """A client of docker-py, which the engine closes with itself."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Row:
    """A kind of engine. ``start`` gives one that answers, and has the base image under the name that it has on the
    engine of ``api``, from which it comes."""

    name: str
    start: Callable[[Any, str], StartedEngine]
    rootless: bool = False
    """Whether root inside is the user outside."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """Behaviours that it cannot have: by name, a regular expression of what `robenv up` says before it builds."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Behaviours that it cannot have, and works without: a regular expression of the line that says so."""
    container_user: int = USER
    """Who works inside, and owns the workspace there."""


class Bench:
    """One engine, and the projects on it; a profile's container is made once, for all that only look at it."""

    def __init__(self, row: Row, api: Any, base_image: str) -> None:
        self.row = row
        self.engine = row.start(api, base_image)
        self.api = self.engine.api()
        self._base = base_image
        self._folder = Path(tempfile.mkdtemp(prefix="robenvtest-bench-", dir="/var/tmp"))
        self._folder.chmod(0o755)
        self._made: list[UserProject] = []
        self._kept: dict[str, UserProject] = {}

    def project(self, profile: str = "") -> UserProject:
        """A new one."""
        folder = self._folder / f"p{len(self._made)}" / "work"
        made = UserProject(folder, self._base, self.engine.url, profile)
        self._made.append(made)
        return made

    def up(self, profile: str = "") -> UserProject:
        """One whose container runs, for whoever leaves it as it was."""
        if profile not in self._kept:
            self._kept[profile] = self.project(profile)
        self._kept[profile].run("up", "-d")
        return self._kept[profile]

    def close(self) -> None:
        for one in self._made:
            with contextlib.suppress(docker.errors.DockerException, OSError):
                one.close(self.api)
        self.engine.close()
        shutil.rmtree(self._folder)


class UserProject(Project):
    """Of USER, who is in no group but that of the engine's socket."""

    def __init__(self, folder: Path, base_image: str, url: str, profile: str) -> None:
        super().__init__(folder, base_image, profile)
        self.home = folder.parent / "home"
        self.home.mkdir()
        self.environ |= {"HOME": str(self.home), "DOCKER_HOST": url, "LC_ALL": "C.UTF-8"}
        for name in ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS", "SUDO_UID"):
            self.environ.pop(name, None)
        self.give(folder.parent)

    def give(self, path: Path) -> None:
        """Makes a file or folder the user's, with all in it."""
        for one in (path, *path.rglob("*")):
            os.chown(one, USER, USER, follow_symlinks=False)

    def write(self, profile: str = "") -> None:
        super().write(profile)
        os.chown(self.folder / "robenv.yaml", USER, USER)

    def run(
        self, *arguments: str, check: int | None = 0, user: int | None = USER, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return super().run(*arguments, check=check, user=user, **options)

    def inside(self, command: str, check: int | None = 0) -> str:
        """What a shell command writes in the container."""
        return self.run("exec", "--", "sh", "-c", command, check=check).stdout

    def command(self, *arguments: str) -> list[str]:
        """robenv's command line, for who starts it otherwise."""
        return [*as_user(), *ROBENV, *arguments]


def as_user() -> tuple[str, ...]:
    from tests.support.project import as_user as prefix

    return prefix(USER)


# --- kinds of engines ------------------------------------------------------------------------------------------------


def docker_engine(api: Any, base_image: str) -> SecondEngine:
    from tests.support import prepared_image

    made = SecondEngine()
    prepared_image.lay_down(api, base_image, made)
    return reachable(made.start())


def reachable(engine: SecondEngine) -> SecondEngine:
    """By USER, and by what it publishes to its own network."""
    assert engine._process
    subprocess.run(
        ["nsenter", "--net", "--target", str(engine._process.pid), "ip", "link", "set", "lo", "up"], check=True
    )
    engine.folder.chmod(0o755)
    os.chown(engine.socket, USER, USER)
    return engine


def podman(rootless: bool) -> Callable[[Any, str], PodmanEngine]:
    def start(api: Any, base_image: str) -> PodmanEngine:
        made = PodmanEngine(rootless)
        made.start().api().load_image(api.get_image(base_image))
        return made

    return start


_NO_SECRETS = r"Podman .*secrets"

ROWS: tuple[Row, ...] = (
    Row("docker 20.10", docker_engine),
    Row("podman 4.3", podman(False), refuses={"secrets": _NO_SECRETS}),
    Row("podman 4.3 rootless", podman(True), True, refuses={"secrets": _NO_SECRETS}, container_user=0),
)
