"""What a user sees when something is wrong: one clear message, a way out, the right exit code, nothing half-made."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project, as_user

pytestmark = pytest.mark.engine

Make = Callable[..., Project]


def containers_of(mine: Project, api: Any) -> list[Any]:
    found: list[Any] = api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})
    return found


def test_no_engine(project: Make) -> None:
    mine = project()
    mine.environ["DOCKER_HOST"] = f"unix://{mine.folder}/none.sock"
    for command in (["up"], ["exec", "true"], ["ps"], ["build"], ["run", "true"], ["clean"]):
        done = mine.run(*command, check=4)
        assert "No engine answers" in done.stderr
        assert "DOCKER_HOST" in done.stderr
    assert mine.run("doctor", check=6).stdout.startswith("failure  engine")
    assert "planned without an engine" in mine.run("plan").stderr


def test_no_permission(project: Make) -> None:
    mine = project()
    mine.folder.parent.chmod(0o777)
    command = [word for word in as_user(1002) if not word.startswith("--groups")] + ["--clear-groups"]
    # Reading for Python's sake must not open the socket too, and does not: connecting is writing.
    from tests.support.projects.project import ROBENV

    done = subprocess.run(
        [*command, *ROBENV, "up"], cwd=mine.folder, env=mine.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "may not be opened by this user" in done.stderr
    assert "usermod -aG docker" in done.stderr


def test_a_failing_step_is_shown_with_its_lines(project: Make, docker_api: Any) -> None:
    mine = project("steps:\n  - name: good\n    run: 'true'\n  - name: bad\n    run: echo a clue; exit 3\n")
    done = mine.run("up", check=5)
    assert "a clue" in done.stderr
    assert "robenv.yaml:6:" in done.stderr
    assert "exit code" in done.stderr
    assert not containers_of(mine, docker_api)
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})


def test_a_package_that_does_not_exist(project: Make) -> None:
    mine = project("apt: {packages: [no-such-package-here]}")
    done = mine.run("build", check=5)
    assert "Unable to locate package no-such-package-here" in done.stderr
    assert "robenv.yaml:3:" in done.stderr


def test_quiet_still_tells_what_failed(project: Make) -> None:
    mine = project("steps: [{name: bad, run: echo a clue; exit 3}]")
    done = mine.run("build", "-q", check=5)
    assert "a clue" in done.stderr
    assert "done" not in done.stderr


def test_a_base_that_does_not_exist(project: Make, registry: Callable[..., Any]) -> None:
    made = registry()
    mine = project(base=f"{made.address}/robenvtest/none:1")
    done = mine.run("up", check=1)
    assert f"{made.address}/robenvtest/none:1" in done.stderr
    assert "error:" in done.stderr


def test_a_registry_that_wants_a_login(project: Make, registry: Callable[..., Any]) -> None:
    made = registry(login=True)
    mine = project(base=f"{made.address}/robenvtest/base:1")
    mine.environ["DOCKER_CONFIG"] = str(mine.folder / "no-config")
    done = mine.run("up", check=1)
    assert f"docker login {made.address}" in done.stderr


def test_a_container_that_exits_at_once(project: Make, docker_api: Any) -> None:
    mine = project("run: {command: [sh, -c, 'echo last words; exit 4']}")
    done = mine.run("up", check=1)
    assert "exit code 4" in done.stderr
    assert "last words" in done.stderr
    assert not containers_of(mine, docker_api)


def test_a_command_that_does_not_exist(project: Make, docker_api: Any) -> None:
    mine = project("run: {command: [no-such-program]}")
    done = mine.run("up", check=1)
    assert "no-such-program" in done.stderr
    assert not containers_of(mine, docker_api)


def test_a_port_in_use(project: Make, docker_api: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        mine = project(f"run: {{ports: ['127.0.0.1:{port}:80']}}")
        done = mine.run("up", check=1)
    assert str(port) in done.stderr
    assert "in use" in done.stderr or "taken" in done.stderr
    assert not containers_of(mine, docker_api)


def test_a_command_killed_for_want_of_memory_is_explained(project: Make) -> None:
    mine = project("run: {mem_limit: 64mb}")
    hog = "x=a; while :; do x=$x$x; done"
    done = mine.run("up", "--", "sh", "-c", hog, check=137)
    assert "mem_limit" in done.stderr


@pytest.mark.parametrize("command", ["up", "exec", "run"])
@pytest.mark.parametrize("code", [0, 2])
def test_a_kill_below_a_command_that_ends_otherwise_is_explained(project: Make, command: str, code: int) -> None:
    """As make and shells do, whose compiler was killed."""
    mine = project("run: {mem_limit: 64mb, memswap_limit: 64mb}")
    mine.run("up", "-d")
    hog = f"sh -c 'x=a; while :; do x=$x$x; done'; exit {code}"
    done = mine.run(command, "--", "sh", "-c", hog, check=code)
    assert "reached its memory limit (run.mem_limit)" in done.stderr
    assert "mem_limit" not in mine.run(command, "--", "true").stderr


def test_a_name_that_another_container_has(project: Make, docker_api: Any, base_image: str) -> None:
    mine = project()
    name = mine.plan()["container"]
    other = docker_api.create_container(base_image, ["true"], name=name)
    try:
        done = mine.run("up", "-d", check=1)
        assert f"docker rm {name}" in done.stderr
        assert docker_api.inspect_container(name)["Id"] == other["Id"]
    finally:
        docker_api.remove_container(other["Id"], force=True)


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_interrupted_build_ends_on_the_engine(project: Make, docker_api: Any, signal: str) -> None:
    marker = _marker()
    mine = project(f"steps: [{{name: long, run: sleep {marker}}}]")
    building = mine.start("up", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _until(lambda: _runs(marker))
    subprocess.run(["kill", f"-{signal}", str(building.pid)], check=True)
    _, errors = building.communicate(timeout=60)
    assert building.returncode == (130 if signal == "INT" else 143), errors
    assert "Traceback" not in errors
    _until(lambda: not _runs(marker))
    assert not containers_of(mine, docker_api)
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})


def test_an_engine_that_stops_in_mid_build(project: Make, second_engine: Callable[..., Any], base_image: str) -> None:
    other = second_engine(image=base_image)
    marker = _marker()
    mine = project(f"steps: [{{name: long, run: sleep {marker}}}]")
    mine.environ["DOCKER_HOST"] = other.url
    building = mine.start("build", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _until(lambda: _runs(marker))
    other.kill()
    _, errors = building.communicate(timeout=60)
    assert building.returncode == 4, errors
    assert "Traceback" not in errors
    assert "engine" in errors


def test_an_engine_that_stops_in_mid_shell(project: Make, second_engine: Callable[..., Any], base_image: str) -> None:
    marker = _marker()
    other = second_engine(image=base_image)
    mine = project("run: {network_mode: none}")
    mine.environ["DOCKER_HOST"] = other.url
    mine.run("up", "-d")
    shell = mine.start("exec", "--", "sleep", marker, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _until(lambda: _runs(marker))
    other.kill()
    _, errors = shell.communicate(timeout=60)
    assert shell.returncode == 4, errors
    assert "Traceback" not in errors


def test_a_full_disk(project: Make, second_engine: Callable[..., Any], base_image: str) -> None:
    other = second_engine(data_size=600_000_000, image=base_image)
    mine = project("steps: [{name: big, run: dd if=/dev/zero of=/big bs=1M count=2000}]")
    mine.environ["DOCKER_HOST"] = other.url
    done = mine.run("build", check=None)
    assert done.returncode in (1, 5), done.stderr
    assert "No space left on device" in done.stderr or "no space left on device" in done.stderr


def test_all_problems_of_a_profile_in_one_report(project: Make) -> None:
    mine = project("aptt: {}\nrun: {mem_limit: lots}\npip: [-e .]\n")
    done = mine.run("up", check=3)
    for line in (3, 4, 5):
        assert f"robenv.yaml:{line}:" in done.stderr
    assert "did you mean `apt`" in done.stderr
    told = json.loads(mine.run("validate", "--json", check=3).stdout)
    assert not told["valid"]
    assert len(told["problems"]) == 3


def test_no_project(tmp_path: Path, project: Make) -> None:
    mine = project()
    empty = tmp_path / "empty"
    empty.mkdir()
    done = mine.run("up", check=2, cwd=empty)
    assert "robenv init" in done.stderr


def _until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def _marker() -> str:
    """How long to sleep, by which one process is known among all of this machine."""
    return f"100{secrets.randbelow(10**6):06d}"


def _runs(marker: str) -> bool:
    """Whether a process of this machine has exactly that word among its arguments."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", marker.encode()]:
            return True
    return False
