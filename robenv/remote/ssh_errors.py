"""Why a robot could not be logged in to, or why its engine could not be opened: what was seen, in a robot's name."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from robenv.errors import RobenvError, RobotRefused, RobotUnreachable
from robenv.remote.inventory import Robot
from robenv.util.sanitize import in_command, safe

_KEPT = 2000
"""Characters of what ssh says that an error shows."""

LOOK = (
    'p=$1; r=$(readlink -f "$p"); '
    'if test -S "$p"; then echo there; fi; if test -w "$p"; then echo open; fi; '
    "if command -v docker >/dev/null; then echo cli; fi; "
    'if curl -s -m 5 --unix-socket "$p" http://localhost/_ping 2>/dev/null | grep -q OK; then echo answers; fi; '
    "while read -r a b c flags d e f path; do case $flags,$path in "
    '00010000,"$p"|00010000,"$r"|00010000,"/var$r") echo answers; break;; esac; done </proc/net/unix; '
    "id -un"
)
"""Looks, over there, at an engine's socket. 00010000 in /proc/net/unix: somebody listens. The user's name is last."""


@dataclass(frozen=True)
class SocketProbe:
    """What LOOK found. ``answers`` False: it was not seen to; the listener may be in another network namespace."""

    there: bool
    open: bool
    answers: bool
    cli: bool
    user: str

    @classmethod
    def of(cls, output: bytes) -> SocketProbe:
        *words, user = output.decode(errors="replace").split() or [""]
        return cls("there" in words, "open" in words, "answers" in words, "cli" in words, safe(user) or "this user")


def engine_refused(robot: Robot, seen: SocketProbe, details: str, denied: bool = False) -> RobotRefused:
    """Why the engine's socket on a robot, which ssh forwards, gave no engine. ``denied``: its own word."""
    name, path = robot.name, robot.docker_host
    if not seen.there:
        hint = "is an engine installed and running there? robenv_docker_host in robots.yaml says where else it listens"
        return RobotRefused(f"{name}: no engine listens at {path}", details=details, hint=hint)
    if denied or not seen.open:
        # Its own word for who it is, in a command that somebody with sudo is to copy.
        hint = (
            f"on the robot: `sudo usermod -aG docker {in_command(seen.user, 'USER')}`, then log in anew; "
            "or name a socket that this user may open: robenv_docker_host in robots.yaml"
        )
        return RobotRefused(f"{name}: {seen.user} may not open its engine's socket {path}", hint=hint)
    forwarding = "AllowStreamLocalForwarding yes, no DisableForwarding, no `restrict` for the key"
    if seen.answers:
        return RobotRefused(
            f"{name}: its sshd does not forward connections to the engine's socket",
            details=f"the engine listens at {path}, and a connection through ssh is closed at once",
            hint=f"its sshd_config needs {forwarding}; or install the docker CLI there, which robenv uses instead",
        )
    return RobotRefused(
        f"{name}: its engine does not answer",
        details=details,
        hint=f"on the robot: `systemctl status docker`. If it runs, its sshd may forbid forwarding: {forwarding}",
    )


def other_command(robot: Robot, printed: str) -> RobotRefused:
    """The error for a login that runs something else than the command it is sent."""
    return RobotRefused(
        f"{robot.name}: the login does not run the commands that ssh sends",
        details=essence(printed),
        hint="robenv needs a shell there: look at ForceCommand in its sshd_config, command= in authorized_keys, and the"
        " user's login shell",
    )


def with_robot_name(robot: Robot, error: RobenvError) -> RobenvError:
    """The error, with whose it is, by the name that the inventory gives the robot."""
    if not error.message.startswith(f"{robot.name}: "):
        error.message = f"{robot.name}: {error.message}"
        error.args = (error.message,)
    return error


_REASONS: tuple[tuple[tuple[str, ...], type[RobotUnreachable] | type[RobotRefused], str, str], ...] = (
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key for"),
        RobotRefused,
        "its host key has changed: it was set up anew, or something else answers in its place",
        "if it was set up anew: `ssh-keygen -R {known_as}`, then log in once with ssh and compare the key",
    ),
    (
        ("Host key verification failed", "No ED25519 host key is known", "host key is known for"),
        RobotRefused,
        "its host key is not known on this machine",
        "log in once: `ssh {login}`",
    ),
    (
        ("Permission denied", "Too many authentication failures", "no mutual signature"),
        RobotRefused,
        "it refuses the login",
        "this must work without a question: `ssh -o BatchMode=yes {login} true`; `ssh-copy-id {place}` installs a key",
    ),
    (
        ("Could not resolve hostname",),
        RobotUnreachable,
        "there is no host of that name",
        "{meant}name it in robots.yaml (ansible_host) or in ~/.ssh/config",
    ),
    (
        ("Connection refused",),
        RobotUnreachable,
        "it is there, and no ssh server answers",
        "is sshd running there, and on that port?",
    ),
    (
        ("timed out", "No route to host", "Network is unreachable", "Host is down", "Connection reset",
         "Connection closed", "banner exchange"),
        RobotUnreachable,
        "it does not answer",
        "is it on, and in reach? `ping {host}`",
    ),
)  # fmt: skip


def login_failed(robot: Robot, said: str) -> RobotUnreachable | RobotRefused:
    """What ssh's last words mean; OpenSSH 8.2 to 10."""
    for words, kind, message, hint in _REASONS:
        if any(word in said for word in words):
            return kind(
                f"{robot.name}: {message}",
                details=essence(said),
                hint=hint.format(
                    host=shlex.quote(robot.host),
                    login=robot.login,
                    place=robot.place,
                    known_as=robot.known_as,
                    meant=f"{robot.hint} Else " if robot.hint else "",
                ),
            )
    hint = f"this must work without a question: `ssh -o BatchMode=yes {robot.login} true`"
    return RobotUnreachable(
        f"{robot.name}: ssh could not log in", details=essence(said) or "it did not say why", hint=hint
    )


def essence(said: str) -> str:
    """What of ssh's and the robot's words an error shows."""
    # A banner of the robot's is in it: nothing of that may command this terminal.
    lines = [safe(line.rstrip()) for line in said.splitlines() if line.strip(" @\r")]
    return "\n".join(lines)[-_KEPT:]
