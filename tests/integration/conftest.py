"""What the tests on a real Docker Engine share. Without an engine they fail: they are never skipped."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

from robenv.engine.protocol import Engine
from tests.support.engines.grid import behaviours_table, grid
from tests.support.engines.newer_engine import NewerEngine
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import base_image as shared_base
from tests.support.images import prepared_image
from tests.support.machine.side_by_side import common
from tests.support.projects import leaks
from tests.support.projects.project import Project
from tests.support.robots.robots import Robot, Yard
from tests.support.servers.registry import Registry


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """For `make test-catalogue`: what became of each target and mixin. For `make test-engines`: of each behaviour."""
    reports = [one for key in ("passed", "failed", "error") for one in terminalreporter.stats.get(key, ())]
    results: dict[str, tuple[str, float]] = {}
    for report in reports:
        if "integration/catalogue/test_catalogue.py::test_a_" in report.nodeid and (
            report.when == "call" or report.failed
        ):
            # pytest-xdist writes the group of a test behind it.
            results[report.nodeid.partition("[")[2].rpartition("]")[0]] = (report.outcome, report.duration)
    if results:
        terminalreporter.section("the catalogue")
        for line in grid(results):
            terminalreporter.write_line(line)
    cells = {
        report.nodeid.partition("[")[2].rpartition("]")[0]: dict(report.user_properties).get("engines", "FAIL")
        for report in reports
        if "integration/engine/test_engines.py::test_engine[" in report.nodeid
        and (report.when == "call" or report.failed)
    }
    if cells:
        terminalreporter.section("what holds on each engine")
        for line in behaviours_table(cells):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def docker_api() -> Iterator[Any]:
    """docker-py's own client, to prepare and to look at what robenv has done."""
    base_url = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    api = docker.APIClient(base_url=base_url, version="auto", timeout=120)
    yield api
    api.close()


@pytest.fixture(scope="session", autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the session that leaves anything of its tests on the engine, but for the shared base.

    Where none of the tests needs an engine, none is asked.
    """
    if not any(item.get_closest_marker("engine") for item in request.session.items):
        yield
        return
    with leaks.Watch(request.getfixturevalue("docker_api"), common(request.config)) as watch:
        yield
    assert not watch.left, f"the tests left these on the engine: {sorted(watch.left)}"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """robenv's own engine, as the commands use it."""
    from robenv.engine import docker_engine

    connected = docker_engine.connect(os.environ)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def base_image(docker_api: Any) -> str:
    """The tag of a Debian bookworm (minbase, with bash and apt), made once per engine and kept."""
    return shared_base.ensure(docker_api)


@pytest.fixture
def shallow() -> Iterator[Path]:
    """A folder for TMPDIR with a path so short that robenv keeps its sockets in it."""
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/var/tmp") as name:
        yield Path(name)


@pytest.fixture
def second_engine(docker_api: Any) -> Iterator[Callable[..., SecondEngine]]:
    """Makes and starts Docker Engines that a test may kill, freeze and fill: ``second_engine(data_size=…)``.

    ``image``: of the tests' engine, to have from the beginning.
    """
    with ExitStack() as stack:

        def make(
            data_size: int | None = None, options: tuple[str, ...] = (), programs: Path | None = None, image: str = ""
        ) -> SecondEngine:
            made = SecondEngine(data_size, options, programs)
            stack.callback(made.close)
            if image:
                prepared_image.lay_down(docker_api, image, made)
            return made.start()

        yield make


@pytest.fixture(scope="session")
def newer_engine(docker_api: Any, base_image: str) -> Iterator[NewerEngine]:
    """A Docker Engine 28 or newer, beside the system's own, with the base image. It is shared: clean up after you."""
    made = NewerEngine()
    try:
        prepared_image.lay_down(docker_api, base_image, made)
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def yard() -> Iterator[Yard]:
    """Where stand-in robots are."""
    with Yard() as made:
        yield made


@pytest.fixture
def new_robot(yard: Yard) -> Iterator[Callable[..., Robot]]:
    """Makes and starts robots that a test may kill and refurnish: ``new_robot(rate="20mbit")``; see ``Yard.robot``."""
    with ExitStack() as stack:

        def make(**options: Any) -> Robot:
            made = yard.robot(**options)
            stack.callback(yard.remove, made)
            return made

        yield make


@pytest.fixture(scope="session")
def robot(yard: Yard) -> Robot:
    """A stand-in robot with the system's engine. It is shared: leave it as it was, running and empty."""
    return yard.robot()


@pytest.fixture
def registry() -> Iterator[Callable[..., Registry]]:
    """Makes and starts registries: ``registry(login=True)`` asks for a login, ``tls=True`` has a certificate."""
    with ExitStack() as stack:

        def make(login: bool = False, tls: bool = False) -> Registry:
            made = Registry(login, tls)
            stack.callback(made.close)
            return made.start()

        yield make


@pytest.fixture
def pushed_base(registry: Callable[..., Registry], docker_api: Any, base_image: str) -> Iterator[str]:
    """One that a lock can hold fast."""
    name = f"{registry().address}/base"
    docker_api.tag(base_image, name, "1")
    docker_api.push(name, "1")
    docker_api.remove_image(f"{name}:1")
    yield f"{name}:1"
    for image in docker_api.images():
        for one in (*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())):
            if one.startswith(name):
                with contextlib.suppress(docker.errors.NotFound):  # gone with another of its names
                    docker_api.remove_image(one, force=True)


@pytest.fixture
def project(docker_api: Any, base_image: str, tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects to drive by the command line: ``project("apt: {packages: [less]}")``."""
    made: list[Project] = []

    def make(profile: str = "", base: str = "") -> Project:
        made.append(Project(tmp_path / f"project{len(made)}", base or base_image, profile))
        return made[-1]

    yield make
    for one in made:
        one.close(docker_api)
