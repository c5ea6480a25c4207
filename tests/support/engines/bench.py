"""An engine of one kind, with projects of an ordinary user on it, to try ``behaviours.py`` on."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import docker

from tests.support.engines.far_engines import WAYS
from tests.support.engines.podman_engine import TUN, USER, PodmanEngine
from tests.support.engines.remapped_engine import NewerRemappedEngine, RemappedEngine
from tests.support.engines.rootless_docker import RootlessDocker
from tests.support.engines.second_engine import SecondEngine
from tests.support.engines.store_engines import ContentEngine, SmallNewerEngine
from tests.support.projects.project import ROBENV, Project


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
    refuses: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Behaviours that it cannot have: by name, regular expressions of what `robenv up` says before it builds, and of
    the way out."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Behaviours that it cannot have, and works without: a regular expression of the line that says so."""
    says: Mapping[str, str] = field(default_factory=dict)
    """Behaviours that it has in part: by name, a regular expression of what their check finds said of the rest."""
    client: tuple[str, ...] = ()
    """What robenv's command line begins with, where the user's machine has to be another than this one."""
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
        made = UserProject(folder, self._base, self.engine.url, profile, self.row.client)
        made.environ |= getattr(self.engine, "environ", {})
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

    def __init__(self, folder: Path, base_image: str, url: str, profile: str, client: tuple[str, ...] = ()) -> None:
        super().__init__(folder, base_image, profile)
        self._client = client
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

    def prefix(self, user: int | None, *groups: int) -> tuple[str, ...]:
        return (*self._client, *super().prefix(user, *groups))

    def inside(self, command: str, check: int | None = 0) -> str:
        """What a shell command writes in the container."""
        return self.run("exec", "--", "sh", "-c", command, check=check).stdout

    def command(self, *arguments: str) -> list[str]:
        """robenv's command line, for who starts it otherwise."""
        return [*self.prefix(USER), *ROBENV, *arguments]


# --- kinds of engines ------------------------------------------------------------------------------------------------


def docker_engine(api: Any, base_image: str) -> SecondEngine:
    from tests.support.images import prepared_image

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


def copied(make: Callable[[], SecondEngine]) -> Callable[[Any, str], SecondEngine]:
    """An engine whose store is another than the one of ``docker_engine``."""

    def start(api: Any, base_image: str) -> SecondEngine:
        made = reachable(make().start())
        made.copy_image(api, base_image)
        return made

    return start


def rootless_docker(api: Any, base_image: str) -> RootlessDocker:
    made = RootlessDocker()
    made.start().api().load_image(api.get_image(base_image))
    return made


class FarEngine:
    """An engine of this machine, reached as one of another machine is."""

    def __init__(self, way: str, api: Any, base_image: str) -> None:
        from tests.support.images import prepared_image

        self._folder = Path(tempfile.mkdtemp(prefix="robenvtest-far-", dir="/var/tmp"))
        self._folder.chmod(0o777)
        self._stack = ExitStack()
        furnish = functools.partial(prepared_image.lay_down, api, base_image)
        self._engine, self.environ = self._stack.enter_context(WAYS[way](self._folder, furnish))
        for file in self._folder.iterdir():
            file.chmod(file.stat().st_mode | 0o666)
        reachable(self._engine)
        self._process = self._engine._process
        self.url = self.environ["DOCKER_HOST"]

    def api(self) -> Any:
        return self._engine.api()

    def close(self) -> None:
        self._stack.close()
        shutil.rmtree(self._folder)


def podman(rootless: bool) -> Callable[[Any, str], PodmanEngine]:
    def start(api: Any, base_image: str) -> PodmanEngine:
        made = PodmanEngine(rootless)
        made.start().api().load_image(api.get_image(base_image))
        return made

    return start


_FAR = {
    "git identity": r"on another machine, which nothing of this login session reaches: git",
    "display": r"on another machine, which nothing of this login session reaches: display, audio",
}
_NO_LIMITS = r"not kept, since the engine is rootless and its machine has cgroup v1"
_BUILDER = "`robenv build --builder ssh://"
_NO_SECRETS = (r"Podman .*secrets", _BUILDER)
_WITH_TUN = ("unshare", "--mount", "sh", "-c", f'{TUN} && exec "$@"', "sh")
"""A machine on which any user may open /dev/net/tun, as nearly all are."""
_PODMAN_SAYS = {"build: cancelled": r"^robenv: Podman runs the current step of a cancelled build to its end$"}
_ROOTLESS_NOTES = {
    "limits": r"mem_limit, .*cpus, .*pids_limit: not kept, since the engine is rootless and its machine has cgroup v1",
    "ulimits": r"run.ulimits: not kept, since rootless Podman 4 sets none: nofile, core, nproc",
}
"""Of cgroup v1."""
_NO_NAMES = (
    {}
    if any(Path(one).exists() for one in ("/usr/lib/podman/aardvark-dns", "/usr/lib/cni/dnsname"))
    else {"networks": r"run.networks: containers do not find each other by name"}
)
_NOTES = (
    _NO_NAMES
    if Path("/run/systemd/system").is_dir()
    else {
        "healthcheck": r"run.healthcheck: never run, .* systemd",
        **_NO_NAMES,
    }
)

ROWS: tuple[Row, ...] = (
    Row("docker 20.10", docker_engine),
    Row("docker 20.10 userns-remap", copied(RemappedEngine), refuses={"secrets": ("builder has no secrets", _BUILDER)}),
    Row(
        "docker 20.10 rootless",
        rootless_docker,
        rootless=True,
        refuses={"devices": ("rootless Docker gives a device under its own name only", "take the other name out")},
        notes={"limits": _NO_LIMITS, "host network": r"network_mode: host is not this machine's network"},
        container_user=0,
    ),
    *(Row(f"docker 20.10 over {way}", functools.partial(FarEngine, way), notes=_FAR) for way in WAYS),
    Row("docker 28", copied(SmallNewerEngine)),
    Row("docker 28 containerd", copied(ContentEngine)),
    Row("docker 28 userns-remap", copied(NewerRemappedEngine)),
    Row("podman 4.3", podman(False), refuses={"secrets": _NO_SECRETS}, notes=_NOTES, says=_PODMAN_SAYS),
    Row(
        "podman 4.3 rootless",
        podman(True),
        rootless=True,
        refuses={"secrets": _NO_SECRETS},
        notes={**_ROOTLESS_NOTES, **_NOTES},
        says=_PODMAN_SAYS,
        client=_WITH_TUN,
        container_user=0,
    ),
)
