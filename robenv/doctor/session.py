"""The login session: would a container's programs reach its display, its sound and its ssh agent, and who commits.

What no profile asks for and is not there is no finding: most robots and servers have none of it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from robenv.doctor.check import CheckContext, Finding
from robenv.host.facts import SessionFacts
from robenv.host.git.identity import git_identity
from robenv.host.host import Host, LocalHost
from robenv.host.probes.session import read_session
from robenv.host.session.handshake import agent_keys, display_answer
from robenv.host.session.xauthority import Cookie, DisplayAddress, cookies_for, parse_cookies, parse_display
from robenv.paths import home_folder
from robenv.util.sanitize import safe

_COOKIE_FILES = ("gdm/Xauthority", ".mutter-Xwaylandauth.*", "xauth_*", "lyxauth", "sddm*")
"""Where display managers keep them below /run/user/UID, for shells that have lost $XAUTHORITY."""
_AGENTS = ("keyring/ssh", "gcr/ssh", "openssh_agent", "ssh-agent.socket", "gnupg/S.gpg-agent.ssh")
_START_AGENT = 'eval "$(ssh-agent)" && ssh-add'


def display(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    session = _session(patient, host)
    if session is None:
        return
    found = parse_display(session.x11) if session.x11 else None
    if found:
        yield _x11(found)
    if session.wayland:
        yield Finding("display", "ok", f"Wayland at {session.wayland}")
    if session.wslg:
        yield Finding("display", "ok", "WSLg")
    wrong = [*_problems(session, "display", "DISPLAY", _other_display())]
    wrong += _problems(session, "display", "WAYLAND_DISPLAY", "unset WAYLAND_DISPLAY")
    yield from wrong
    if _asked(patient, "display") and not (found or session.wayland or wrong):
        yield Finding("display", "warning", "this shell has none: log in to a desktop, or `ssh -X`", _other_display(""))


def sound(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    session = _session(patient, host)
    if session is None:
        return
    there = (("PulseAudio", session.pulse), ("PipeWire", session.pipewire))
    for name, path in there:
        if path:
            yield Finding("sound", "ok", f"{name} at {path}")
    yield from _problems(session, "sound", "PULSE_SERVER", "unset PULSE_SERVER")
    yield from _problems(session, "sound", "PIPEWIRE_REMOTE", "unset PIPEWIRE_REMOTE")
    if _asked(patient, "audio") and not (session.pulse or session.pipewire):
        yield Finding("sound", "warning", "no PulseAudio or PipeWire server runs for this user", _start_sound())


def agent(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    session = _session(patient, host)
    if session is None:
        return
    other = next((path for path in _below_runtime(*_AGENTS) if agent_keys(path)), "")
    start = f"export SSH_AUTH_SOCK={shlex.quote(other)}" if other else _START_AGENT
    if session.ssh_agent:
        keys = agent_keys(session.ssh_agent)
        if keys:
            yield Finding("ssh agent", "ok", f"{keys} {'key' if keys == 1 else 'keys'} at {session.ssh_agent}")
        elif keys == 0:
            yield Finding("ssh agent", "warning", f"the agent at {session.ssh_agent} has no keys", "ssh-add")
        else:
            text = f"what listens at {session.ssh_agent} does not answer as an agent does"
            yield Finding("ssh agent", "warning", text, start)
    yield from _problems(session, "ssh agent", "SSH_AUTH_SOCK", start)
    if _asked(patient, "ssh_agent") and not (session.ssh_agent or os.environ.get("SSH_AUTH_SOCK")):
        yield Finding("ssh agent", "warning", "SSH_AUTH_SOCK is not set: this shell has no agent", start)


def git(patient: CheckContext) -> Iterator[Finding]:
    if patient.project is None or not patient.project.resolved.profile.git:
        return
    if shutil.which("git") is None:
        text = "there is no git on this machine to say who you are"
        yield Finding("git identity", "warning", text, "sudo apt-get install git", safe=True)
        return
    folder = str(patient.project.files.root)
    if complaint := _git_complaint(folder):
        yield Finding("git identity", "warning", f"git cannot read its configuration: {complaint}")
        return
    identity = git_identity(folder, os.environ)
    for key, example in (("name", "Your Name"), ("email", "you@example.org")):
        if key not in identity:
            text = f"git has no user.{key} for this project, and so none inside"
            yield Finding("git identity", "warning", text, f'git config --global user.{key} "{example}"')
    if len(identity) == 2:
        yield Finding("git identity", "ok", f"{identity['name']} <{identity['email']}>")


def _git_complaint(folder: str) -> str:
    """What git says where it cannot read its configuration: it does so with another exit code than 1, nothing found."""
    command = ["git", "-C", folder, "config", "--get", "user.name"]
    asked = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return safe(asked.stderr.strip().rpartition("\n")[2]) if asked.returncode > 1 else ""


def _session(patient: CheckContext, host: Host | None) -> SessionFacts | None:
    """None where the engine is on another machine, which nothing of this login reaches."""
    if patient.info is not None and not patient.info.endpoint.startswith("unix://"):
        return None
    return read_session(host or LocalHost())


def _asked(patient: CheckContext, key: str) -> bool:
    """What is required and not there is told of with the project."""
    return patient.project is not None and getattr(patient.project.resolved.profile, key) not in ("none", "required")


def _problems(session: SessionFacts, check: str, variable: str, fix: str) -> Iterator[Finding]:
    for text in session.problems:
        if text.split(" ", 1)[0] == variable:
            yield Finding(check, "warning", text, fix)


def _x11(found: DisplayAddress) -> Finding:
    """Whether its server lets this user in, asked of the server itself."""
    path = os.environ.get("XAUTHORITY") or f"{home_folder()}/.Xauthority"
    answer = _lets_in(found, path)
    if answer:
        return Finding("display", "ok", f"X11 at {found.name}, which lets you in")
    if answer is None:
        return Finding("display", "warning", f"no X server answers at {found.name}", _other_display())
    for other in _below_runtime(*_COOKIE_FILES):
        if _lets_in(found, other):
            text = f"the X server {found.name} refuses the cookie in {path}, and takes the one in {other}"
            return Finding("display", "warning", text, f"export XAUTHORITY={shlex.quote(other)}")
    text = f"the X server {found.name} refuses you: {path} has no cookie that it takes; in a terminal of that desktop:"
    return Finding("display", "warning", text, f"xhost +SI:localuser:{_user_name()}")


def _lets_in(found: DisplayAddress, path: str) -> bool | None:
    cookies: list[Cookie | None] = []
    with suppress(OSError):
        cookies += cookies_for(parse_cookies(Path(path).read_bytes()), found, os.uname().nodename)
    answers = [display_answer(found, cookie) for cookie in cookies or [None]]
    return True if True in answers else answers[0]


def _other_display(otherwise: str = "unset DISPLAY") -> str:
    """The command that names a display which is there."""
    sockets = sorted(Path("/tmp/.X11-unix").glob("X[0-9]*"))  # noqa: S108
    for number in (path.name[1:] for path in sockets):
        if number.isdigit() and display_answer(DisplayAddress("", int(number)), None) is not None:
            return f"export DISPLAY=:{number}"
    return otherwise


def _start_sound() -> str:
    if shutil.which("pipewire-pulse"):
        return "systemctl --user start pipewire-pulse.socket"
    return "pulseaudio --start" if shutil.which("pulseaudio") else "sudo apt-get install pipewire-pulse"


def _below_runtime(*patterns: str) -> list[str]:
    folder = Path(f"/run/user/{os.geteuid()}")
    return [str(path) for pattern in patterns for path in sorted(folder.glob(pattern))]


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"#{os.geteuid()}"
