"""Which commit a folder is at, as the user's own git tells it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PATIENCE = 20
"""Seconds for one question: a status of a large workspace."""
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")


@dataclass(frozen=True)
class Revision:
    """Texts are "" where there is none."""

    commit: str = ""
    time: int = 0
    """The commit's, in seconds since 1970."""
    dirty: bool = False
    """Whether what was asked about differs from the commit."""
    origin: str = ""
    """The remote's address, without a login."""
    tag: str = ""
    """The nearest tag, with what came after it: ``1.2.0-3-gabcdef0``."""


def read_revision(folder: str, paths: Sequence[str], environ: Mapping[str, str]) -> Revision:
    """The revision of ``folder``; ``paths`` are those that may differ from it. Empty where git knows of none: no git,
    no repository, one of another user."""

    def ask(*command: str) -> str:
        return _git(folder, environ, *command).strip()

    commit, _, time = ask("log", "-1", "--no-show-signature", "--format=%H %ct").partition(" ")
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return Revision()
    there = [path for path in paths if os.path.lexists(path)]
    return Revision(
        commit=commit,
        time=int(time),
        dirty=bool(there and ask("status", "--porcelain", "--ignore-submodules=none", "--", *there)),
        origin=_without_login(ask("config", "--get", "remote.origin.url")),
        tag=ask("describe", "--tags"),
    )


def _without_login(address: str) -> str:
    """An address is for everybody who has the image: passwords and tokens are not."""
    scheme, found, rest = address.partition("://")
    if not found:
        return address
    login, at, place = rest.partition("/")[0].rpartition("@")
    user = f"{login.partition(':')[0]}@" if at and scheme.endswith("ssh") else ""
    return f"{scheme}://{user}{place}{rest[len(login) + len(at) + len(place) :]}"


def _git(folder: str, environ: Mapping[str, str], *command: str) -> str:
    settings = {**environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ("git", *_QUIET, "-C", folder, *command),
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
