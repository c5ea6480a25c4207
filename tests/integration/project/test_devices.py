"""Devices of the host in containers of a real engine, as an unprivileged user and by its group alone."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine.device_nodes import SCREEN, TERMINAL, Nodes, device_nodes
from tests.support.projects.project import ROBENV, Project, as_user

pytestmark = pytest.mark.engine

UID = 1000
GROUP = 7321
"""A group that no image has."""
DIALOUT = 20
"""A group that Debian's image has."""
MakeProject = Callable[..., Project]

WRITE = 'printf "line\\n" > "$1" && stty -F "$1" >/dev/null && echo wrote'
"""What writes to a terminal, and asks it for its settings."""


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with device_nodes() as made:
        yield made


@pytest.fixture
def tag() -> str:
    """A name that no other test's node has."""
    return f"robenvtest{uuid.uuid4().hex[:6]}"


def _up(project: Project) -> Project:
    """Up as UID 1000, whose folder it is."""
    os.chown(project.folder, UID, UID)
    project.run("up", user=UID)
    return project


def _own_cache(project: Project) -> Project:
    cache = Path(project.environ["XDG_CACHE_HOME"])
    cache.mkdir()
    os.chown(cache, UID, UID)
    return project


@pytest.fixture
def mine(project: MakeProject) -> MakeProject:
    return lambda profile: _own_cache(project(profile))


