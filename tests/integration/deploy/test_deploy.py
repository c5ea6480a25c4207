"""`robenv deploy` and `robenv rollback` by the command line, on stand-in robots with sshd and engines of their own."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from robenv.deploy import preflight
from robenv.deploy.release_state import release_state
from robenv.engine.docker_engine import connect
from robenv.plan.names import LABEL_RELEASE
from tests.support.images import small_image
from tests.support.projects.project import Project
from tests.support.robots.releases import commands, eventually
from tests.support.robots.robots import Robot, Yard

pytestmark = pytest.mark.engine

_PROFILE = """\
user: {{uid: 1000, gid: 1000}}
run: {{stop_grace_period: 2s}}
deploy:
  command: [sh, -c, {script}]
  {more}
"""
_QUICK = "settle: 0.5s\n  healthcheck: {test: [CMD, 'true'], interval: 0.3s, timeout: 2s, retries: 2}"
_L4T = "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64, DATE: Tue Aug  1 2023\n"


def profile(word: str, script: str = "echo {word}; while :; do sleep 0.2; done", more: str = _QUICK) -> str:
    return _PROFILE.format(script=json.dumps(script.format(word=word)), more=more)


@pytest.fixture(scope="module")
def image(docker_api: Any) -> str:
    return small_image.ensure(docker_api)


@pytest.fixture(scope="module")
def robots(yard: Yard, docker_api: Any, image: str) -> Iterator[tuple[Robot, Robot]]:
    """Two that have the base; the second says that it is a Jetson."""
    tag = secrets.token_hex(2)
    with ExitStack() as stack:
        made = []
        for name, files in (("arm", {}), ("leg", {"/etc/nv_tegra_release": _L4T})):
            made.append(yard.robot(name=f"robenvtest-{name}{tag}", files=files))
            stack.callback(yard.remove, made[-1])
            made[-1].engine.copy_image(docker_api, image)
        yield made[0], made[1]


@pytest.fixture
def fleet(yard: Yard, robots: tuple[Robot, Robot], docker_api: Any, image: str, tmp_path: Path) -> Iterator[Project]:
    """A project with both robots in its inventory; what it leaves on them goes."""
    made = Project(tmp_path / "project", image, profile("one"))
    yard.inventory(made.folder / "robots.yaml", *robots)
    yield made
    made.close(docker_api)
    for robot in robots:
        made.close(robot.engine.api())


def running(robot: Robot, project: Project) -> list[str]:
    """The releases that run their command there."""
    engine = connect(robot.engine.environment)
    try:
        return commands(engine, project.name)
    finally:
        engine.close()


def table(output: str) -> dict[str, list[str]]:
    """The rows at the end of a deploy, by robot."""
    return {line.split()[0]: line.split()[1:] for line in output.splitlines()[1:]}


def test_deploying_to_all_and_back(fleet: Project, robots: tuple[Robot, Robot]) -> None:
    arm, leg = robots
    dry = fleet.run("deploy", "--all", "--dry-run", "--json")
    assert [(row["robot"], row["state"]) for row in json.loads(dry.stdout)] == [
        (arm.name, "would deploy"), (leg.name, "would deploy"),
    ]  # fmt: skip
    assert running(arm, fleet) == []
    first = fleet.run("deploy", "--all")
    assert {name: row[0] for name, row in table(first.stdout).items()} == {arm.name: "deployed", leg.name: "deployed"}
    assert f"{arm.name}: sending what it lacks of the image" in first.stderr.splitlines()
    (one,) = running(arm, fleet)
    assert fleet.run("logs", "-r", arm.name).stdout == "one\n"
    (info,) = arm.engine.api().containers(filters={"label": f"{LABEL_RELEASE}={one}"})
    log = arm.engine.api().inspect_container(info["Id"])["HostConfig"]["LogConfig"]
    assert log == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert fleet.run("exec", "-r", arm.name, "--", "id", "-u").stdout == "1000\n"
    for options in ((), ("--dry-run",)):
        assert table(fleet.run("deploy", arm.name, *options).stdout)[arm.name][:3] == ["unchanged", one[:8], one[:8]]
    planned = fleet.run("plan", "-r", arm.name).stdout
    assert "nothing: this release runs there" in planned
    assert re.search("^limits .*logs 5 × 10m$", planned, re.M)
    fleet.write(profile("two"))
    assert table(fleet.run("deploy", arm.name, "--dry-run").stdout)[arm.name][3] == one[:8]
    (row,) = json.loads(fleet.run("deploy", arm.name, "--json").stdout)
    assert (row["state"], row["was"], row["sent"]) == ("deployed", one, 0)  # the same image
    assert fleet.run("logs", "-r", arm.name).stdout == "two\n"
    assert running(leg, fleet) == [one]
    back = table(fleet.run("rollback", arm.name).stdout)[arm.name]
    assert back[:3] == ["deployed", one[:8], row["release"][:8]]
    assert running(arm, fleet) == [one]
    assert "there is no earlier release 123" in fleet.run("rollback", arm.name, "--to", "123", check=1).stderr
    engine = connect(arm.engine.environment)
    try:
        for info in release_state(engine, fleet.name).releases:
            if not info.running:
                engine.remove_container(info.id)
    finally:
        engine.close()
    gone = fleet.run("rollback", arm.name, check=1).stderr
    assert "was confirmed there once, and has been removed since" in gone


def test_plan_and_dry_run_judge_alike(fleet: Project, robots: tuple[Robot, Robot], yard: Yard) -> None:
    """Also what only a look into the image tells."""
    arm, _ = robots
    yard.inventory(fleet.folder / "robots.yaml", **{arm.name: arm.variables})
    fleet.write(profile("one", more="healthcheck: {ros_node: /talker}"))
    fleet.run("build")
    (problem,) = json.loads(fleet.run("plan", "--json", "-r", arm.name).stdout)["problems"]
    assert problem["message"] == f"{arm.name}: deploy.healthcheck asks for ROS, and the image has no ros2 or rosnode"
    assert problem["message"] in fleet.run("deploy", arm.name, "--dry-run", check=None).stderr


def test_a_port_that_only_one_release_can_have(fleet: Project, robots: tuple[Robot, Robot], yard: Yard) -> None:
    arm, _ = robots
    # The stand-in's engine runs outside of its folders, where its socket has another path.
    variables = {**arm.variables, "robenv_docker_host": str(arm.folder / "docker.sock")}
    yard.inventory(fleet.folder / "robots.yaml", **{arm.name: variables})

    def release(word: str) -> str:
        return profile(word).replace("run: {", "run: {ports: ['18080:8080'], ")

    fleet.write(release("one"))
    assert "stop" not in fleet.run("deploy", arm.name).stderr
    (one,) = running(arm, fleet)
    fleet.write(release("two"))
    told = "only one at a time can have port 18080/tcp"
    assert told in fleet.run("plan", "-r", arm.name).stdout
    for options in (("--dry-run",), ()):
        done = fleet.run("deploy", arm.name, *options)
        assert f"{arm.name}: the running release is stopped before the new one starts: {told}" in done.stderr
    assert re.search(rf"^{arm.name}: deployed: [0-9a-f]{{8}}; nothing ran for \d+\.\d s$", done.stderr, re.M)
    assert running(arm, fleet) != [one]
    (row,) = json.loads(fleet.run("rollback", arm.name, "--json").stdout)
    assert (row["state"], row["release"]) == ("deployed", one)
    assert 0 < row["gap"] < 60


def test_one_that_is_off_one_that_fails(fleet: Project, yard: Yard, robots: tuple[Robot, Robot]) -> None:
    """The rest is done, and the exit code says so."""
    arm, leg = robots
    off = {"ansible_host": yard.nobody, "ansible_ssh_common_args": f"-F {yard.ssh_config} -o ConnectTimeout=2"}
    yard.inventory(fleet.folder / "robots.yaml", arm, leg, robenvtest_off=off)
    done = fleet.run("deploy", "--all", check=7)
    assert [row[0] for row in table(done.stdout).values()] == ["deployed", "deployed", "unreachable"]
    assert "robenvtest_off: unreachable: it does not answer" in done.stderr.splitlines()
    assert "error: robenvtest_off: it does not answer" in done.stderr.splitlines()
    (one,) = running(arm, fleet)
    fleet.write(profile("two", "sleep 5; echo last words >&2; exit 4", more=""))
    failed = fleet.run("deploy", arm.name, check=1)
    assert table(failed.stdout)[arm.name][0] == "failed"
    said = f"error: {arm.name}: release [0-9a-f]+ is not healthy: it ended with exit code 4"
    assert any(re.fullmatch(said, line) for line in failed.stderr.splitlines())
    assert "last words" in failed.stderr
    assert f"{arm.name}: robenv-{fleet.name}-{one[:8]} runs again" in failed.stderr.splitlines()
    assert f"  robenv-{fleet.name}-{one[:8]} runs again" in failed.stderr.splitlines(), "with the error, for a terminal"
    eventually(lambda: running(arm, fleet) == [one])


def test_one_that_is_lost_while_the_image_is_built(fleet: Project, robots: tuple[Robot, Robot]) -> None:
    """It is told apart from the others, which are done."""
    arm, leg = robots
    driver = [
        sys.executable,
        "-m",
        "tests.support.robots.deploy_driver",
        "building",
        "-C",
        str(fleet.folder),
    ]
    client = subprocess.Popen(
        [*driver, "deploy", "--all", "--json"], env=fleet.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == "at building\n"
        leg.kill_ssh()
        output, errors = client.communicate("\n", timeout=120)
    finally:
        client.kill()
        client.communicate()
        leg.start_ssh()
    assert client.returncode == 7, errors
    first, second = json.loads(output)
    assert (first["robot"], first["state"]) == (arm.name, "deployed")
    assert (second["robot"], second["state"]) == (leg.name, "unreachable")
    assert second["error"]["message"] == f"{leg.name}: the connection broke"
    assert len(running(arm, fleet)) == 1


def test_who_is_refused_and_why(
    fleet: Project, robots: tuple[Robot, Robot], yard: Yard, docker_api: Any, image: str
) -> None:
    """Nothing is sent, one line says what is wrong, another how it is mended; what ran goes on."""
    arm, leg = robots
    fleet.run("deploy", arm.name, "-q")
    (one,) = running(arm, fleet)
    fleet.write("platforms: [linux/arm64]\n" + profile("two"))
    wrong = fleet.run("deploy", arm.name, check=7)
    assert f"{arm.name}: " in wrong.stderr
    assert "linux/amd64" in wrong.stderr
    tag = f"r36.4.0-{secrets.token_hex(2)}"
    docker_api.tag(image, "robenvtest-l4t", tag)
    try:
        fleet.base_image = f"robenvtest-l4t:{tag}"
        fleet.write(profile("two"))
        jetson = fleet.run("deploy", "--all", check=7)
        base = f"the base {fleet.base_image}"
        assert f"{leg.name}: it has L4T 35.4.1, and {base} runs with 36.4 and later alone" in jetson.stderr
        assert f"{arm.name}: {base} is for a Jetson with L4T 36.4 and later, and this is none" in jetson.stderr
    finally:
        docker_api.remove_image(fleet.base_image)
    fleet.base_image = image
    fleet.write(profile("two"))
    arm.authorize(False)
    assert f"{arm.name}: it refuses the login" in fleet.run("deploy", arm.name, check=7).stderr
    arm.authorize(True)
    known = yard.known_hosts.read_text()
    arm.kill_ssh()
    arm.new_host_key()
    arm.start_ssh()
    assert f"{arm.name}: its host key has changed" in fleet.run("deploy", arm.name, check=7).stderr
    assert yard.known_hosts.read_text() == known
    yard.trust(arm)
    assert running(arm, fleet) == [one]
    fleet.run("deploy", arm.name)


def test_two_at_once(fleet: Project, robots: tuple[Robot, Robot]) -> None:
    """One is refused; the lock goes with its holder, however that ends."""
    arm, _ = robots
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.support.robots.deploy_driver", "created",
         "-C", str(fleet.folder), "deploy", arm.name],
        env=fleet.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "at created\n"
        second = fleet.run("deploy", arm.name, check=7)
        assert f"{arm.name}: another deploy is at work there" in second.stderr
        assert table(second.stdout)[arm.name][0] == "refused"
    finally:
        holder.kill()
        holder.communicate()
    done = fleet.run("deploy", arm.name)
    assert f"{arm.name}: removing robenv-{fleet.name}-" in done.stderr
    assert len(running(arm, fleet)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_a_trial_has_the_earlier_release_back_at_once(
    fleet: Project, robots: tuple[Robot, Robot], number: signal.Signals
) -> None:
    arm, _ = robots
    fleet.run("deploy", arm.name, "-q")
    (one,) = running(arm, fleet)
    fleet.write(profile("never", more="healthcheck: {test: [CMD, sleep, '600'], timeout: 600s, start_period: 600s}"))
    client = subprocess.Popen(
        [sys.executable, "-m", "robenv", "-C", str(fleet.folder), "deploy", arm.name],
        env=fleet.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert client.stderr is not None
    said = [line for line in iter(client.stderr.readline, f"{arm.name}: waiting for its health\n") if line]
    client.send_signal(number)
    said += client.stderr.readlines()
    assert client.wait(60) == 128 + number
    assert f"{arm.name}: robenv-{fleet.name}-{one[:8]} runs again\n" in said
    assert running(arm, fleet) == [one]
    api = arm.engine.api()
    left = api.containers(all=True, filters={"label": f"robenv.project={fleet.name}"})
    assert [info["Labels"][LABEL_RELEASE] for info in left] == [one], "the one on trial is gone"
    assert [each["Name"] for each in api.volumes()["Volumes"] or () if "-deploy-" in each["Name"]] == []


def test_a_disk_that_fills(
    yard: Yard, docker_api: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Foreseen where it can be, and else without harm."""
    from robenv.cli.app import run

    robot = yard.robot(name=f"robenvtest-{secrets.token_hex(2)}", data_size=80 << 20)
    project = Project(tmp_path / "project", image, profile("one"))
    try:
        robot.engine.copy_image(docker_api, image)
        yard.inventory(project.folder / "robots.yaml", robot)
        monkeypatch.setattr(preflight, "MARGIN", 0)
        assert run(["-C", str(project.folder), "deploy", robot.name, "-q"]) == 0
        (one,) = running(robot, project)
        (project.folder / "payload").write_bytes(os.urandom(40 << 20))
        project.write("files: [{source: payload, target: /opt/}]\n" + profile("two"))
        foreseen = project.run("deploy", robot.name, check=7)
        assert f"{robot.name}: its disk has 0.1 GB free" in foreseen.stderr
        monkeypatch.setattr(preflight, "MARGIN", -(1 << 40))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("robenv.cli.deploy.typer.echo", lambda text, **options: said.append(text))
            said: list[str] = []
            assert run(["-C", str(project.folder), "deploy", robot.name, "-q"]) == 1
        assert "is full" in "\n".join(said)
        assert running(robot, project) == [one]
        engine = connect(robot.engine.environment)
        assert [info.labels[LABEL_RELEASE] for info in release_state(engine, project.name).releases] == [one]
        engine.close()
        project.write(profile("three"))
        project.run("deploy", robot.name)
    finally:
        project.close(docker_api)
        yard.remove(robot)


