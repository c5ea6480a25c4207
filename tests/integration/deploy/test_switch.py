"""The switch from one release to another on a real engine, and what the robot does by itself when all else is dead."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.deploy.handover import STEPS, ReleaseFailed, create_release, is_waiting_for_lock
from robenv.deploy.release_state import clean_up_killed, release_state
from robenv.deploy.release_volume import read_notes, write_files
from robenv.deploy.rollout import put_release, roll_back
from robenv.engine.docker_engine import connect
from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import OperationFailed, UsageError
from robenv.plan.names import LABEL_RELEASE
from robenv.remote.exec_with_timeout import run_inside
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import small_image
from tests.support.robots.releases import LOOP, QUICK, Maker, commands, eventually, runs

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


def there_are(engine: Engine, maker: Maker) -> tuple[ContainerInfo, ...]:
    return release_state(engine, maker.name).releases


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
    policies = {info.labels[LABEL_RELEASE]: (info.restart_policy, info.status) for info in there_are(there, maker)}
    assert policies == {two.id: ("always", "running"), one.id: ("no", "exited")}
    newest = there_are(there, maker)[0]
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
        "sleep 2; exit 5": (QUICK.replace("settle: 0.5s", "settle: 10s"), "exit code 5"),
    }
    for script, (deploy, words) in failures.items():
        with pytest.raises(ReleaseFailed) as caught:
            put(there, maker.release(script, deploy))
        assert words in caught.value.message
        assert f"{one.name} runs again" in caught.value.details
        eventually(lambda: commands(there, maker.name) == [one.id])
        assert [info.labels[LABEL_RELEASE] for info in there_are(there, maker)] == [one.id]
        if "last words" in script:
            assert "last words" in caught.value.details
    assert put(there, maker.release(LOOP.format(word="two"))).was == one.id


def test_a_first_release_that_fails_leaves_nothing(there: Engine, maker: Maker) -> None:
    with pytest.raises(ReleaseFailed) as caught:
        put(there, maker.release("exit 1", ""))
    assert "nothing runs there now" in caught.value.details
    assert not there_are(there, maker)


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
    with pytest.raises(UsageError, match=f"release {one.id[:8]} is the one that runs there"):
        roll_back(there, maker.name, one.id[:6], 2, print)
    with pytest.raises(UsageError, match="no earlier release"):
        roll_back(there, maker.name, "ffff0000", 2, print)
    # In the order in which they did well, which is not that in which they came.
    assert [info.labels[LABEL_RELEASE] for info in there_are(there, maker)] == [one.id, two.id, three.id]


def test_only_so_many_earlier_ones_stay(there: Engine, maker: Maker) -> None:
    made = [maker.release(LOOP.format(word=word)) for word in ("a", "b", "c", "d")]
    for release in made:
        put(there, release, keep=1)
    assert [info.labels[LABEL_RELEASE] for info in there_are(there, maker)] == [made[3].id, made[2].id]


def test_volumes_survive(there: Engine, maker: Maker) -> None:
    one = maker.release("echo kept > /tmp/x; sleep 1000", run="{volumes: ['data:/tmp']}")
    two = maker.release("cat /tmp/x; sleep 1000", run="{volumes: ['data:/tmp']}")
    put(there, one)
    put(there, two)
    assert b"kept" in b"".join(data for _, data in there.logs(two.name))


def test_a_release_that_hears_no_sigterm_is_ended_all_the_same(there: Engine, maker: Maker) -> None:
    deaf = maker.release("trap '' TERM; while :; do sleep 0.2; done", run="{stop_grace_period: 1s}")
    put(there, deaf)
    two = maker.release(LOOP.format(word="two"))
    put(there, two)
    assert commands(there, maker.name) == [two.id]


def test_a_release_that_ends_when_it_had_been_found_healthy(there: Engine, maker: Maker) -> None:
    """Nothing would start it again, and the old one was about to be retired."""
    one, two = maker.release(LOOP.format(word="one")), maker.release(LOOP.format(word="two"))
    put(there, one)
    with pytest.raises(ReleaseFailed):
        put(there, two, at=lambda step: there.kill(two.name, "KILL") if step == "healthy" else None)
    eventually(lambda: commands(there, maker.name) == [one.id])


def test_what_crashes_again_and_again_can_be_replaced(there: Engine, maker: Maker) -> None:
    crashes = maker.release("echo started; while [ ! -e /tmp/broken ]; do sleep 0.1; done; exit 1")
    put(there, crashes)
    run_inside(there, there_are(there, maker)[0], ("touch", "/tmp/broken"), timeout=10)
    eventually(lambda: restarts(there, crashes) > 2)
    two = maker.release(LOOP.format(word="two"))
    assert put(there, two).was == crashes.id
    assert commands(there, maker.name) == [two.id]


def test_a_command_that_closes_its_descriptors_keeps_the_lock(there: Engine, maker: Maker) -> None:
    closes, two = maker.release("exec 9>&-; sleep 1000"), maker.release(LOOP.format(word="two"))
    put(there, closes)
    container = create_release(there, two)
    there.start(container)
    eventually(lambda: is_waiting_for_lock(there, container))
    assert commands(there, maker.name) == [closes.id]


def test_what_cannot_even_start_does_not_end_what_runs(there: Engine, maker: Maker) -> None:
    one = maker.release(LOOP.format(word="one"))
    put(there, one)
    before = there_are(there, maker)[0].started_at
    with pytest.raises(OperationFailed):
        put(there, maker.release("true", run="{devices: ['/dev/null:/proc/x']}"))
    assert [info.started_at for info in there_are(there, maker)] == [before]


def test_a_rollback_that_nobody_ends(there: Engine, maker: Maker, monkeypatch: Any) -> None:
    """Killed before: the robot goes back by itself. Killed when two are confirmed: the one that was so last stays."""
    monkeypatch.setattr("robenv.deploy.release.MARGIN", 1.0)
    monkeypatch.setattr("robenv.deploy.handover._undo", lambda *arguments: None)
    quick = QUICK.replace("timeout: 5s", "timeout: 0.5s")
    one, two = maker.release(LOOP.format(word="one"), quick), maker.release(LOOP.format(word="two"), quick)
    put(there, one)
    put(there, two)

    def die_at(step: str) -> Callable[[str], None]:
        def at(reached: str) -> None:
            if reached == step:
                raise Killed(step)

        return at

    with pytest.raises(Killed):
        roll_back(there, maker.name, "", 2, print, die_at("handed"))
    # The earlier command has ended, or the lock would not be free; the engine may say so a moment later.
    eventually(lambda: commands(there, maker.name) == [one.id])
    eventually(lambda: commands(there, maker.name) == [two.id])
    with pytest.raises(Killed):
        roll_back(there, maker.name, "", 2, print, die_at("promoted"))
    assert {info.restart_policy for info in there_are(there, maker)} == {"always"}
    assert clean_up_killed(there, maker.name, print).releases[0].labels[LABEL_RELEASE] == one.id
    assert commands(there, maker.name) == [one.id]


def test_going_back_to_what_does_no_better(there: Engine, maker: Maker) -> None:
    """It stays for another time, and what ran runs."""
    bad = maker.release("[ -e /tmp/broken ] && exit 9; while :; do sleep 0.2; done", run="{volumes: ['data:/tmp']}")
    two = maker.release("touch /tmp/broken; while :; do sleep 0.2; done", run="{volumes: ['data:/tmp']}")
    put(there, bad)
    put(there, two)
    with pytest.raises(ReleaseFailed, match="exit code 9"):
        roll_back(there, maker.name, "", 2, print)
    eventually(lambda: commands(there, maker.name) == [two.id])
    found = clean_up_killed(there, maker.name, print)
    assert [info.labels[LABEL_RELEASE] for info in found.releases] == [two.id, bad.id]
    assert not put(there, two).changed


def test_a_note_that_a_power_cut_swallowed(there: Engine, maker: Maker) -> None:
    """The robot boots into it, and its watchdog would end it again and again."""
    one = maker.release(LOOP.format(word="one"))
    put(there, one)
    write_files(there, one.name, {f"confirmed-{one.id}": "", "history": ""})
    assert not put(there, one).changed
    assert read_notes(there, one.name)[f"confirmed-{one.id}"] == "yes"


def restarts(engine: Engine, release: Any) -> int:
    return sum(data.count(b"started") for _, data in engine.logs(release.name))


def test_a_release_that_crashes_later_is_started_again(there: Engine, maker: Maker) -> None:
    one = maker.release("sleep 3; exit 1")
    put(there, one)
    started = there_are(there, maker)[0].started_at
    eventually(lambda: there_are(there, maker)[0].started_at != started)
    eventually(lambda: commands(there, maker.name) == [one.id])
