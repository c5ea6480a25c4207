"""Releases of which two cannot run: the old one is stopped first, and comes back by itself, whoever is dead by then."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.deploy.handover import ReleaseFailed
from robenv.deploy.release import Release
from robenv.deploy.release_state import clean_up_killed, release_state
from robenv.deploy.rollout import RolloutResult, put_release, roll_back
from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from robenv.errors import OperationFailed
from robenv.plan.container.create_request import create_request
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import small_image
from tests.support.robots.releases import LOOP, QUICK, Maker, commands, eventually

pytestmark = pytest.mark.engine

PORT = "{ports: ['18080:8080'], stop_grace_period: 1s}"
ADDRESS = (
    "{networks: {lan: {ipv4_address: 10.77.0.5}}, stop_grace_period: 1s}\n"
    "networks: {lan: {ipam: {config: [{subnet: 10.77.0.0/24}]}}}"
)
HOSTS_PROCESSES = "{pid: host, stop_grace_period: 1s}"


@pytest.fixture(scope="module")
def robot(docker_api: Any) -> Iterator[SecondEngine]:
    made = SecondEngine()
    try:
        made.start().copy_image(docker_api, small_image.ensure(docker_api))
        yield made
    finally:
        made.close()


@pytest.fixture
def there(robot: SecondEngine) -> Iterator[Engine]:
    connected = connect(robot.environment)
    yield connected
    connected.close()


@pytest.fixture
def maker(there: Engine, tmp_path: Path, docker_api: Any) -> Iterator[Maker]:
    made = Maker(tmp_path / "project", f"robenvtest-{secrets.token_hex(3)}", small_image.ensure(docker_api))
    yield made
    for info in there.containers({"robenv.project": made.name}):
        there.remove_container(info.id, force=True)
    for volume in there.volumes({"robenv.project": made.name}):
        there.remove_volume(volume.name)
    for network in there.networks({"robenv.project": made.name}):
        there.remove_network(network.id)


@pytest.fixture
def put(there: Engine, robot: SecondEngine) -> Callable[..., RolloutResult]:
    """Puts a release on the robot."""

    def made(release: Release, at: Callable[[str], None] = lambda step: None) -> RolloutResult:
        return put_release(there, release, lambda: None, 2, lambda text: None, at, str(robot.socket))

    return made


def no_guard_is_left(engine: Engine, maker: Maker) -> bool:
    """Neither its container nor its image."""
    images = [tag for image in engine.images() for tag in image.tags if "guard" in tag]
    return not images and not engine.containers({"robenv.project": maker.name, "robenv.role": "guard"})


@pytest.mark.parametrize("run", [PORT, ADDRESS, HOSTS_PROCESSES], ids=["port", "address", "pid"])
def test_an_update_one_that_fails_and_the_way_back(
    there: Engine, robot: SecondEngine, maker: Maker, put: Callable[..., RolloutResult], run: str
) -> None:
    one, two = (maker.release(LOOP.format(word=word), run=run) for word in ("one", "two"))
    assert put(one).gap == 0
    steps: list[str] = []
    done = put(two, steps.append)
    assert (done.release, done.was) == (two.id, one.id)
    assert 0 < done.gap < 30
    assert "stopped" in steps
    assert commands(there, maker.name) == [two.id]
    with pytest.raises(ReleaseFailed, match="exit code 3") as caught:
        put(maker.release("sleep 0.1; exit 3", run=run))
    assert f"{two.name} runs again" in caught.value.details
    assert commands(there, maker.name) == [two.id]
    back = roll_back(there, maker.name, "", 2, print, socket=str(robot.socket))
    assert (back.release, back.was) == (one.id, two.id)
    assert commands(there, maker.name) == [one.id]
    assert [info.restart_policy for info in release_state(there, maker.name).releases] == ["always", "no"]
    assert no_guard_is_left(there, maker)


class Killed(BaseException):
    """Stands for a client that is no more: nothing in it is undone."""


def _step(name: str) -> Any:
    return pytest.param(name, marks=() if name in ("stopped", "handed", "confirmed") else (pytest.mark.long,))


@pytest.mark.parametrize("step", [*map(_step, ("stopped", "waiting", "handed", "healthy", "confirmed", "promoted"))])
def test_a_client_that_is_killed(
    there: Engine, maker: Maker, put: Callable[..., RolloutResult], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr("robenv.deploy.release.MARGIN", 1.0)
    quick = QUICK.replace("timeout: 5s", "timeout: 0.5s")
    one, two = (maker.release(LOOP.format(word=word), quick, run=PORT) for word in ("one", "two"))
    put(one)

    def die(reached: str) -> None:
        if reached == step:
            raise Killed(step)

    with monkeypatch.context() as dead:
        dead.setattr("robenv.deploy.handover._undo", lambda *arguments: None)
        dead.setattr("robenv.deploy.guard._remove", lambda *arguments: None)
        with pytest.raises(Killed):
            put(two, die)
    stays = two if step in ("confirmed", "promoted") else one
    if stays is one:
        eventually(lambda: commands(there, maker.name) == [one.id], 60)
    guard = f"robenv-{maker.name}-guard"
    eventually(lambda: not getattr(there.find_container(guard), "running", True), 60)
    assert commands(there, maker.name) == [stays.id]
    clean_up_killed(there, maker.name, print)
    assert commands(there, maker.name) == [stays.id]
    assert no_guard_is_left(there, maker)
    three = maker.release(LOOP.format(word="three"), run=PORT)
    assert put(three).was == stays.id


@pytest.mark.parametrize("step", ["stopped", pytest.param("handed", marks=pytest.mark.long)])
def test_an_engine_that_is_killed_and_started_again(
    robot: SecondEngine, there: Engine, maker: Maker, put: Callable[..., RolloutResult], step: str
) -> None:
    """It starts what is confirmed, which is the old one, though that had been stopped."""
    one, two = (maker.release(LOOP.format(word=word), run=PORT) for word in ("one", "two"))
    put(one)

    def kill(reached: str) -> None:
        if reached == step:
            robot.kill()
            raise Killed(step)

    with pytest.raises(Killed):
        put(two, kill)
    robot.start()
    eventually(lambda: commands(there, maker.name) == [one.id], 60)
    clean_up_killed(there, maker.name, print)
    assert commands(there, maker.name) == [one.id]
    assert no_guard_is_left(there, maker)
    assert put(two).was == one.id


def test_a_robot_on_which_nothing_could_start_the_old_one_again(there: Engine, maker: Maker, tmp_path: Path) -> None:
    """Its engine does not listen there; so what runs is not stopped."""
    one, two = (maker.release(LOOP.format(word=word), run=PORT) for word in ("one", "two"))
    put_release(there, one, lambda: None, 2, print)
    (before,) = release_state(there, maker.name).releases
    nobody = tmp_path / "nobody.sock"
    nobody.touch()
    with pytest.raises(OperationFailed, match="nothing on the robot could start the earlier release again"):
        put_release(there, two, lambda: None, 2, print, socket=str(nobody))
    assert [info.started_at for info in release_state(there, maker.name).releases] == [before.started_at]
    assert no_guard_is_left(there, maker)


def test_an_address_that_somebody_else_has(there: Engine, maker: Maker, put: Callable[..., RolloutResult]) -> None:
    one = maker.release(LOOP.format(word="one"), run=ADDRESS)
    put(one)
    request = {**create_request(one.plan), "Labels": {"robenv.project": maker.name}}
    second = there.create_container(f"{maker.name}-second", request)
    with pytest.raises(OperationFailed, match=r"the address 10\.77\.0\.5 is taken"):
        there.start(second)
