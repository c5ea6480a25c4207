"""What a login has is read from its variables; sockets are where a table says they are."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.host.session.login import LoginSession, pulse_cookies, read_login_session, session_base


def login(
    *sockets: str, agents: Any = (), reached: Any = (), asks_display: bool = False, **environ: str
) -> LoginSession:
    def reaches(name: str, port: int) -> bool:
        return (name, port) in reached

    return read_login_session(
        environ, 1000, lambda path: path in sockets, lambda path: path in agents, reaches, asks_display=asks_display
    )


def test_nothing_is_there_and_nothing_is_wrong() -> None:
    assert login() == LoginSession()


def test_a_desktop() -> None:
    run = "/run/user/1000"
    sockets = ("/tmp/.X11-unix/X0", f"{run}/wayland-0", f"{run}/pulse/native", f"{run}/pipewire-0")
    found = login(
        *sockets,
        agents=(f"{run}/keyring/ssh",),
        DISPLAY=":0",
        WAYLAND_DISPLAY="wayland-0",
        XDG_RUNTIME_DIR=run,
        SSH_AUTH_SOCK=f"{run}/keyring/ssh",
    )
    assert found == LoginSession(":0", sockets[1], sockets[2], sockets[3], f"{run}/keyring/ssh")


def test_a_shell_that_lost_its_variables_finds_the_sockets_of_its_user() -> None:
    found = login("/run/user/1000/wayland-0", "/run/user/1000/pulse/native", XDG_RUNTIME_DIR="relative")
    assert (found.wayland, found.pulse) == ("/run/user/1000/wayland-0", "/run/user/1000/pulse/native")


@pytest.mark.parametrize(
    ("environ", "part", "words"),
    [
        ({"DISPLAY": "banana"}, "x11", "names no display"),
        ({"DISPLAY": ":7"}, "x11", "no X server answers there (/tmp/.X11-unix/X7)"),
        ({"DISPLAY": "localhost:30.0"}, "x11", "no X server answers there (port 6030 of localhost)"),
        ({"WAYLAND_DISPLAY": "wayland-3"}, "wayland", "no socket is at /run/user/1000/wayland-3"),
        ({"PULSE_SERVER": "unix:/gone"}, "pulse", "no socket is at /gone"),
        ({"PIPEWIRE_REMOTE": "/gone"}, "pipewire", "no socket is at /gone"),
        ({"SSH_AUTH_SOCK": "/gone"}, "ssh_agent", "no agent answers there"),
    ],
)
def test_what_a_variable_names_and_is_not_so_is_told(environ: dict[str, str], part: str, words: str) -> None:
    found = login(**environ)  # type: ignore[arg-type]  # whose keys are variables
    ((told, text),) = found.problems
    assert told == part
    assert words in text
    assert text.startswith(f"{next(iter(environ))} is ")
    assert found == LoginSession(problems=found.problems)


def test_a_display_by_tcp_has_to_take_connections() -> None:
    assert login(DISPLAY="localhost:10.0", reached=[("localhost", 6010)]) == LoginSession(x11="localhost:10.0")


def test_a_display_whose_server_is_gone_is_none_where_that_is_asked() -> None:
    there = "/tmp/.X11-unix/X0"
    assert login(there, DISPLAY=":0").x11 == ":0"
    assert login(there, DISPLAY=":0", asks_display=True).x11 == ""
    assert login(there, agents=[there], DISPLAY=":0", asks_display=True) == LoginSession(x11=":0")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("unix:/s", "/s"),
        ("/s", "/s"),
        ("{4f2c}unix:/s", "/s"),
        ("unix:/s tcp:studio", "/s"),
        ("tcp:studio:4713", "tcp:studio:4713"),
        ("studio", "studio"),
    ],
)
def test_servers_of_pulseaudio(value: str, found: str) -> None:
    assert login("/s", PULSE_SERVER=value).pulse == found


def test_an_absolute_path_is_taken_as_it_is() -> None:
    assert login("/else/wl", WAYLAND_DISPLAY="/else/wl").wayland == "/else/wl"
    assert login("/pw/mine", PIPEWIRE_RUNTIME_DIR="/pw", PIPEWIRE_REMOTE="mine").pipewire == "/pw/mine"


def test_where_session_folders_lie() -> None:
    environ = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/somewhere"}

    def base(held: bool, folder: str = "") -> str:
        return session_base(environ, 1000, lambda path: path == folder, lambda path, home: held)

    assert base(True, "/run/user/1000") == "/run/user/1000/robenv"
    assert base(True) == "/home/ann/.local/state/robenv/session"
    assert base(False) == "/tmp/robenv-1000/robenv/session"
    environ["XDG_STATE_HOME"] = "/state"
    assert base(True) == "/state/robenv/session"


def test_where_pulseaudios_cookie_may_be() -> None:
    assert pulse_cookies({"HOME": "/h", "PULSE_COOKIE": "/c"}) == ["/c", "/h/.config/pulse/cookie", "/h/.pulse-cookie"]
