"""The questions of the probes, answered by a POSIX shell: the same as this process answers them itself."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.errors import RobotUnreachable
from robenv.host.host import LocalHost
from robenv.remote.remote_host import RemoteHost

SHELLS = [["sh"], ["bash", "--posix"]] + ([["busybox", "sh"]] if shutil.which("busybox") else [])


@pytest.fixture(params=SHELLS, ids=lambda argv: argv[0])
def remote(request: pytest.FixtureRequest) -> Iterator[RemoteHost]:
    host = RemoteHost(request.param)
    yield host
    host.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Names that a careless shell would trip over."""
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "x$(id).txt").write_text("one\ntwo\n")
    (tmp_path / "a b" / "y'\"`.txt").write_text("")
    (tmp_path / "link").symlink_to("a b")
    (tmp_path / "dead").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
    return tmp_path


def test_files_and_links(remote: RemoteHost, folder: Path) -> None:
    local = LocalHost()
    path = str(folder)
    questions = [
        ("read", f"{path}/a b/x$(id).txt"),
        ("read", f"{path}/a b/y'\"`.txt"),
        ("read", f"{path}/nowhere"),
        ("line", f"{path}/a b/x$(id).txt", "tw"),
        ("texts", f"{path}/a b/*.txt"),
        ("texts", f"{path}/no*"),
        ("glob", f"{path}/*"),
        ("glob", f"{path}/a b/[xy]*"),
        ("glob", f"{path}/$(touch gone)*"),
        ("link", f"{path}/link"),
        ("link", f"{path}/a b"),
        ("holding", f"{path}/a b/*", "one\ntwo"),
        *(("kind", f"{path}/{name}") for name in ("a b", "link", "dead", "s", "a b/x$(id).txt", "nowhere")),
        ("kind", "/dev/null"),
        ("uname",),
        ("user",),
        ("run", "sh", "-c", "echo $((1+1)); exit 3"),
        ("run", "robenvtest-no-such-program"),
    ]
    for question in questions:
        assert remote.ask(*question) == local.ask(*question), question


def test_devices(remote: RemoteHost) -> None:
    local = LocalHost()
    for path in ("/dev/null", "/dev/stdin", "/dev/tty", "/dev/nowhere", "/etc/hostname"):
        if path != "/dev/stdin":
            assert remote.ask("node", path) == local.ask("node", path), path
    here = {node[0]: node for node in local.ask("tree", "/dev")["nodes"]}
    there = {node[0]: node for node in remote.ask("tree", "/dev")["nodes"]}
    steady = {
        path for path in here if not path.startswith(("/dev/pts", "/dev/block/", "/dev/char/", "/dev/std", "/dev/fd"))
    }
    assert {path: there.get(path) for path in steady} == {path: here[path] for path in steady}


def test_a_shell_that_ends_is_a_robot_out_of_reach() -> None:
    host = RemoteHost(["true"])
    with pytest.raises(RobotUnreachable):
        host.ask("read", "/etc/hostname")
    host.close()
