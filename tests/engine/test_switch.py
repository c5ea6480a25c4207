"""The switch from one release to another on a real engine, and what the robot does by itself when all else is dead."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.deploy.health import await_active
from robenv.deploy.operation import put_release, roll_back
from robenv.deploy.switch import STEPS, ReleaseFailed, releases
from robenv.engine.docker_py import connect
from robenv.engine.protocol import Engine
from robenv.errors import UsageError
from robenv.plan.names import LABEL_RELEASE
from tests.support import small_image
from tests.support.releases import LOOP, Maker, commands, eventually, runs
from tests.support.second_engine import SecondEngine

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def image(docker_api: Any) -> str:
    return small_image.ensure(docker_api)


@pytest.fixture(scope="module")
def robot(docker_api: Any, image: str) -> Iterator[SecondEngine]:
    """An engine that may be killed and started again."""
    made = SecondEngine()
    try:
        made.start().copy_image(docker_api, image)
        yield made
    finally:
        made.close()


@pytest.fixture
def there(robot: SecondEngine) -> Iterator[Engine]:
    connected = connect(robot.environment)
    yield connected
    connected.close()


@pytest.fixture
def maker(robot: SecondEngine, there: Engine, tmp_path: Path, image: str) -> Iterator[Maker]:
    made = Maker(tmp_path / "project", f"robenvtest-{secrets.token_hex(3)}", image)
    yield made
    engine = connect(robot.environment)
    for info in engine.containers({"robenv.project": made.name}):
        engine.remove_container(info.id, force=True)
    for volume in engine.volumes({"robenv.project": made.name}):
        engine.remove_volume(volume.name)
    engine.close()


class Killed(BaseException):
    """Stands for a client that is no more: nothing in it is undone."""


def put(engine: Engine, release: Any, keep: int = 2, at: Callable[[str], None] = lambda step: None) -> Any:
    said: list[str] = []
    return put_release(engine, release, lambda: None, keep, said.append, at)


def test_a_first_release_an_update_and_the_same_again(there: Engine, maker: Maker) -> None:
    one, two = maker.release(LOOP.format(word="one")), maker.release(LOOP.format(word="two"))
    seen: list[str] = []
    assert put(there, one, at=seen.append).release == one.id
    assert seen == ["surveyed", "sent", *STEPS]
    assert runs(there, maker.name) == one.id
    done = put(there, two)
    assert (done.release, done.was, done.changed) == (two.id, one.id, True)
    assert commands(there, maker.name) == [two.id]
    assert not put(there, two).changed
    policies = {info.labels[LABEL_RELEASE]: (info.restart_policy, info.status) for info in releases(there, maker.name)}
    assert policies == {two.id: ("always", "running"), one.id: ("no", "exited")}
    newest = releases(there, maker.name)[0]
    assert b"two" in b"".join(data for _, data in there.logs(newest.id))


def test_what_is_not_healthy_gives_way_to_the_earlier(there: Engine, maker: Maker) -> None:
    one = maker.release(LOOP.format(word="one"))
    put(there, one)
    failures = {
        "exit 3": ("", "exit code 3"),
        "sleep 5; echo last words; exit 4": ("", "exit code 4"),
        LOOP.format(word="x"): (
            "healthcheck: {test: [CMD, sh, -c, 'echo no; exit 1'], interval: 0.2s, retries: 2}",
            "failed",
        ),
        LOOP.format(word="y"): (
            "healthcheck: {test: [CMD, sleep, '60'], timeout: 0.5s, interval: 0.2s, retries: 2}",
            "answer",
        ),
    }
    for script, (deploy, words) in failures.items():
        with pytest.raises(ReleaseFailed) as caught:
            put(there, maker.release(script, deploy))
        assert words in caught.value.message
        eventually(lambda: commands(there, maker.name) == [one.id])
        assert [info.labels[LABEL_RELEASE] for info in releases(there, maker.name)] == [one.id]
        if "last words" in script:
            assert "last words" in caught.value.details
    assert put(there, maker.release(LOOP.format(word="two"))).was == one.id


def test_a_first_release_that_fails_leaves_nothing(there: Engine, maker: Maker) -> None:
    with pytest.raises(ReleaseFailed):
        put(there, maker.release("exit 1", ""))
    assert releases(there, maker.name) == []


def test_rolling_back(there: Engine, maker: Maker) -> None:
    one, two, three = (maker.release(LOOP.format(word=word)) for word in ("one", "two", "three"))
    with pytest.raises(UsageError):
        roll_back(there, maker.name, "", 2, print)
    for release in (one, two, three):
        put(there, release)
    assert roll_back(there, maker.name, "", 2, print).release == two.id
    assert commands(there, maker.name) == [two.id]
    assert roll_back(there, maker.name, one.id[:6], 2, print).was == two.id
    assert commands(there, maker.name) == [one.id]
    with pytest.raises(UsageError, match="no earlier release"):
        roll_back(there, maker.name, "ffff0000", 2, print)


def test_only_so_many_earlier_ones_stay(there: Engine, maker: Maker) -> None:
    made = [maker.release(LOOP.format(word=word)) for word in ("a", "b", "c", "d")]
    for release in made:
        put(there, release, keep=1)
    assert [info.labels[LABEL_RELEASE] for info in releases(there, maker.name)] == [made[3].id, made[2].id]


def test_volumes_survive_and_root_is_fine(there: Engine, maker: Maker) -> None:
    one = maker.release("echo kept > /data/x; sleep 1000", user="{uid: 0, gid: 0}", run="{volumes: ['data:/data']}")
    two = maker.release("cat /data/x; sleep 1000", user="{uid: 0, gid: 0}", run="{volumes: ['data:/data']}")
    put(there, one)
    put(there, two)
    assert b"kept" in b"".join(data for _, data in there.logs(two.name))


def test_a_release_that_hears_no_sigterm_is_ended_all_the_same(there: Engine, maker: Maker) -> None:
    deaf = maker.release("trap '' TERM; while :; do sleep 0.2; done", run="{stop_grace_period: 1s}")
    put(there, deaf)
    two = maker.release(LOOP.format(word="two"))
    put(there, two)
    assert commands(there, maker.name) == [two.id]


@pytest.mark.parametrize("step", ["surveyed", "sent", *STEPS])
def test_a_client_that_dies_leaves_a_robot_that_runs(there: Engine, maker: Maker, step: str, monkeypatch: Any) -> None:
    """The client is no more from that step on: nothing is undone from its side."""
    one, two = maker.release(LOOP.format(word="one")), maker.release(LOOP.format(word="two"))
    put(there, one)
    monkeypatch.setattr("robenv.deploy.switch._undo", lambda *arguments: None)

    def die(reached: str) -> None:
        if reached == step:
            raise Killed(step)

    with pytest.raises(Killed):
        put(there, two, at=die)
    kept = STEPS.index(step) >= STEPS.index("handed") if step in STEPS else False
    eventually(lambda: commands(there, maker.name) == [two.id if kept else one.id])
    monkeypatch.undo()
    assert put(there, two).release == two.id
    assert commands(there, maker.name) == [two.id]
    assert {info.labels[LABEL_RELEASE] for info in releases(there, maker.name)} <= {one.id, two.id}


@pytest.mark.parametrize("step", ["created", "waiting", "handed", "healthy", "confirmed", "promoted", "retired"])
def test_a_power_cut_boots_into_a_good_release(
    robot: SecondEngine, there: Engine, maker: Maker, step: str, monkeypatch: Any
) -> None:
    """Everything on the robot is killed at that step: the engine, and all that runs in its containers."""
    one, two = maker.release(LOOP.format(word="one")), maker.release(LOOP.format(word="two"))
    put(there, one)
    monkeypatch.setattr("robenv.deploy.switch._undo", lambda *arguments: None)

    def cut(reached: str) -> None:
        if reached == step:
            robot.kill()
            robot._end_left_over()
            raise Killed(step)

    with pytest.raises(Killed):
        put(there, two, at=cut)
    robot.start()
    engine = connect(robot.environment)
    good = {one.id, two.id} if step in ("promoted", "retired") else {one.id}
    eventually(lambda: len(commands(engine, maker.name)) == 1)
    assert set(commands(engine, maker.name)) <= good
    monkeypatch.undo()
    assert put(engine, two).release == two.id
    assert commands(engine, maker.name) == [two.id]
    engine.close()


def test_a_release_that_nobody_confirms_ends_itself(there: Engine, maker: Maker, monkeypatch: Any) -> None:
    monkeypatch.setattr("robenv.deploy.release.MARGIN", 1.0)
    monkeypatch.setattr("robenv.deploy.release.SETTLE", 2.0)
    one, two = maker.release(LOOP.format(word="one"), ""), maker.release(LOOP.format(word="two"), "")
    put(there, one)
    monkeypatch.setattr("robenv.deploy.switch._undo", lambda *arguments: None)

    def die(reached: str) -> None:
        if reached == "handed":
            raise Killed(reached)

    with pytest.raises(Killed):
        put(there, two, at=die)
    assert commands(there, maker.name) == [two.id]
    assert await_active(there, one.name, one.id, 30)
    eventually(lambda: commands(there, maker.name) == [one.id])


def test_a_release_that_crashes_later_is_started_again(there: Engine, maker: Maker) -> None:
    one = maker.release("sleep 3; exit 1")
    put(there, one)
    started = releases(there, maker.name)[0].started_at
    eventually(lambda: releases(there, maker.name)[0].started_at != started)
    eventually(lambda: commands(there, maker.name) == [one.id])
