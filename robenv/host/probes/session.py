"""What the login session has, as facts: what ``robenv.host.session.login`` sees, on any host. Light."""

from __future__ import annotations

from robenv.host.session.login import WSLG, LoginSession, read_login_session, session_base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.host.facts import SessionFacts
    from robenv.host.host import Host

X11_SOCKETS = "/tmp/.X11-unix"  # noqa: S108


class _Variables(dict[str, str]):
    """The environment of a host, asked for one variable at a time."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        return self._host.variable(key) or default


def read_session(host: Host) -> SessionFacts:
    """Problems are told as sentences."""
    from robenv.host.facts import SessionFacts

    login = _look(host, asks_display=True)
    return SessionFacts(
        x11=login.x11,
        x11_sockets=host.kind(X11_SOCKETS) == "folder",
        wayland=login.wayland,
        wslg=host.kind(WSLG) == "folder",
        pulse=login.pulse,
        pipewire=login.pipewire,
        ssh_agent=login.ssh_agent,
        problems=tuple(text for _, text in login.problems),
        folder=_folder(host),
    )


def parts_there(host: Host) -> list[str]:
    """Which of the session's parts are there. Only this may change a plan: where they are does not, but for a display
    that is reached over the network, as ssh forwards one."""
    login = _look(host)
    far = ["network"] if login.x11 and not login.x11.startswith(":") else []
    there = [part for part in ("x11", "wayland", "pulse", "pipewire", "ssh_agent") if getattr(login, part)]
    return [_folder(host), *there, *far, *(path for path in (X11_SOCKETS, WSLG) if host.kind(path) == "folder")]


def _folder(host: Host) -> str:
    return session_base(_Variables(host), host.user()[0], lambda path: host.kind(path) == "folder", host.can_hold)


def _look(host: Host, asks_display: bool = False) -> LoginSession:
    def is_socket(path: str) -> bool:
        return host.kind(path) == "socket"

    return read_login_session(_Variables(host), host.user()[0], is_socket, host.listens, host.reaches, asks_display)
