"""The session folder: what is in it, for whom, and that it follows the login."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from robenv.host.acl import grant_access
from robenv.host.session.container_session import (
    ContainerSession,
    is_stale,
    open_session,
    prepare_session,
    refresh,
    session_needs,
)
from robenv.host.session.login import LoginSession, out_of_reach_text
from robenv.host.session.xauthority import LOCAL, Cookie, DisplayAddress, format_cookies, parse_cookies

ALL = ("x11", "wayland", "pulseaudio", "pipewire", "ssh_agent", "git")


def plan(folder: Path, parts: tuple[str, ...] = ALL, **changes: Any) -> dict[str, Any]:
    """As a container's label has it."""
    mounts = [
        {"kind": "bind", "source": str(folder.parent), "target": "/workspace"},
        {"kind": "bind", "source": str(folder / "session"), "target": "/run/robenv"},
    ]
    user = {"name": "dev", "uid": os.geteuid()}
    own = {"session": parts, "mounts": mounts, "user": user, "working_dir": "/workspace", "read_only": False}
    return {**own, "directory": str(folder.parent), **changes}


@pytest.fixture(autouse=True)
def _no_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "PULSE_SERVER", "PULSE_COOKIE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def listening(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server


def refreshed(folder: Path, login: LoginSession, parts: tuple[str, ...] = ALL, **changes: Any) -> dict[str, str]:
    asked = session_needs(plan(folder, parts, **changes))
    assert asked is not None
    return dict(setting.split("=", 1) for setting in refresh(asked, login).environment)


def test_a_container_without_a_session_has_none(tmp_path: Path) -> None:
    assert session_needs(plan(tmp_path, ())) is None
    with open_session(plan(tmp_path, ())) as session:
        assert session == ContainerSession()
    assert not is_stale(plan(tmp_path, ()), "2026-01-01T00:00:00Z")
    older = {key: value for key, value in plan(tmp_path).items() if key != "session"}
    assert session_needs(older) is None


def test_a_cookie_for_any_host_in_a_file_of_the_displays_own(tmp_path: Path) -> None:
    theirs = [Cookie(LOCAL, os.uname().nodename.encode(), str(n).encode(), b"MIT", bytes([n])) for n in (0, 10)]
    (tmp_path / ".Xauthority").write_bytes(format_cookies(theirs))
    for name, number in ((":0", 0), ("localhost:10.0", 10)):
        environment = refreshed(tmp_path, LoginSession(x11=name), ("x11",), network_mode="host")
        assert environment == {"DISPLAY": name, "XAUTHORITY": f"/run/robenv/Xauthority-{number}"}
    for number in (0, 10):
        file = tmp_path / "session" / f"Xauthority-{number}"
        (cookie,) = parse_cookies(file.read_bytes())
        assert (cookie.family, cookie.address, cookie.data) == (0xFFFF, b"", bytes([number]))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "session").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("display", "network", "out_of_reach"),
    [
        ("localhost:30.0", "", True),
        ("127.0.0.1:30", "bridge", True),
        ("localhost:30.0", "host", False),
        ("vm:50.0", "", False),
        (":0", "", False),
    ],
)
def test_a_display_that_the_network_does_not_reach_is_not_named(
    tmp_path: Path, display: str, network: str, out_of_reach: bool
) -> None:
    asked = session_needs(plan(tmp_path, ("x11",), network_mode=network))
    assert asked is not None
    found = refresh(asked, LoginSession(x11=display))
    assert ("DISPLAY" in "".join(found.environment)) is not out_of_reach
    assert found.no_display == ((out_of_reach_text(display),) if out_of_reach else ())
    assert found.missing == (), "it is told of once"


@pytest.mark.parametrize("is_dead", [False, True])
def test_a_socket_where_nobody_listens_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_dead: bool
) -> None:
    """And one where somebody does is not connected to: what comes up when it is wanted stays as it is."""
    path = tmp_path / "X7"
    server = listening(path)
    server.setblocking(False)
    if is_dead:
        server.close()
    monkeypatch.setattr(DisplayAddress, "socket", str(path))
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("WAYLAND_DISPLAY", str(path))
    with open_session(plan(tmp_path, ("x11", "wayland"))) as session:
        names = {setting.split("=")[0] for setting in session.environment}
    if is_dead:
        assert not names & {"DISPLAY", "WAYLAND_DISPLAY"}
        assert [text.split(" ")[0] for text in session.no_display] == ["DISPLAY", "WAYLAND_DISPLAY"]
        assert f"no X server answers there ({path})" in session.no_display[0]
        return
    assert names >= {"DISPLAY", "WAYLAND_DISPLAY"}
    assert session.no_display == ()
    with pytest.raises(BlockingIOError):
        server.accept()
    server.close()


@pytest.mark.parametrize("content", [None, b"", b"\x01\x00\x00", b"\xff" * 50])
def test_no_cookie_is_an_empty_file(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / ".Xauthority").write_bytes(content)
    assert refreshed(tmp_path, LoginSession(x11=":0"), ("x11",))["DISPLAY"] == ":0"
    assert (tmp_path / "session" / "Xauthority-0").read_bytes() == b""


