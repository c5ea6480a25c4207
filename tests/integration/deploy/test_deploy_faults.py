"""A robot after something was killed in the middle of a deploy: one row for each victim and step.

The client is a process of its own, stopped at the step (deploy_driver). `make test-faults` takes the whole
table; what is not marked ``long`` stands for it elsewhere.
"""

from __future__ import annotations

import os
import secrets
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from robenv.cli.app import run
from robenv.deploy.release_state import is_confirmed, release_state
from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from robenv.plan.names import LABEL_RELEASE
from tests.support.images import small_image
from tests.support.projects.project import Project
from tests.support.robots.releases import commands, eventually
from tests.support.robots.robots import Robot, Yard

Answer = TypeVar("Answer")
pytestmark = pytest.mark.engine

STEPS = (
    "locked", "surveyed", "sending", "sent", "created", "waiting", "handed", "healthy", "confirmed", "promoted",
    "retired", "pruned",
)  # fmt: skip
VICTIMS = ("client", "ssh", "engine", "power")
IN_SHORT = {
    "client": ("sending", "waiting", "healthy", "promoted"),
    "ssh": ("created", "handed", "confirmed"),
    "engine": ("sent", "handed", "confirmed", "retired"),
    "power": ("sending", "waiting", "handed", "confirmed", "promoted"),
}
TABLE = [
    pytest.param(victim, step, marks=() if step in IN_SHORT[victim] else (pytest.mark.long,), id=f"{victim}-{step}")
    for victim in VICTIMS
    for step in STEPS
]
_PROFILE = """\
user: {{uid: 1000, gid: 1000}}
files: [{{source: payload, target: /opt/payload}}]
deploy:
  command: [sh, -c, 'while :; do echo {number}; sleep 0.2; done']
  healthcheck: {{test: [CMD, 'true'], interval: 0.3s, timeout: 1s, retries: 2}}
  settle: 0.5s
  keep: 1
"""


class Site:
    """A robot with a project's release on it, and the command line that deploys the next one."""

    def __init__(self, robot: Robot, project: Project, yard: Yard) -> None:
        self.robot, self.project, self._number = robot, project, 0
        yard.inventory(project.folder / "robots.yaml", robot)

    def new_release(self) -> None:
        """Other contents, and another command: an image to send."""
        self._number += 1
        (self.project.folder / "payload").write_bytes(os.urandom(300_000))
        self.project.write(_PROFILE.format(number=self._number))

    def deploy(self) -> None:
        assert run(["-C", str(self.project.folder), "deploy", self.robot.name, "-q"]) == 0

    def start(self, step: str) -> subprocess.Popen[str]:
        """A deploy that has come as far as ``step`` and stopped."""
        driver = subprocess.Popen(
            [sys.executable, "-m", "tests.support.robots.deploy_driver", step, "-C", str(self.project.folder), "deploy",
             self.robot.name],
            env=self.project.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert driver.stdout is not None
        ready = select.select([driver.stdout], [], [], 120)[0]
        line = driver.stdout.readline() if ready else ""
        if line.strip() != f"at {step}":
            driver.kill()
            raise AssertionError(f"it never came to {step}: {line}{driver.communicate()}")
        return driver

    def running(self) -> list[str]:
        """The releases that run their command; those that wait do not."""
        return self._ask(lambda engine: commands(engine, self.project.name))

    def containers(self) -> dict[str, bool]:
        """The releases there, and whether each is confirmed."""
        found = self._ask(lambda engine: release_state(engine, self.project.name)).releases
        return {info.labels[LABEL_RELEASE]: is_confirmed(info) for info in found}

    def confirmed(self) -> str:
        """What the robot boots into."""
        (found,) = (release for release, confirmed in self.containers().items() if confirmed)
        return found

    def stray(self) -> list[str]:
        """What is on the robot beside the base, two releases and their images."""
        api = self.robot.engine.api()
        images = [tag for image in api.images() for tag in image["RepoTags"] or [image["Id"]]]
        wanted = {container["Image"] for container in api.containers(all=True)} | {self.project.base_image}
        others = [
            name
            for container in api.containers(all=True)
            for name in container["Names"]
            if self.project.name not in name
        ]
        return [tag for tag in images if tag not in wanted] + others

    def _ask(self, question: Callable[[Engine], Answer]) -> Answer:
        engine = connect(self.robot.engine.environment)
        try:
            return question(engine)
        finally:
            engine.close()

    def kill(self, victim: str, client: subprocess.Popen[str]) -> None:
        """``power``: everything on the robot at once; it boots again."""
        if victim == "client":
            client.kill()
        elif victim == "ssh":
            self.robot.kill_ssh()
            self.robot.start_ssh()
        elif victim == "engine":
            self.robot.engine.kill()
            self.robot.engine.start()
        else:
            self.robot.cut_power()
            self.robot.boot()


@pytest.fixture(scope="module")
def site(yard: Yard, docker_api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    robot = yard.robot(name=f"robenvtest-{secrets.token_hex(2)}")
    image = small_image.ensure(docker_api)
    project = Project(tmp_path_factory.mktemp("faults") / "project", image)
    try:
        robot.engine.copy_image(docker_api, image)
        made = Site(robot, project, yard)
        made.new_release()
        made.deploy()
        yield made
    finally:
        project.close(docker_api)
        yard.remove(robot)


def keeps(victim: str, step: str) -> list[list[str]]:
    """Which release the robot may run after the kill, by itself."""
    boots = victim in ("engine", "power")
    if step == "promoted" and boots:
        return [["old"], ["new"]]  # both are started, and one gets the lock
    if step in ("promoted", "retired", "pruned") or (step == "confirmed" and not boots):
        return [["new"]]
    return [["old"]]


@pytest.mark.parametrize(("victim", "step"), TABLE)
def test_killed(site: Site, victim: str, step: str) -> None:
    old = site.confirmed()
    site.new_release()
    client = site.start(step)
    wanted = keeps(victim, step)
    try:
        site.kill(victim, client)
        eventually(lambda: ["old" if one == old else "new" for one in site.running()] in wanted)
    finally:
        output = end(client)
    assert "Traceback" not in output
    if victim == "ssh" and step != STEPS[-1]:
        assert f"{site.robot.name}: the connection broke" in output
        assert client.returncode == 7
    eventually(lambda: len(site.running()) == 1)
    site.deploy()
    new = site.confirmed()
    assert new != old
    assert site.running() == [new]
    assert site.containers() == {new: True, old: False}
    assert site.stray() == []


def end(client: subprocess.Popen[str]) -> str:
    """Lets the client go on to its end, where it still lives; what it wrote."""
    try:
        output, errors = client.communicate("\n", timeout=60)
    except subprocess.TimeoutExpired:
        client.kill()
        raise
    return output + errors
