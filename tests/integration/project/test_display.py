"""Windows and sound out of a container, on real servers, as a user who is not root."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine.desktop import Desktop, until
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

UID = 4711
"""Of nobody, so that a login's folder can be made for it."""

Make = Callable[[str], Project]


@pytest.fixture
def desktop() -> Iterator[Desktop]:
    made = Desktop(UID)
    yield made
    made.close()


@pytest.fixture
def mine(docker_api: Any, tmp_path: Path, desktop: Desktop) -> Iterator[Make]:
    with desktop.projects(docker_api, tmp_path) as make:
        yield make


def pixels(desktop: Desktop) -> list[bytes]:
    """What the X server shows: four bytes for every pixel, a line for every row."""
    picture = desktop.output("xwd", "-root", "-silent")
    numbers = [int.from_bytes(picture[at : at + 4], "big") for at in range(0, 100, 4)]
    header, width, colours = numbers[0], numbers[4], numbers[19]
    row = numbers[12]
    assert numbers[11] == 32, "bits per pixel"
    data = picture[header + colours * 12 :]
    return [data[at : at + 4 * width] for at in range(0, len(data), row)]


def red(desktop: Desktop, rows: slice) -> int:
    """How many pixels of these rows are red."""
    return sum(row[at : at + 3] == b"\0\0\xff" for row in pixels(desktop)[rows] for at in range(0, len(row), 4))


def test_a_window_shows_on_the_hosts_screen(mine: Make, desktop: Desktop) -> None:
    desktop.start_x()
    project = mine("display: auto\n")
    assert project.run("up", "--", "id", "-u", user=UID).stdout == f"{UID}\n"
    process = desktop.robenv(project, "exec", "--", "xeyes", "-geometry", "300x200+50+60", "-center", "red")
    try:
        until(lambda: '"xeyes": ("xeyes" "XEyes")  300x200+50+60' in desktop.windows(), process)
        until(lambda: red(desktop, slice(60, 260)) > 10_000, process)
        assert red(desktop, slice(260, 480)) == 0
    finally:
        desktop.end(process)
    once = desktop.robenv(project, "run", "--", "xclock", "-geometry", "100x100+0+0")
    try:
        until(lambda: '"xclock"' in desktop.windows(), once)
    finally:
        desktop.end(once)


def test_who_has_another_cookie_is_refused_and_a_new_one_is_taken_up_at_once(mine: Make, desktop: Desktop) -> None:
    desktop.start_x()
    project = mine("display: x11\n")
    look = ("exec", "--", "timeout", "2", "xeyes")
    project.run("up", "-d", user=UID)
    project.run(*look, user=UID, check=124)
    good = Path(desktop.environ["XAUTHORITY"]).read_bytes()
    Path(desktop.environ["XAUTHORITY"]).write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "Invalid MIT-MAGIC-COOKIE-1 key" in project.run(*look, user=UID, check=1).stderr
    Path(desktop.environ["XAUTHORITY"]).unlink()
    assert "Authorization required" in project.run(*look, user=UID, check=1).stderr
    project.environ["XAUTHORITY"] = str(desktop.home / "elsewhere")
    (desktop.home / "elsewhere").write_bytes(good)
    project.run(*look, user=UID, check=124)


def test_the_cookie_is_for_the_two_users_alone(mine: Make, desktop: Desktop) -> None:
    desktop.start_x()
    project = mine("display: x11\n")
    done = project.run("up", "--", "sh", "-c", 'stat -c "%a %U" $XAUTHORITY /run/robenv', user=UID)
    assert done.stdout == "600 dev\n700 dev\n"
    denied = project.run("up", "--", "sh", "-c", "touch /run/robenv/x; stat -c %a:%U $XDG_RUNTIME_DIR", user=UID)
    assert "Read-only file system" in denied.stderr
    assert denied.stdout == "700:dev\n"
    outside = next((desktop.runtime / "robenv").iterdir())
    assert [path.stat().st_mode & 0o077 for path in (outside, *outside.iterdir())] == [0] * (
        1 + len([*outside.iterdir()])
    )


