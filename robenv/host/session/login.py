"""What this user's login session has: display, sound, ssh agent. Light: the quick way in imports this.

Only looks at variables and asks the given functions, so that the same holds for a machine that was recorded.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from robenv.host.session.xauthority import parse_display
from robenv.paths import own_folder_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WSLG = "/mnt/wslg"
"""Where Windows puts the sockets of its display and its sound."""


class LoginSession(NamedTuple):
    """Sockets by their absolute paths; "" for what is not there."""

    x11: str = ""
    """$DISPLAY, without this machine's name in it."""
    wayland: str = ""
    pulse: str = ""
    """A socket, or a server's address as $PULSE_SERVER has it: ``tcp:studio:4713``."""
    pipewire: str = ""
    ssh_agent: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    """What the variables name and is not so, as (part, text)."""


X_TCP = 6000
"""The port of display 0, by X(7)."""

Probe = tuple[str, tuple[str, str] | None]
"""What was found, and the problem that was met."""


def read_login_session(
    environ: Mapping[str, str],
    uid: int,
    is_socket: Callable[[str], bool],
    answers: Callable[[str], bool],
    reaches: Callable[[str, int], bool],
    asks_display: bool = False,
) -> LoginSession:
    """``is_socket``: whether a path is a socket; ``answers``: whether a program listens at it; ``reaches``: whether one
    does at a host's port. ``asks_display``: a display's socket has to answer as well; that starts an X server which
    comes up when it is wanted, so it is not done for every command."""
    folder = runtime_folder(environ, uid)
    found = {
        "x11": _x11(environ, answers if asks_display else is_socket, reaches),
        "wayland": _socket(environ, "WAYLAND_DISPLAY", "wayland-0", folder, is_socket),
        "pulse": _pulse(environ, folder, is_socket),
        "pipewire": _socket(
            environ, "PIPEWIRE_REMOTE", "pipewire-0", _absolute(environ, "PIPEWIRE_RUNTIME_DIR") or folder, is_socket
        ),
        "ssh_agent": _agent(environ, answers),
    }
    problems = tuple(problem for _, problem in found.values() if problem)
    return LoginSession(**{part: value for part, (value, _) in found.items()}, problems=problems)


def runtime_folder(environ: Mapping[str, str], uid: int) -> str:
    """$XDG_RUNTIME_DIR, or what the login manager calls it where a shell has lost the variable (su, cron, tmux)."""
    return _absolute(environ, "XDG_RUNTIME_DIR") or f"/run/user/{uid}"


def session_base(
    environ: Mapping[str, str], uid: int, is_folder: Callable[[str], bool], can_hold: Callable[[str, str], bool]
) -> str:
    """Where the session folders of this user's containers lie: with the login's sockets, so that those can be linked
    there; else with the user's state; else among the temporary files. Which of them does not depend on
    $XDG_RUNTIME_DIR, as commands without it (of cron, of su) would then want other containers. ``can_hold`` as in
    robenv.paths."""
    runtime = f"/run/user/{uid}"
    if is_folder(runtime):
        return f"{runtime}/robenv"
    named, home = _absolute(environ, "XDG_STATE_HOME"), _absolute(environ, "HOME").rstrip("/")
    state = named or (f"{home}/.local/state" if home else "")
    if state and can_hold(state, "" if named else home):
        return f"{state}/robenv/session"
    return f"{own_folder_path(uid)}/robenv/session"


def is_local_port(display: str) -> bool:
    """Whether a display is at a port of the machine's own loopback, as ``ssh -X`` has them: no other network reaches
    it."""
    return display.startswith(("localhost:", "127.", "::1", "[::1"))


def out_of_reach_text(display: str) -> str:
    """Of such a display, where the container has a network of its own."""
    return f"the display {display} is at a port of this machine's own network: it needs `run.network_mode: host`"


def pulse_cookies(environ: Mapping[str, str]) -> list[str]:
    """Where PulseAudio's cookie may be, the likeliest first."""
    home = environ.get("HOME", "")
    config = _absolute(environ, "XDG_CONFIG_HOME") or f"{home}/.config"
    return [
        path for path in (environ.get("PULSE_COOKIE", ""), f"{config}/pulse/cookie", f"{home}/.pulse-cookie") if path
    ]


def _absolute(environ: Mapping[str, str], name: str) -> str:
    """The variable's value; "" for a relative path, which its specification says to ignore."""
    value = environ.get(name, "")
    return value if value.startswith("/") else ""


def _x11(environ: Mapping[str, str], is_there: Callable[[str], bool], reaches: Callable[[str, int], bool]) -> Probe:
    text = environ.get("DISPLAY", "")
    if not text:
        return "", None
    display = parse_display(text)
    if display is None:
        return "", ("x11", f"DISPLAY is {text!r}, which names no display (one is named as :0 or localhost:10.0)")
    if display.socket and not is_there(display.socket):
        return "", ("x11", f"DISPLAY is {text}, and no X server answers there ({display.socket})")
    if not display.socket and not reaches(display.host, X_TCP + display.number):
        port = f"port {X_TCP + display.number} of {display.host}"
        return "", ("x11", f"DISPLAY is {text}, and no X server answers there ({port}): has that login ended?")
    return display.name, None


def _socket(
    environ: Mapping[str, str], variable: str, default: str, folder: str, is_socket: Callable[[str], bool]
) -> Probe:
    """Of a name in the runtime folder, or an absolute path. Without the variable the default name counts."""
    named = environ.get(variable, "")
    path = posixpath.join(folder, named or default)
    if is_socket(path):
        return path, None
    part = "wayland" if variable == "WAYLAND_DISPLAY" else "pipewire"
    return "", (part, f"{variable} is {named}, and no socket is at {path}") if named else None


def _pulse(environ: Mapping[str, str], folder: str, is_socket: Callable[[str], bool]) -> Probe:
    named = environ.get("PULSE_SERVER", "").split(" ", 1)[0]
    server = named.partition("}")[2] if named.startswith("{") else named  # {machine ID} before the address
    path = server.removeprefix("unix:")
    if server and not path.startswith("/"):
        return server, None
    default = _absolute(environ, "PULSE_RUNTIME_PATH") or f"{folder}/pulse"
    path = path or f"{default}/native"
    if is_socket(path):
        return path, None
    return "", ("pulse", f"PULSE_SERVER is {named}, and no socket is at {path}") if named else None


def _agent(environ: Mapping[str, str], answers: Callable[[str], bool]) -> Probe:
    path = environ.get("SSH_AUTH_SOCK", "")
    if not path:
        return "", None
    if answers(path):
        return path, None
    return "", ("ssh_agent", f"SSH_AUTH_SOCK is {path}, and no agent answers there")
