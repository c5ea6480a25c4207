"""What a build borrows of this machine, read as it begins: secrets, and whether an ssh agent answers."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from robenv.engine.protocol import MAX_SECRET, EngineInfo, Lent
from robenv.environment.load import Loaded
from robenv.errors import HostLacks, Problem
from robenv.plan.values import BuildPlan, Step

_NO_AGENT = 'start one in this terminal: eval "$(ssh-agent)" && ssh-add'


def borrowing(build: BuildPlan) -> tuple[Step, ...]:
    """The steps that borrow something."""
    steps = (step for stage in build.stages for group in stage.groups for step in group.steps)
    return tuple(step for step in steps if step.secrets or step.ssh)


def lend(loaded: Loaded, engine: EngineInfo, environ: Mapping[str, str]) -> Lent:
    """Raises HostLacks with every secret that cannot be had and each step that no agent answers, or where the engine's
    builder borrows nothing."""
    steps = borrowing(loaded.build)
    if not steps:
        return Lent()
    if not engine.buildkit:
        raise HostLacks(
            "this engine's builder has no secrets and no ssh agent for steps",
            hint="Docker Engine's own BuildKit has; `robenv build --builder ssh://HOST` builds on one elsewhere",
            problems=tuple(Problem(f"the step {step.name} borrows", step.location) for step in steps),
        )
    problems: list[Problem] = []
    names = dict.fromkeys(one.name for step in steps for one in step.secrets)
    secrets = {name: _read(loaded, name, environ, problems) for name in names}
    agent = _agent([step for step in steps if step.ssh], environ, problems)
    if problems:
        raise HostLacks("this machine lacks what steps of the build read", problems=tuple(problems))
    return Lent(secrets, agent)


def _read(loaded: Loaded, name: str, environ: Mapping[str, str], problems: list[Problem]) -> bytes:
    secret, at = loaded.resolved.profile.secrets[name], loaded.resolved.locate(("secrets", name))
    data, why = b"", ""
    try:
        data = Path(secret.file).read_bytes() if secret.file else environ[secret.environment].encode()
    except KeyError:
        why = f"the variable {secret.environment} is not set"
    except OSError as error:
        why = f"{secret.file}: {error.strerror or 'it cannot be read'}"
    if len(data) > MAX_SECRET:
        why = f"it has {len(data)} bytes, and BuildKit takes {MAX_SECRET} at most"
    if why:
        problems.append(Problem(f"the secret {name}: {why}", at))
    return data


def _agent(steps: list[Step], environ: Mapping[str, str], problems: list[Problem]) -> str:
    path = environ.get("SSH_AUTH_SOCK", "")
    if steps and path and _answers(path):
        return path
    found = f"nobody answers at {path}" if path else "SSH_AUTH_SOCK is not set"
    for step in steps:
        problems.append(Problem(f"the step {step.name} asks your ssh agent, and {found}", step.location, _NO_AGENT))
    return ""


def _answers(path: str) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.connect(path)
        return True
    return False
