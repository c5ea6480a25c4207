"""What a build borrows of this machine, read as it begins: secrets, and whether an ssh agent answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from robenv.engine.protocol import MAX_SECRET, BuildSecrets, EngineInfo, ImageInfo
from robenv.errors import HostRequirementMissing, Problem, ProfileError
from robenv.plan.models import Base
from robenv.plan.secrets import SecretUser, borrowers
from robenv.project.gate import ApprovedProject
from robenv.project.planned import PlannedProject
from robenv.util.sanitize import safe, show

_SHOWN = 3
"""Triggers in a note."""
_NO_AGENT = 'start one in this terminal: eval "$(ssh-agent)" && ssh-add'


def open_build_secrets(approved: ApprovedProject, engine: EngineInfo, environ: Mapping[str, str]) -> BuildSecrets:
    """Raises HostLacks with every secret that cannot be had and all that no agent answers, or where the builder
    borrows nothing."""
    planned = approved.planned
    found = borrowers(planned.build)
    if not found:
        return BuildSecrets()
    if not engine.buildkit:
        raise HostRequirementMissing(
            f"{engine.product} has no BuildKit here: its builder has no secrets and no ssh agent to lend",
            hint="BuildKit has, of any Docker Engine without userns-remap and of Docker 26 or later with it; `robenv "
            "build --builder ssh://HOST` builds on one elsewhere",
            problems=tuple(Problem(f"{one.name} borrows", one.location) for one in found),
        )
    problems: list[Problem] = []
    names = dict.fromkeys(secret.name for borrower in found for secret in borrower.secrets)
    secrets = {name: _read(planned, name, environ, problems) for name in names}
    agent = _agent([one for one in found if one.ssh], environ, problems)
    if problems:
        raise HostRequirementMissing("this machine lacks what the build reads", problems=tuple(problems))
    return BuildSecrets(secrets, agent)


def onbuild_notes(base: Base, image: ImageInfo, build_secrets: BuildSecrets) -> Iterator[str]:
    """Yield a note on the commands that a base brings into each build from it (ONBUILD). Raises ProfileError where the
    build borrows something: such a command may mount every secret and ask the agent, unlike the steps of a profile."""
    if not image.on_build:
        return
    name, count = safe(base.asked or base.reference), len(image.on_build)
    if not build_secrets:
        commands = "; ".join(show(one) for one in image.on_build[:_SHOWN])
        more = f", and {count - _SHOWN} more" if count > _SHOWN else ""
        yield f"the base image {name} runs triggers of its own in this build (ONBUILD): {commands}{more}"
        return
    borrowed = [f"the secret {secret}" for secret in build_secrets.secrets] + (
        ["your ssh agent"] if build_secrets.agent else []
    )
    raise ProfileError(
        f"the base image {name} has triggers (ONBUILD), which could keep what the build borrows: {', '.join(borrowed)}",
        hint="take a base without triggers, or build one from it without secrets and name that: `FROM` takes them out",
        problems=tuple(Problem(f"ONBUILD {safe(one)}", base.location) for one in image.on_build),
    )


def _read(planned: PlannedProject, name: str, environ: Mapping[str, str], problems: list[Problem]) -> bytes:
    secret, at = planned.resolved.profile.secrets[name], planned.resolved.locate(("secrets", name))
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


def _agent(asking: list[SecretUser], environ: Mapping[str, str], problems: list[Problem]) -> str:
    path = environ.get("SSH_AUTH_SOCK", "")
    if asking and path and _answers(path):
        return path
    found = f"nobody answers at {path}" if path else "SSH_AUTH_SOCK is not set"
    for one in asking:
        problems.append(Problem(f"{one.name} asks your ssh agent, and {found}", one.location, _NO_AGENT))
    return ""


def _answers(path: str) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.connect(path)
        return True
    return False