def test_another_uid_inside_reads_the_cookie_too(mine: Make, desktop: Desktop) -> None:
    desktop.start_x()
    desktop.start_agent("other")
    project = mine("display: x11\nssh_agent: auto\nuser: {uid: 4242, gid: 4242}\n")
    script = "id -u; ssh-add -l; timeout 2 xeyes"
    done = project.run("up", "--", "sh", "-c", script, user=UID, check=124)
    assert done.stdout.startswith("4242\n256 SHA256:")


def test_a_display_that_makes_no_sense_is_told_and_kills_nothing(mine: Make, desktop: Desktop) -> None:
    project = mine("display: auto\n")
    project.environ["DISPLAY"] = "banana"
    done = project.run("up", "--", "sh", "-c", "echo [$DISPLAY]", user=UID)
    assert done.stdout == "[]\n"
    assert done.stderr.count("DISPLAY is 'banana', which names no display") == 1
    assert "not in this login session: display" in done.stderr
    project.write("display: required\n")
    refused = project.run("up", "--", "true", user=UID, check=6)
    assert "robenv.yaml:3" in refused.stderr
    assert "banana" in refused.stderr
    assert "ssh -X" in refused.stderr


def test_nobody_without_a_display_is_nagged(mine: Make, desktop: Desktop) -> None:
    project = mine("display: auto\naudio: auto\nssh_agent: auto\n")
    first = project.run("up", "-d", user=UID)
    assert "not in this login session: display, sound, ssh agent" in first.stderr
    assert project.run("up", "-d", user=UID).stderr == ""


def test_a_wayland_client_shows_frames_and_a_new_compositor_is_found(mine: Make, desktop: Desktop) -> None:
    compositor = desktop.start_wayland()
    project = mine("display: wayland\n")
    script = "WAYLAND_DEBUG=1 timeout 3 weston-simple-shm 2>&1 | grep -c 'wl_callback.*done('"
    assert int(project.run("up", "--", "sh", "-c", script, user=UID).stdout) > 10
    shell = desktop.robenv(project, "exec", "--", "sleep", "60")  # so that the same container has to do
    try:
        desktop.end(compositor)
        assert project.run("exec", "--", "sh", "-c", "echo [$WAYLAND_DISPLAY]", user=UID).stdout == "[]\n"
        desktop.start_wayland()
        assert int(project.run("exec", "--", "sh", "-c", script, user=UID).stdout) > 10
    finally:
        desktop.end(shell)


def test_sound_reaches_the_hosts_server(mine: Make, desktop: Desktop) -> None:
    desktop.start_pulse()
    project = mine("audio: auto\n")
    play = "head -c 200000 /dev/zero | timeout 20 pacat --raw && pactl info | grep 'Server Name'"
    assert project.run("up", "--", "sh", "-c", play, user=UID).stdout == "Server Name: pulseaudio\n"


def test_a_login_that_ended_is_noticed(mine: Make, desktop: Desktop, docker_api: Any) -> None:
    desktop.start_x()
    project = mine("display: x11\n")
    project.run("up", "-d", user=UID)
    container = json.loads(project.run("plan", "--json", user=UID).stdout)["container"]
    first = docker_api.inspect_container(container)
    time.sleep(1.1)
    shutil.rmtree(desktop.runtime / "robenv")  # as the login manager does
    busy = desktop.robenv(project, "exec", "--", "sleep", "60")
    try:
        until(lambda: "sleep 60" in str(docker_api.top(container)), busy)
        told = project.run("exec", "--", "true", user=UID).stderr
        assert "started in a login that has ended" in told
        project.run("up", "-d", user=UID)
        assert docker_api.inspect_container(container)["State"]["StartedAt"] == first["State"]["StartedAt"]
    finally:
        desktop.end(busy)
    project.run("up", "--", "timeout", "2", "xeyes", user=UID, check=124)
    again = docker_api.inspect_container(container)
    assert again["Id"] == first["Id"]
    assert again["State"]["StartedAt"] != first["State"]["StartedAt"]