@pytest.fixture(scope="module")
def hotplugged(docker_api: Any, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One that is up, for tests that leave it as it is."""
    made = _own_cache(Project(tmp_path_factory.mktemp("hotplug") / "project", base_image, HOTPLUG))
    try:
        yield _up(made)
    finally:
        made.close(docker_api)


def _inside(project: Project, script: str, *words: str, check: int | None = 0) -> list[str]:
    done = project.run("exec", "--", "sh", "-c", script, "sh", *words, user=UID, check=check)
    return (done.stdout + (done.stderr if check != 0 else "")).splitlines()


def test_a_serial_port_by_node_stable_name_pattern_and_name_of_its_own(
    mine: MakeProject, nodes: Nodes, tag: str
) -> None:
    node = nodes.node(f"/dev/ttyUSB-{tag}", TERMINAL, gid=GROUP)
    other = nodes.node(f"/dev/ttyACM-{tag}0", SCREEN, gid=DIALOUT)
    link = nodes.link(f"/dev/serial/by-id/usb-{tag}-if00-port0", f"../../ttyUSB-{tag}")
    project = _up(
        mine(
            f"devices:\n  - {node}\n  - {link}\n  - ttyACM-{tag}*\n"
            f"  - {{by: serial/by-id/usb-{tag}*, name: lidar-{tag}}}\n"
        )
    )
    for path in (node, link, f"/dev/lidar-{tag}"):
        assert _inside(project, 'stat -c "%F %t:%T %g" "$1"', path) == [f"character special file 4:3c {GROUP}"]
        assert _inside(project, WRITE, path) == ["wrote"]
    assert _inside(project, 'stat -c %g "$1"; head -c1 "$1" >/dev/null && echo read', other) == [str(DIALOUT), "read"]
    # By number: one group has another name outside or none, the other is Debian's own.
    assert _inside(project, "id -u; id -G; id -Gn") == ["1000", f"1000 {DIALOUT} {GROUP}", f"dev dialout gid{GROUP}"]
    assert set(_inside(project, "ls /dev | grep -c tty")) == {"3"}, "no other terminal of the host: tty and these two"


def test_without_the_wish_there_is_no_device_and_no_group(mine: MakeProject, nodes: Nodes, tag: str) -> None:
    node = nodes.node(f"/dev/ttyUSB-{tag}", TERMINAL, gid=GROUP)
    project = _up(mine("display: none\n"))
    assert _inside(project, 'id -G; ls "$1" 2>/dev/null || echo none', node) == ["1000", "none"]


def test_what_is_missing_is_told_by_name_before_anything_is_built(mine: MakeProject, nodes: Nodes, tag: str) -> None:
    node = nodes.node(f"/dev/ttyUSB-{tag}", TERMINAL)
    nodes.file(f"/dev/plain-{tag}")
    link = nodes.link(f"/dev/serial/by-id/usb-{tag}-if00-port0", f"../../ttyUSB-{tag}")
    project = mine(f"devices:\n  - /dev/ttyUBS-{tag}\n  - /dev/serial/by-id\n  - plain-{tag}\n  - nothing-{tag}*\n")
    done = project.run("up", check=6)
    error = done.stderr
    assert f"robenv.yaml:4:5: there is no device /dev/ttyUBS-{tag}" in error
    assert f"there is {node}; serial devices here: " in error and link in error
    assert "/dev/serial/by-id is a folder, not a device" in error and "write /dev/serial/by-id/*" in error
    assert f"/dev/plain-{tag} is no device but a plain file" in error
    assert f"no device matches /dev/nothing-{tag}*" in error


def test_what_is_optional_is_a_note(mine: MakeProject, tag: str) -> None:
    project = mine(f"devices: [{{by: ttyUSB-{tag}, optional: true}}]\n")
    os.chown(project.folder, UID, UID)
    done = project.run("up", user=UID)
    assert f"there is no device /dev/ttyUSB-{tag}; it is optional" in done.stderr
    assert _inside(project, "echo up") == ["up"]


HOTPLUG = """\
devices:
  - {class: serial, hotplug: true}
run:
  device_cgroup_rules: ["c 7:* rw"]
  shm_size: 20mb
"""
"""The second rule is for a driver that answers: this machine has nothing plugged in whose class robenv knows."""


def test_what_is_plugged_in_later_is_usable_and_nothing_else_is(hotplugged: Project, nodes: Nodes, tag: str) -> None:
    project = hotplugged
    assert "dialout" in _inside(project, "id -Gn")[0].split()
    later = nodes.node(f"/dev/ttyACM-{tag}", SCREEN, gid=DIALOUT)
    link = nodes.link(f"/dev/serial/by-id/usb-{tag}", f"../../ttyACM-{tag}")
    for path in (later, link):
        assert _inside(project, 'head -c1 "$1" >/dev/null && echo read', path) == ["read"]
    # The kernel looks for the adapter (there is none) only once the cgroup has let the open pass.
    for numbers in ((188, 99), (166, 99)):
        unplugged = nodes.node(f"/dev/{tag}-{numbers[0]}", numbers, mode=0o666)
        assert "No such device or address" in _inside(project, '(: <"$1")', unplugged, check=2)[0]
    for name, refused in (("console", TERMINAL), ("memory", (1, 11)), ("video", (81, 0))):
        shut = nodes.node(f"/dev/{tag}-{name}", refused, mode=0o666)
        assert "Operation not permitted" in _inside(project, '(: <"$1")', shut, check=2)[0]
    nodes.remove()
    assert _inside(project, 'ls "$1" 2>/dev/null || echo gone', later) == ["gone"]


def test_the_hosts_dev_brings_nothing_else_along(hotplugged: Project, tag: str) -> None:
    project = hotplugged
    shared = Path(f"/dev/shm/{tag}")
    shared.touch()
    try:
        assert _inside(project, 'ls -A /dev/shm /dev/mqueue 2>/dev/null | grep -c "$1"', tag, check=1)[0] == "0"
    finally:
        shared.unlink()
    assert _inside(project, 'echo x > /dev/shm/"$1" && ls -l /dev/shm | wc -l', tag) == ["2"]
    assert not shared.exists()
    assert _inside(project, "df -B1 --output=size /dev/shm | tail -n1 | tr -d ' '; stat -c %a /dev/shm") == [
        "20971520",
        "1777",
    ]
    master, terminal = os.openpty()
    try:
        assert _inside(project, "ls /dev/pts") == ["ptmx"], "the host has a terminal at this moment"
    finally:
        os.close(master)
        os.close(terminal)
    name = project.plan(UID)["container"]
    root = ("docker", "exec", "-u", "0", name, "sh", "-c")
    for script in ("touch /dev/x", "mkdir /dev/x", "rm /dev/null", "chmod 777 /dev/loop0", "mknod /dev/x c 1 3"):
        done = subprocess.run([*root, script], capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "Read-only file system" in done.stderr, (script, done.stderr)
    stated = subprocess.run([*root, "stat -c %t:%T /dev/console"], capture_output=True, text=True, check=True)
    assert stated.stdout == "1:3\n"
    assert Path("/dev/null").is_char_device()


def test_terminals_work_where_dev_is_the_hosts(hotplugged: Project) -> None:
    project = hotplugged
    command = [*as_user(UID), *ROBENV, "exec", "--", "sh", "-c", "tty; ls /dev/pts; echo seen > /dev/tty; stty -a"]
    typed = ["script", "--quiet", "--return", "--command", subprocess.list2cmdline(command).replace("$", "\\$")]
    done = subprocess.run(
        [*typed, "/dev/null"], cwd=project.folder, env=project.environ, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "/dev/pts/0" in done.stdout and "seen" in done.stdout and "speed" in done.stdout
    run = project.run("run", "--", "sh", "-c", "echo once; ls /dev/pts", user=UID)
    assert run.stdout.splitlines() == ["once", "ptmx"]


def test_a_stopped_one_starts_again_and_leaves_nothing_on_the_engine(mine: MakeProject, docker_api: Any) -> None:
    project = _up(mine(HOTPLUG))
    project.run("stop", user=UID)
    project.run("up", user=UID)
    assert _inside(project, "ls /dev/pts; df -B1 --output=size /dev/shm | tail -n1 | tr -d ' '") == ["ptmx", "20971520"]
    mounts = docker_api.inspect_container(project.plan(UID)["container"])["Mounts"]
    terminals = next(mount["Name"] for mount in mounts if mount["Destination"] == "/dev/pts")
    project.run("down", "--volumes", user=UID)
    volumes = docker_api.volumes()["Volumes"] or []
    assert terminals not in {volume["Name"] for volume in volumes}
    assert terminals not in Path("/proc/self/mountinfo").read_text()
