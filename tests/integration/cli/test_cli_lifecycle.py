"""The way through, by the command line: up, in, out, down, and again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.projects.project import ROBENV, Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]


def test_up_builds_starts_and_runs_a_command(project: Make) -> None:
    mine = project("environment: {GREETING: hello}")
    (mine.folder / "note.txt").write_text("from outside\n")
    done = mine.run("up", "--", "sh", "-c", "cat note.txt; echo $GREETING; pwd; exit 7", check=7)
    assert done.stdout == "from outside\nhello\n/workspace\n"
    assert "Built" in done.stderr


def test_a_second_up_builds_and_starts_nothing(project: Make, docker_api: Any) -> None:
    mine = project()
    mine.run("up", "-d")
    name = mine.plan()["container"]
    before = docker_api.inspect_container(name)
    assert mine.run("up", "-q", "--", "hostname").stderr == ""
    after = docker_api.inspect_container(name)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])


def test_the_quick_way_and_the_whole_way_do_the_same(project: Make) -> None:
    mine = project("environment: {GREETING: hello}")
    (mine.folder / "sub").mkdir()
    script = "pwd; id -u; echo $GREETING $HOME; exit 3"
    time.sleep(1.1)  # a file this fresh is not trusted to be unchanged
    mine.run("up", "-d")
    for folder in (mine.folder, mine.folder / "sub"):
        mine.run("up", "-q", "--", "true", cwd=folder)  # for that folder to be known
        quick = mine.run("up", "--", "sh", "-c", script, check=3, cwd=folder)
        whole = mine.run("up", "-q", "--", "sh", "-c", script, check=3, cwd=folder)
        assert (quick.stdout, quick.stderr) == (whole.stdout, whole.stderr)
        assert quick.stdout.startswith("/workspace/sub\n" if folder.name == "sub" else "/workspace\n")


def test_the_quick_way_imports_neither_docker_nor_typer(project: Make) -> None:
    mine = project()
    time.sleep(1.1)
    mine.run("up", "-d")
    environ = {**mine.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    imported = mine.run("up", "--", "true", env=environ).stderr
    modules = {line.rsplit("|", 1)[-1].strip() for line in imported.splitlines()}
    assert "robenv.fast.client" in modules
    assert not modules & {"docker", "typer", "pydantic", "jinja2", "rich", "yaml", "requests", "dataclasses"}


def test_a_change_of_the_profile_is_seen_at_once(project: Make) -> None:
    mine = project("environment: {COLOUR: red}")
    time.sleep(1.1)
    mine.run("up", "-d")
    mine.write("environment: {COLOUR: blue}")
    done = mine.run("up", "--", "sh", "-c", "echo $COLOUR")
    assert done.stdout == "blue\n"
    assert "changed: image" in done.stderr


def test_a_variable_that_changes_is_seen_at_once(project: Make) -> None:
    mine = project("run: {environment: {COLOUR: '${COLOUR:-red}'}}")
    time.sleep(1.1)
    assert mine.run("up", "--", "sh", "-c", "echo $COLOUR").stdout == "red\n"
    mine.environ["COLOUR"] = "blue"
    done = mine.run("up", "--", "sh", "-c", "echo $COLOUR")
    assert done.stdout == "blue\n"
    assert "changed: environment COLOUR: changed" in done.stderr


def test_a_container_with_something_of_the_users_in_it_is_kept_until_told(project: Make, docker_api: Any) -> None:
    mine = project()
    mine.run("up", "-d")
    name = mine.plan()["container"]
    first = docker_api.inspect_container(name)["Id"]
    busy = mine.start("exec", "--", "sleep", "123")
    try:
        _until(lambda: "sleep 123" in str(docker_api.top(name)))
        mine.write("environment: {COLOUR: blue}")
        kept = mine.run("up", "-d")
        assert "sleep 123" in kept.stderr
        assert "changed: image" in kept.stderr
        assert "--recreate" in kept.stderr
        assert docker_api.inspect_container(name)["Id"] == first
        assert "keep it" in mine.run("plan").stdout
        mine.run("up", "-d", "--recreate")
        assert docker_api.inspect_container(name)["Id"] != first
    finally:
        busy.terminate()
        busy.wait(30)


def test_stop_and_up_keep_what_was_made_inside(project: Make) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "echo kept > ~/file; touch /tmp/layer")
    assert mine.run("stop", "-t", "1").stdout.startswith("robenv-")
    assert "exited" in mine.run("ps").stdout
    done = mine.run("exec", "--", "true", check=1)
    assert "robenv up" in done.stderr
    assert mine.run("up", "--", "sh", "-c", "cat ~/file; ls /tmp/layer").stdout == "kept\n/tmp/layer\n"


def test_start_and_restart_keep_what_was_made_inside(project: Make) -> None:
    mine = project()
    for command in ("start", "restart"):
        assert "this project has no container" in mine.run(command, check=1).stderr
    mine.run("up", "--", "sh", "-c", "echo kept > /tmp/note")
    name = mine.plan()["container"]
    mine.run("stop")
    assert mine.run("start").stdout == f"{name}\n"
    assert mine.run("exec", "--", "sh", "-c", "cat /tmp/note; echo more > /dev/shm/gone").stdout == "kept\n"
    assert mine.run("restart").stdout == f"{name}\n"
    assert mine.run("exec", "--", "sh", "-c", "cat /tmp/note; ls /dev/shm").stdout == "kept\n"


def test_the_home_survives_down_and_goes_with_its_volumes(project: Make, docker_api: Any) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "echo kept > ~/file")
    mine.run("down")
    assert mine.run("ps", "--json").stdout.strip() == "[]"
    assert mine.run("up", "--", "sh", "-c", "cat ~/file").stdout == "kept\n"
    mine.run("down", "--volumes")
    volumes = docker_api.volumes(filters={"label": f"robenv.project={mine.name}"})["Volumes"]
    assert not volumes
    mine.run("up", "--", "sh", "-c", "test ! -e ~/file")


@pytest.mark.parametrize("uid", [1000, 1001])
def test_files_belong_to_the_hosts_user(project: Make, uid: int) -> None:
    """UID 1000 is taken in the image."""
    mine = project("steps: [{name: a user, run: 'useradd --uid 1000 --create-home ubuntu'}]")
    os.chown(mine.folder, uid, uid)
    mine.folder.parent.chmod(0o777)
    mine.environ["HOME"] = "/nonexistent"
    done = mine.run("up", "--", "sh", "-c", "id -un; touch file ~/file; stat -c %u ~/file; echo $HOME", user=uid)
    assert done.stdout == f"dev\n{uid}\n/home/dev\n"
    assert (mine.folder / "file").stat().st_uid == uid


def test_run_leaves_nothing(project: Make, docker_api: Any) -> None:
    mine = project()
    done = mine.run("run", "--", "sh", "-c", "cat; exit 9", check=9, input="piped\n")
    assert done.stdout == "piped\n"
    assert not docker_api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})


def test_run_that_is_interrupted_leaves_nothing(project: Make, docker_api: Any) -> None:
    mine = project()
    mine.run("build")
    running = mine.start("run", "--", "sleep", "1000", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    mine_only = {"label": f"robenv.project={mine.name}"}
    _until(lambda: any(found["State"] == "running" for found in docker_api.containers(filters=mine_only)))
    running.terminate()
    assert running.wait(60) == 143
    assert not docker_api.containers(all=True, filters=mine_only)


def test_exec_passes_pipes_arguments_and_exit_codes(project: Make) -> None:
    mine = project()
    mine.run("up", "-d")
    assert mine.run("exec", "--", "cat", input="a\0b\n").stdout == "a\0b\n"
    look = ("exec", "--", "sh", "-c", "readlink /proc/self/fd/0; wc -c")
    assert mine.run(*look, input="").stdout.startswith("pipe:")
    assert mine.run(*look).stdout == "/dev/null\n0\n", "where there is none here, there is none inside"
    assert mine.run("exec", "printf", "%s|", "-x", "two words", "--", "$HOME").stdout == "-x|two words|--|$HOME|"
    assert mine.run("exec", "--", "false", check=1).stdout == ""
    assert mine.run("exec", "--", "no-such-program", check=None).returncode in (126, 127)


def test_exec_works_while_the_profile_is_broken(project: Make) -> None:
    mine = project()
    mine.run("up", "-d")
    (mine.folder / "robenv.yaml").write_text("nonsense: [\n")
    assert mine.run("exec", "--", "echo", "still here").stdout == "still here\n"
    assert mine.run("down").stdout.startswith("robenv-")


def test_logs_show_the_main_process(project: Make) -> None:
    script = "'echo out; echo err >&2; exec sleep infinity'"
    mine = project(f"run: {{command: [sh, -c, {script}]}}")
    mine.run("up", "-d")
    _until(lambda: "out" in mine.run("logs").stdout)
    done = mine.run("logs", "--tail", "5")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_two_at_once_build_once_and_both_join(project: Make) -> None:
    mine = project("steps: [{name: slow, run: 'sleep 3; date +%N > /stamp'}]")
    both = [mine.start("up", "--", "cat", "/stamp", stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    answers = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0] != ""
    assert sum("Built" in errors for _, errors in answers) == 1
    assert sum("waiting for it" in errors for _, errors in answers) == 1


def test_ps_all_names_projects_and_their_state(project: Make) -> None:
    mine = project()
    mine.run("up", "-d")
    rows = json.loads(mine.run("ps", "--all", "--json", cwd="/").stdout)
    (row,) = [row for row in rows if row["project"] == mine.name]
    assert (row["status"], row["directory"]) == ("running", str(mine.folder))


def test_clean_keeps_what_is_used_and_takes_what_is_not(project: Make, docker_api: Any) -> None:
    mine = project("environment: {N: '1'}")
    first = mine.run("build").stdout.strip()
    mine.write("environment: {N: '2'}")
    second = mine.run("build").stdout.strip()
    told = mine.run("clean", "--dry-run").stdout
    assert first in told
    assert second not in told
    assert docker_api.images(name=first)
    mine.run("clean")
    assert not docker_api.images(name=first)
    assert docker_api.images(name=second)


def test_a_named_file_and_another_folder(project: Make) -> None:
    mine = project()
    (mine.folder / "other.yaml").write_text((mine.folder / "robenv.yaml").read_text() + "environment: {X: other}\n")
    arguments = ("-C", str(mine.folder), "-f", "other.yaml", "run", "--", "sh", "-c", "echo $X")
    assert mine.run(*arguments, cwd="/").stdout == "other\n"


def test_ports_are_published(project: Make) -> None:
    mine = project("run: {ports: ['127.0.0.1::8080']}")
    mine.run("up", "-d")
    bindings = mine.plan()["create_request"]["HostConfig"]["PortBindings"]
    assert bindings == {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}


def _until(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run([*ROBENV, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("robenv ")
