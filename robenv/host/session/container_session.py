"""The login session, in a container: one folder for each container, refreshed before every command. Light.

A login's display, sockets and agent change while a container lives on, so nothing of them is part of the container: it
has the folder, at /run/robenv, and every command gets the variables that go with what the folder holds by then.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import Any, NamedTuple

from robenv.host.acl import grant_access
from robenv.host.host import reaches
from robenv.host.session.login import (
    WSLG,
    LoginSession,
    is_local_port,
    out_of_reach_text,
    pulse_cookies,
    read_login_session,
)
from robenv.paths import home_folder, is_private, own_folder_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from robenv.host.session.agent_relay import AgentRelay

INSIDE = "/run/robenv"
GITCONFIG = f"{INSIDE}/gitconfig"
_MADE = ".made"
"""A file as old as the folder. The folder's own times say something else."""
_ACCEPTS = "00010000"
"""The flag of a socket that listens, in /proc/net/unix."""
_COOKIES = 64 * 1024
_KINDS = (
    ("display", (("x11", "x11", "DISPLAY"), ("wayland", "wayland", "WAYLAND_DISPLAY"))),
    ("sound", (("pulseaudio", "pulse", "PULSE_SERVER"), ("pipewire", "pipewire", "PIPEWIRE_REMOTE"))),
    ("ssh agent", (("ssh_agent", "ssh_agent", ""),)),
)
"""What a person would miss: by kind, (part of a session, attribute of a Login, variable that says it is passed)."""


class SessionNeeds(NamedTuple):
    """What a container has of the session, as its plan says."""

    folder: str
    """On this machine."""
    parts: tuple[str, ...]
    uid: int
    """Of the user inside."""
    directory: str
    """The project's, where git is asked."""
    safe: tuple[str, ...]
    """Folders inside, shared with this machine, that git is to work in whomever they belong to."""
    read_only: bool
    is_apart: bool = True
    """Whether it is in a network of its own, where a display at a port of this machine's is not."""


class ContainerSession(NamedTuple):
    environment: tuple[str, ...] = ()
    """``NAME=value``, for one command."""
    missing: tuple[str, ...] = ()
    """What the container wants and this login has not, in words."""
    no_display: tuple[str, ...] = ()
    """Why a display that this login's variables name is not passed, in words."""


def session_needs(plan: Mapping[str, Any]) -> SessionNeeds | None:
    """Of a RunPlan as JSON; None for a container that has nothing of the session."""
    binds = {mount["target"]: mount["source"] for mount in plan["mounts"] if mount["kind"] == "bind"}
    parts = tuple(plan.get("session") or ())
    if not parts or INSIDE not in binds:
        return None
    safe = tuple(target for target, source in binds.items() if plan["directory"] == source)
    if plan["working_dir"] in binds:
        safe = tuple(dict.fromkeys((*safe, plan["working_dir"])))
    apart = plan.get("network_mode") != "host"
    return SessionNeeds(binds[INSIDE], parts, plan["user"]["uid"], plan["directory"], safe, plan["read_only"], apart)


def this_login() -> LoginSession:
    """What this process's variables and this machine have."""
    from robenv.host.session.agent_relay import answers

    bound = _listening()

    def hears(path: str) -> bool:
        # Connecting starts an X server that comes up when it is wanted; but then somebody listens already.
        return is_socket(path) and (path in bound or answers(path))

    return read_login_session(os.environ, os.geteuid(), hears, hears, reaches)


def _listening() -> frozenset[str]:
    """The Unix sockets of this network namespace where somebody listens: proc_net_unix(5)."""
    try:
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.rstrip("\n").split(None, 7) for line in file]
    except OSError:
        return frozenset()
    return frozenset(row[7] for row in rows if len(row) == 8 and row[3] == _ACCEPTS)


