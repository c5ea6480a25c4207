"""One deploy at a time on a robot, and nobody in the way who may not deploy there. Real robots."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from robenv.errors import RobotRefused
from robenv.plan.names import LABEL_HOLDER, LABEL_LOCK
from robenv.remote import remote_lock
from robenv.remote.connection import Connection, connect
from robenv.remote.remote_lock import robot_locked
from tests.support.robots.releases import eventually
from tests.support.robots.robots import STRANGER, Robot

pytestmark = pytest.mark.engine

PROJECT = "robenvtest-locked"
_HOLDER = """
import sys
from robenv.remote.connection import connect
from robenv.remote.inventory import Robot
from robenv.remote.remote_lock import robot_locked
name, host, user, *options = sys.argv[1:]
with connect(Robot(name, host, user, ssh_options=tuple(options))) as there, robot_locked(there, "robenvtest-locked"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def there(robot: Robot) -> Iterator[Connection]:
    with connect(robot.known) as connection:
        yield connection
        assert volumes(connection) == []
        assert connection.run("ls", "-A", "/tmp").output == b"", "nothing is left in /tmp"


def volumes(connection: Connection) -> list[str]:
    return [volume.name for volume in connection.engine.volumes({LABEL_LOCK: None})]


def another(robot: Robot) -> subprocess.Popen[str]:
    """Another laptop's client that holds the lock."""
    known = robot.known
    argv = [sys.executable, "-c", _HOLDER, known.name, known.host, known.user, *known.ssh_options]
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "held\n"
    return client


def test_a_second_one_is_refused_and_goes_on_when_the_first_has_ended(robot: Robot, there: Connection) -> None:
    with robot_locked(there, PROJECT):
        with connect(robot.known) as second:
            with pytest.raises(RobotRefused, match="another deploy is at work there"), robot_locked(second, PROJECT):
                pytest.fail("both hold it")
            with robot_locked(second, "robenvtest-other"):
                assert len(volumes(there)) == 2, "other projects do not matter"
        assert len(volumes(there)) == 1
    with robot_locked(there, PROJECT):
        pass


def test_it_goes_with_a_client_that_is_killed(robot: Robot, there: Connection) -> None:
    client = another(robot)
    with pytest.raises(RobotRefused, match="another deploy is at work there"), robot_locked(there, PROJECT):
        pytest.fail("both hold it")
    client.kill()
    client.communicate()
    began = time.monotonic()
    with robot_locked(there, PROJECT):
        assert time.monotonic() - began < 5
        assert len(volumes(there)) == 1, "what the dead one left is gone"


def test_it_goes_with_a_link_that_is_cut(new_robot: Callable[..., Robot], monkeypatch: pytest.MonkeyPatch) -> None:
    """The silence that ends it is shorter here."""
    monkeypatch.setattr(remote_lock, "_HOLD", remote_lock._HOLD.replace("timeout 30", "timeout 2"))
    monkeypatch.setattr(remote_lock, "_BEAT", 0.5)
    robot = new_robot()
    with connect(robot.known) as lost, ExitStack() as held:
        held.enter_context(robot_locked(lost, PROJECT))
        time.sleep(3)
        assert lost.alive, "its beats keep it"
        robot.unplug()
        time.sleep(4)
        lost.cut()
        robot.plug()
        with connect(robot.known) as second, robot_locked(second, PROJECT):
            assert len(volumes(second)) == 1


def test_it_goes_with_the_robots_power(new_robot: Callable[..., Robot]) -> None:
    robot = new_robot()
    client = another(robot)
    robot.cut_power()
    client.kill()
    client.communicate()
    robot.boot()
    with connect(robot.known) as second, robot_locked(second, PROJECT):
        assert len(volumes(second)) == 1


def test_who_loses_it_does_nothing_more_there(robot: Robot, there: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a laptop slept: somebody else may have it by now."""
    monkeypatch.setattr(remote_lock, "_BEAT", 0.2)
    with connect(robot.known) as sleeper, robot_locked(sleeper, PROJECT):
        (volume,) = there.engine.volumes({LABEL_LOCK: PROJECT})
        pid = volume.labels[LABEL_HOLDER].split()[2]
        assert there.run("kill", "-KILL", pid).code == 0
        eventually(lambda: not sleeper.alive)
        with robot_locked(there, PROJECT):
            pass


def test_nobody_who_may_not_deploy_can_be_in_the_way(robot: Robot, there: Connection) -> None:
    """Whatever another user of the robot makes and locks."""
    with connect(replace(robot.known, user=STRANGER)) as stranger:
        script = f"mkdir -m 777 /tmp/robenv-deploy-{PROJECT}; exec flock /tmp/robenv-deploy-{PROJECT} sleep 60"
        blocking = subprocess.Popen(stranger.ssh(script))
        try:
            eventually(lambda: there.run("ls", "-A", "/tmp").output != b"")
            with robot_locked(there, PROJECT):
                pass
        finally:
            blocking.kill()
            blocking.wait()
            stranger.run("rmdir", f"/tmp/robenv-deploy-{PROJECT}")


def test_of_many_at_once_never_two_hold_it(robot: Robot, there: Connection) -> None:
    inside, most, held = threading.Semaphore(1), [0], [0]

    def one(connection: Connection) -> None:
        for _ in range(4):
            try:
                with robot_locked(connection, PROJECT):
                    assert inside.acquire(blocking=False), "two hold it"
                    held[0] += 1
                    time.sleep(random.uniform(0, 0.2))
                    inside.release()
            except RobotRefused:
                pass
            except AssertionError:
                most[0] += 1

    with ExitStack() as stack:
        laptops = [stack.enter_context(connect(robot.known)) for _ in range(4)]
        for laptop in laptops:
            assert laptop.engine.info()
        threads = [threading.Thread(target=one, args=(laptop,)) for laptop in laptops]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most[0] == 0
    assert held[0] > 0
