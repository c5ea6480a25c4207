"""The entrypoint script, run by a real bash."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from robenv.plan.models import ImageSettings
from robenv.plan.names import ENTRYPOINT
from robenv.render import render
from tests.support.images.dockerfile_reader import read_dockerfile
from tests.support.projects.plans import plan_of


def script_for(folder: Path, *setup: str) -> Path:
    rendered = render(plan_of(settings=ImageSettings(setup_scripts=setup)))
    (entry,) = [entry for entry in rendered.context if entry.name.endswith("/entrypoint")]
    path = folder / "entrypoint"
    path.write_bytes(entry.data)
    path.chmod(entry.mode)
    return path


def run(script: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(script), *command],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_scripts_that_are_there_are_sourced_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "one.bash").write_text("export ORDER=$ORDER-one\n")
    (tmp_path / "two.bash").write_text("declare -x ORDER=$ORDER-two\n")
    setup = (f"{tmp_path}/one.bash", f"{tmp_path}/absent.bash", f"{tmp_path}/two.bash", str(tmp_path))
    done = run(script_for(tmp_path, *setup), "sh", "-c", 'echo "$ORDER"')
    assert (done.stdout, done.stderr, done.returncode) == ("-one-two\n", "", 0)


@pytest.mark.parametrize(
    "hostile",
    [
        "echo $NOT_SET",
        "false",
        "set -eu",
        "set -- other arguments",
        "return 3",
        "shift 2>/dev/null",
        "echo to stdout",
        "[ $# -eq 0 ] || export BAD=arguments",
        "robenv_script=/dev/null",
    ],
)
def test_what_a_script_does_is_not_the_commands_business(tmp_path: Path, hostile: str) -> None:
    (tmp_path / "setup.bash").write_text(f"{hostile}\n")
    (tmp_path / "after.bash").write_text("export AFTER=yes\n")
    script = script_for(tmp_path, f"{tmp_path}/setup.bash", f"{tmp_path}/after.bash")
    done = run(script, "sh", "-c", 'echo "$AFTER$BAD|$1|$2|$-"; exit 5', "sh", "a b", "")
    assert done.stdout.startswith("yes|a b||")
    assert done.returncode == 5
    assert "e" not in done.stdout.rpartition("|")[2] and "u" not in done.stdout.rpartition("|")[2]


def test_nothing_of_the_script_is_left_in_the_environment(tmp_path: Path) -> None:
    names = [line.partition("=")[0] for line in run(script_for(tmp_path, "/x"), "env").stdout.splitlines()]
    assert names
    assert not [name for name in names if "robenv" in name.lower()]


@pytest.mark.parametrize(
    "name", ["a b", "$(touch escaped)", "`id`", "it's", 'q"', "-x", "line\nbreak", "{{ x }}", "*", "\\"]
)
def test_any_name_of_a_script_stays_a_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "dir" / name
    path.parent.mkdir()
    path.write_text("export FOUND=yes\n")
    done = subprocess.run(
        [script_for(tmp_path, str(path)), "sh", "-c", "echo $FOUND"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout == "yes\n"
    assert not (tmp_path / "escaped").exists()


def test_a_command_that_begins_with_a_dash_is_a_command(tmp_path: Path) -> None:
    assert "-x" in run(script_for(tmp_path, "/x"), "-x").stderr


def test_without_a_command_it_is_a_shell(tmp_path: Path) -> None:
    done = subprocess.run([script_for(tmp_path, "/x")], input="echo $0", capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(("bash", "sh"))


def test_the_profiles_own_entrypoint_runs_after_it() -> None:
    settings = ImageSettings(setup_scripts=("/x",), entrypoint=("/usr/bin/thing", "-v"))
    reads = {read.kind: read.value for read in read_dockerfile(render(plan_of(settings=settings)).dockerfile)}
    assert reads["ENTRYPOINT"] == (ENTRYPOINT, "/usr/bin/thing", "-v")
    assert "CMD" not in reads


def test_without_setup_there_is_no_script() -> None:
    rendered = render(plan_of(settings=ImageSettings(entrypoint=())))
    assert [entry.name for entry in rendered.context] == ["Dockerfile"]
    assert [read.value for read in read_dockerfile(rendered.dockerfile) if read.kind == "ENTRYPOINT"] == [()]


def linking(folder: Path) -> tuple[Path, Path]:
    """(script that links ~/.ros/rosdep to a folder of the image, that folder)."""
    shared = folder / "shared" / "rosdep"
    shared.mkdir(parents=True)
    settings = ImageSettings(shared=((".ros/rosdep", str(shared)),))
    (entry,) = [entry for entry in render(plan_of(settings=settings)).context if entry.name.endswith("/entrypoint")]
    script = folder / "entrypoint"
    script.write_bytes(entry.data)
    script.chmod(entry.mode)
    return script, shared


def test_a_home_gets_what_the_image_has_for_it(tmp_path: Path) -> None:
    script, shared = linking(tmp_path)
    home = tmp_path / "ho me"
    home.mkdir()
    for _ in range(2):
        done = run(script, "echo", "-n", "a b", HOME=str(home))
        assert (done.stdout, done.stderr, done.returncode) == ("a b", "", 0)
        assert (home / ".ros/rosdep").readlink() == shared


def test_a_homes_own_stays_and_a_link_to_nothing_is_mended(tmp_path: Path) -> None:
    script, shared = linking(tmp_path)
    own = tmp_path / "own" / ".ros" / "rosdep"
    own.mkdir(parents=True)
    (own / "mine").touch()
    run(script, "true", HOME=str(tmp_path / "own"))
    assert [path.name for path in own.iterdir()] == ["mine"]
    stale = tmp_path / "stale" / ".ros" / "rosdep"
    stale.parent.mkdir(parents=True)
    stale.symlink_to("/nowhere")
    run(script, "true", HOME=str(tmp_path / "stale"))
    assert stale.readlink() == shared


@pytest.mark.parametrize("home", ["", "/nowhere/at/all", "/dev/null", "/proc/self"])
def test_without_a_home_the_command_runs_all_the_same(tmp_path: Path, home: str) -> None:
    script, _ = linking(tmp_path)
    done = run(script, "echo", "ran", HOME=home)
    assert (done.stdout, done.stderr, done.returncode) == ("ran\n", "", 0)