def is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def open_session(plan: Mapping[str, Any]) -> Iterator[ContainerSession]:
    """Refreshes a container's session for one command, which ends before this does: its ssh agent goes then.

    ``plan``: a RunPlan as JSON. Nothing of a session is worth keeping a command from running, so what cannot be had is
    left out.
    """
    asked = session_needs(plan)
    if asked is None:
        yield ContainerSession()
        return
    relay = None
    try:
        login = this_login()
        session = refresh(asked, login)
        if "ssh_agent" in asked.parts and login.ssh_agent:
            relay = _relay(asked, login.ssh_agent)
    except OSError:
        session = ContainerSession(missing=("everything: its folder cannot be written",))
    if relay is None:
        yield session
        return
    name = os.path.basename(relay.path)
    try:
        yield session._replace(environment=(*session.environment, f"SSH_AUTH_SOCK={INSIDE}/{name}"))
    finally:
        relay.close()


def prepare_session(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Refreshes what a container is about to start with; what it wants and this login has not, in words.

    ``plan``: a RunPlan as JSON. Raises OperationFailed where the folder cannot be made: the container has to have it.
    """
    asked = session_needs(plan)
    if asked is None:
        return ()
    try:
        return refresh(asked, this_login()).missing
    except OSError as error:
        from robenv.errors import OperationFailed

        hint = "it lies in /run/user/UID or, without that, below XDG_STATE_HOME (else ~/.local/state, else /tmp)"
        raise OperationFailed(
            f"the session's folder {asked.folder} cannot be written", details=str(error), hint=hint
        ) from error


def make_folder(asked: SessionNeeds) -> None:
    """Makes the folder, for this user and the one inside alone. Raises OSError."""
    own = own_folder_path(os.geteuid())
    if asked.folder.startswith(f"{own}/") and not is_private(own):
        raise PermissionError(f"{own} is another user's, or open to others")
    os.makedirs(os.path.dirname(asked.folder), mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(asked.folder, 0o700)
    grant_access(asked.folder, asked.uid, 5)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(os.path.join(asked.folder, _MADE), os.O_CREAT | os.O_EXCL, 0o600))


def is_stale(plan: Mapping[str, Any], started_at: str) -> bool:
    """Whether the container was started on an earlier folder, which went with its login: it still has that one.

    ``started_at`` as the engine says it, in UTC.
    """
    asked = session_needs(plan)
    if asked is None:
        return False
    try:
        made = os.stat(os.path.join(asked.folder, _MADE)).st_mtime
    except OSError:
        return True
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(made)) > started_at[:19]


def refresh(asked: SessionNeeds, login: LoginSession) -> ContainerSession:
    """Brings the folder up to date; all but the ssh agent, which needs somebody to serve it. Raises OSError."""
    make_folder(asked)
    environment: dict[str, str] = {}
    out_of_reach = login.x11 if "x11" in asked.parts and asked.is_apart and is_local_port(login.x11) else ""
    if "x11" in asked.parts and login.x11 and not out_of_reach:
        environment |= {"DISPLAY": login.x11, "XAUTHORITY": _write_cookie(asked, login.x11)}
    for part, path, name, variable in (
        ("wayland", login.wayland, "wayland", "WAYLAND_DISPLAY"),
        ("pulseaudio", login.pulse, "pulse", "PULSE_SERVER"),
        ("pipewire", login.pipewire, "pipewire", "PIPEWIRE_REMOTE"),
    ):
        if part in asked.parts and path:
            environment |= _socket(asked, path, name, variable)
    if "PULSE_SERVER" in environment:
        environment |= _pulse_cookie(asked)
    has_identity = "git" not in asked.parts or _write_git_config(asked)
    missing = tuple(text for text in _missing(asked, environment, login) if not (out_of_reach and "display" in text))
    no_display = [text for part, text in login.problems if part in ("x11", "wayland") and part in asked.parts]
    if out_of_reach:
        no_display.append(out_of_reach_text(out_of_reach))
    if not has_identity:
        missing = (*missing, "git identity")
    return ContainerSession(tuple(f"{name}={value}" for name, value in environment.items()), missing, tuple(no_display))


def _missing(asked: SessionNeeds, environment: Mapping[str, str], login: LoginSession) -> tuple[str, ...]:
    missing = []
    for kind, parts in _KINDS:
        mine = [(getattr(login, attribute), variable) for part, attribute, variable in parts if part in asked.parts]
        there = [value for value, _ in mine if value]
        if not mine or any(variable in environment or (value and not variable) for value, variable in mine):
            continue
        why = [f" ({path} cannot be linked into {asked.folder}: another file system, or not yours)" for path in there]
        missing.append(kind + "".join(why[:1]))
    return tuple(missing)


def _write_cookie(asked: SessionNeeds, display_name: str) -> str:
    """A file of its own for every display, since commands of two logins may run side by side. Its path inside."""
    from robenv.host.session.xauthority import cookies_for, format_cookies, parse_cookies, parse_display

    display = parse_display(display_name)
    path = os.environ.get("XAUTHORITY") or f"{home_folder()}/.Xauthority"
    cookies = [] if display is None else cookies_for(parse_cookies(_read(path) or b""), display, os.uname().nodename)
    name = f"Xauthority-{display.number if display else 0}"
    _write(asked, name, format_cookies(cookies))
    return f"{INSIDE}/{name}"


def _socket(asked: SessionNeeds, path: str, prefix: str, variable: str) -> dict[str, str]:
    """A link to the socket, so that it is there for as long as its server listens."""
    address = "unix:" if variable == "PULSE_SERVER" else ""
    if not path.startswith("/"):
        return {variable: path}
    real = os.path.realpath(path)
    if "wslg" in asked.parts and real.startswith(f"{WSLG}/"):
        return {variable: address + real}
    base = os.path.basename(path)
    name = prefix if prefix == "pulse" else base if base.startswith(f"{prefix}-") else f"{prefix}-{base}"
    if not _link(real, os.path.join(asked.folder, name)):
        return {}
    grant_access(real, asked.uid, 6)
    return {variable: f"{address}{INSIDE}/{name}"}


def _link(source: str, target: str) -> bool:
    temporary = f"{target}.{os.getpid()}"
    try:
        if os.path.lexists(target) and os.path.samestat(os.stat(source), os.lstat(target)):
            return True  # renaming a link to another of the same file does nothing, and leaves both
        os.link(source, temporary)
        os.replace(temporary, target)
    except OSError:
        return False  # on another file system, or another user's
    return True


def _pulse_cookie(asked: SessionNeeds) -> dict[str, str]:
    for path in pulse_cookies(os.environ):
        if cookie := _read(path):
            _write(asked, "pulse-cookie", cookie)
            return {"PULSE_COOKIE": f"{INSIDE}/pulse-cookie"}
    return {}


def _write_git_config(asked: SessionNeeds) -> bool:
    """Whether there is an identity."""
    from robenv.host.git.identity import git_config, git_identity

    identity = git_identity(asked.directory, os.environ)
    include = "/etc/gitconfig" if asked.read_only else ""
    _write(asked, "gitconfig", git_config(identity, asked.safe, include).encode())
    return bool(identity)


def _relay(asked: SessionNeeds, agent: str) -> AgentRelay | None:
    from robenv.host.session.agent_relay import AgentRelay

    _sweep(asked.folder)
    relay = AgentRelay(os.path.join(asked.folder, f"agent.{os.getpid()}"), agent)
    try:
        relay.start()
    except OSError:
        return None
    grant_access(relay.path, asked.uid, 6)
    return relay


def _sweep(folder: str) -> None:
    """Removes the sockets of those that were killed."""
    for name in os.listdir(folder):
        kind, _, pid = name.partition(".")
        if kind == "agent" and pid.isdigit() and (int(pid) == os.getpid() or not os.path.exists(f"/proc/{pid}")):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _read(path: str) -> bytes | None:
    """A small file's content; None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_COOKIES)
    except (OSError, ValueError):
        return None


def _write(asked: SessionNeeds, name: str, data: bytes) -> None:
    """In place of the one that was there, and never to be read by anybody but the two users. Raises OSError."""
    path = os.path.join(asked.folder, name)
    if _read(path) == data:
        return
    temporary = f"{path}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)
    grant_access(temporary, asked.uid, 4)
    os.replace(temporary, path)
