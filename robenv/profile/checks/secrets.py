"""Checks of ``secrets``, and of the steps that name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.profile.schema.secrets import StepSecret
from robenv.profile.yaml.nodes import Path_
from robenv.profile.yaml.parse_error import did_you_mean
from robenv.util.sanitize import show

if TYPE_CHECKING:
    from robenv.profile.checks.merged import MergedProfile


def secrets(whole: MergedProfile) -> Iterator[Problem]:
    for name, secret in whole.profile.secrets.items():
        if bool(secret.file) == bool(secret.environment):
            message = f"the secret {show(name)} is in {'both' if secret.file else 'neither'} a file and a variable"
            hint = "`{file: PATH}` or `{environment: NAME}`"
            yield whole.problem(("secrets", name), message.replace("neither a file and", "neither a file nor"), hint)
    for path, wanted in _wanted(whole):
        for number, one in enumerate(wanted):
            yield from _known(whole, one.source, (*path, "secrets", number), "environment: NAME")
    for path, login in whole.profile.logins():
        yield from _known(whole, login, path, "file: ~/.netrc")


def _known(whole: MergedProfile, name: str, path: Path_, example: str) -> Iterator[Problem]:
    if name not in whole.profile.secrets:
        hint = did_you_mean(name, whole.profile.secrets)
        hint = hint or f"say where it is: `secrets: {{{name}: {{{example}}}}}`"
        yield whole.problem(path, f"there is no secret {show(name)}", hint)


def _wanted(whole: MergedProfile) -> Iterator[tuple[Path_, tuple[StepSecret, ...]]]:
    for path, section in whole.sections():
        yield from (((*path, "steps", index), step.secrets) for index, step in enumerate(section.steps))
    yield ("run_image",), whole.profile.run_image.secrets