def test_transfers_that_were_given_up_take_no_room(
    yard: Yard, docker_api: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they left is removed before the next one, and the robot is judged as it is without them."""
    from robenv.cli.app import run

    robot = yard.robot(name=f"robenvtest-{secrets.token_hex(2)}", data_size=512 << 20)
    project = Project(tmp_path / "project", image, profile("one"))
    other = Project(tmp_path / "other", image, "")
    layers = "files: [{source: one, target: /opt/}]\nsteps: [{name: more, run: 'cat /opt/one > /opt/two'}]\n"

    def staged() -> list[str]:
        return [tag for one in robot.engine.api().images() for tag in one["RepoTags"] or () if "staging" in tag]

    def free() -> int:
        found = os.statvfs(robot.engine.folder / "data")
        return found.f_bavail * found.f_frsize

    def give_up(mine: Project) -> None:
        """A deploy whose client is killed behind its first layer."""
        (mine.folder / "one").write_bytes(os.urandom(20 << 20))
        mine.write(layers + profile("one"))
        yard.inventory(mine.folder / "robots.yaml", robot)
        client = subprocess.Popen(
            [sys.executable, "-m", "tests.support.robots.deploy_driver", "sending", "-C", str(mine.folder), "deploy",
             robot.name],
            env=mine.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert client.stdout is not None
            line = client.stdout.readline()
            assert line == "at sending\n", client.communicate()
        finally:
            client.kill()
            client.communicate()

    try:
        robot.engine.copy_image(docker_api, image)
        for mine in (project, project, other):  # each removes what the one before has left
            give_up(mine)
            eventually(lambda: len(robot.processes()) == 1)  # nobody is logged in any more
            assert len(staged()) == 1
        # More than is free now, and less than without what is left.
        monkeypatch.setattr(preflight, "MARGIN", free() + (5 << 20))
        (project.folder / "one").write_bytes(os.urandom(2 << 20))
        project.write("files: [{source: one, target: /opt/}]\n" + profile("two"))
        assert run(["-C", str(project.folder), "deploy", robot.name, "--dry-run", "-q"]) == 0
        assert len(staged()) == 1
        assert run(["-C", str(project.folder), "deploy", robot.name, "-q"]) == 0
        assert staged() == []
    finally:
        for mine in (project, other):
            mine.close(docker_api)
        yard.remove(robot)


def test_what_a_strangers_profile_takes_of_a_robot_is_asked_before_anything_is_built(
    fleet: Project, robots: tuple[Robot, Robot], docker_api: Any
) -> None:
    arm, _ = robots
    theirs = fleet.folder / "theirs.yaml"
    theirs.write_text("run: {pid: host}\nsteps: [{name: a tool, run: 'echo it > /mytool'}]\n")
    os.chown(theirs, 4321, 4321)
    fleet.environ["TOKEN"] = "hunter2"
    own = "secrets: {token: {environment: TOKEN}}\nsteps: [{name: use, run: 'cat /mytool', secrets: token}]\n"
    fleet.write("extends: [./theirs.yaml]\n" + profile("one") + own)
    refused = fleet.run("deploy", arm.name, check=2)
    for words in ("theirs.yaml (it belongs to UID 4321)", "on the robot: the host's processes", "the secret token"):
        assert words in refused.stderr
    assert "`robenv trust -r ROBOT`" in refused.stderr
    assert docker_api.images(filters={"label": f"robenv.project={fleet.name}"}) == []
    assert running(arm, fleet) == []
    shown = fleet.run("plan", "-r", arm.name).stdout
    assert "takes over the robot:" in shown and "\n  the host's processes" in shown
    assert "not allowed yet: 2, asked for by theirs.yaml" in shown
    fleet.run("trust", "-r", arm.name, check=2)
    assert "on the robot: " in fleet.run("trust", "-r", arm.name, "--yes").stdout
    assert "not allowed yet" not in fleet.run("plan", "-r", arm.name).stdout
    fleet.run("deploy", arm.name, "--dry-run")
    assert "the host's processes" in fleet.run("run", "--", "true", check=2).stderr, "a robot is not this machine"


def test_what_an_operator_does_by_hand(fleet: Project, robots: tuple[Robot, Robot]) -> None:
    """Stop, look, start, restart, and take off, on robots; a project by an earlier name too."""
    arm, leg = robots
    fleet.run("deploy", "--all", "-q")
    (one,) = running(arm, fleet)
    fleet.write(profile("two"))
    fleet.run("deploy", "--all", "-q")
    (two,) = running(arm, fleet)
    row = next(line for line in fleet.run("robots").stdout.splitlines() if line.startswith(arm.name))
    assert f"  {two[:8]}  {one[:8]}  " in row and row.endswith("  healthy")

    assert table(fleet.run("stop", "-r", arm.name, "-r", leg.name).stdout)[arm.name][:2] == ["stopped", two[:8]]
    assert running(arm, fleet) == running(leg, fleet) == []
    seen = fleet.run("robots", "--json", check=1)
    assert [(row["well"], row["release"], row["rollback"]) for row in json.loads(seen.stdout)] == [
        (False, None, one)
    ] * 2
    row = next(line for line in fleet.run("robots", check=1).stdout.splitlines() if line.startswith(arm.name))
    assert f"  {two[:8]}  {one[:8]}  " in row and "exited (" in row
    logs = fleet.run("logs", "-r", arm.name)
    assert logs.stdout == "two\n"
    assert f"{arm.name}: robenv-{fleet.name}-{two[:8]} does not run (exited, exit code" in logs.stderr
    assert fleet.run("logs", "-r", arm.name, "--since", "1s").stdout == ""
    assert f"`robenv start -r {arm.name}`" in fleet.run("exec", "-r", arm.name, "true", check=1).stderr

    assert table(fleet.run("stop", "-r", arm.name).stdout)[arm.name][0] == "unchanged"
    assert table(fleet.run("start", "-r", arm.name).stdout)[arm.name][:2] == ["started", two[:8]]
    assert table(fleet.run("start", "-r", arm.name).stdout)[arm.name][0] == "unchanged"
    for robot in robots:  # one that runs, one that does not
        assert table(fleet.run("restart", "-r", robot.name).stdout)[robot.name][:2] == ["restarted", two[:8]]
        eventually(lambda robot=robot: running(robot, fleet) == [two])

    asked = fleet.run("down", "-r", arm.name, check=2)
    assert "nothing was removed" in asked.stderr and "--yes" in asked.stderr
    assert f"robenv-{fleet.name}-{two[:8]} (running)" in asked.stderr
    name = fleet.name
    fleet.name = f"{name}-renamed"
    fleet.write(profile("three"))
    gone = fleet.run("down", "-r", arm.name, "--yes", check=1).stderr
    assert f"{arm.name}: nothing of {fleet.name} runs: {fleet.name} is not there; it has {name}" in gone
    fleet.run("down", "-r", arm.name, "--project", name, "--yes")
    fleet.name = name
    engine = connect(arm.engine.environment)
    try:
        labels: dict[str, str | None] = {"robenv.project": name}
        assert engine.containers(labels) == []
        assert engine.images(labels) == []
        assert f"robenv-{name}-release" not in {volume.name for volume in engine.volumes(labels)}
    finally:
        engine.close()
    assert running(leg, fleet) == [two]