def test_sockets_are_links_that_follow_their_servers(tmp_path: Path) -> None:
    path = tmp_path / "wayland-0"
    for _ in range(2):
        server = listening(path)
        for _ in range(2):
            environment = refreshed(tmp_path, LoginSession(wayland=str(path)), ("wayland",))
            assert environment == {"WAYLAND_DISPLAY": "/run/robenv/wayland-0"}
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "session" / "wayland-0"))
        server.close()
        path.unlink()
    assert sorted(file.name for file in (tmp_path / "session").iterdir()) == [".made", "wayland-0"]


def test_sound_comes_with_its_cookie(tmp_path: Path) -> None:
    with listening(tmp_path / "native"), listening(tmp_path / "pipewire-0"):
        (tmp_path / ".pulse-cookie").write_bytes(b"x" * 256)
        login = LoginSession(pulse=str(tmp_path / "native"), pipewire=str(tmp_path / "pipewire-0"))
        assert refreshed(tmp_path, login, ("pulseaudio", "pipewire")) == {
            "PULSE_SERVER": "unix:/run/robenv/pulse",
            "PULSE_COOKIE": "/run/robenv/pulse-cookie",
            "PIPEWIRE_REMOTE": "/run/robenv/pipewire-0",
        }
    assert refreshed(tmp_path, LoginSession(pulse="tcp:studio"), ("pulseaudio",))["PULSE_SERVER"] == "tcp:studio"


def test_wslgs_sockets_are_where_they_are(tmp_path: Path) -> None:
    login = LoginSession(wayland="/mnt/wslg/runtime-dir/wayland-0", pulse="/mnt/wslg/PulseServer")
    assert refreshed(tmp_path, login, ("wayland", "pulseaudio", "wslg")) == {
        "WAYLAND_DISPLAY": "/mnt/wslg/runtime-dir/wayland-0",
        "PULSE_SERVER": "unix:/mnt/wslg/PulseServer",
    }


def test_a_socket_on_another_file_system_is_named(tmp_path: Path) -> None:
    asked = session_needs(plan(tmp_path, ("wayland", "x11", "ssh_agent")))
    assert asked is not None
    session = refresh(asked, LoginSession(wayland="/proc/self/mounts"))
    assert session.environment == ()
    display, agent = session.missing
    assert display.startswith("display (/proc/self/mounts cannot be linked into ")
    assert agent == "ssh agent"
    assert refresh(asked, LoginSession(wayland="/proc/self/mounts", x11=":0", ssh_agent="/a")).missing == ()


def test_git_has_the_identity_and_the_workspace(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\nname = Ann\nemail = a@example.org\n[credential]\nhelper = store\n")
    refreshed(tmp_path, LoginSession(), ("git",))
    text = (tmp_path / "session" / "gitconfig").read_text()
    assert 'name = "Ann"' in text
    assert 'directory = "/workspace"' in text
    assert "credential" not in text
    assert "/etc/gitconfig" not in text
    refreshed(tmp_path, LoginSession(), ("git",), read_only=True)
    assert 'path = "/etc/gitconfig"' in (tmp_path / "session" / "gitconfig").read_text()


def test_the_agents_socket_is_there_for_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "session"
    with listening(tmp_path / "agent"):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        with open_session(plan(tmp_path, ("ssh_agent",))) as session:
            ((name, path),) = (setting.split("=") for setting in session.environment)
            socket_outside = folder / Path(path).name
            assert (name, Path(path).parent) == ("SSH_AUTH_SOCK", Path("/run/robenv"))
            assert stat.S_ISSOCK(socket_outside.stat().st_mode)
        assert not socket_outside.exists()
    with open_session(plan(tmp_path, ("ssh_agent",))) as session:
        assert session == ContainerSession(missing=("ssh agent",))


def test_sockets_of_those_that_were_killed_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    for name in ("agent.4194305", f"agent.{os.getppid()}", "agent.x"):
        (folder / name).touch()
    with listening(tmp_path / "agent"):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        with open_session(plan(tmp_path, ("ssh_agent",))):
            pass
    assert {path.name for path in folder.iterdir()} == {".made", f"agent.{os.getppid()}", "agent.x"}


def test_a_folder_made_anew_is_not_the_containers(tmp_path: Path) -> None:
    mine = plan(tmp_path)
    assert is_stale(mine, "2026-01-01T00:00:00.1Z")
    prepare_session(mine)
    now = time.time()
    later, earlier = (time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(now + by)) for by in (5, -5))
    assert not is_stale(mine, later)
    assert is_stale(mine, earlier)
    time.sleep(0.01)
    prepare_session(mine)
    assert not is_stale(mine, later)


def test_a_folder_that_cannot_be_made_keeps_no_command_from_running(tmp_path: Path) -> None:
    (tmp_path / "session").write_text("in the way")
    with open_session(plan(tmp_path)) as session:
        assert session.environment == ()


def test_another_uid_is_let_in_and_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(0o600)
    assert grant_access(str(file), os.geteuid(), 4)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert grant_access(str(file), 4242, 4)
    listed = os.getxattr(file, "system.posix_acl_access")
    assert (4242).to_bytes(4, "little") in listed
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 == 0
    assert not grant_access(str(tmp_path / "missing"), 4242, 4)
