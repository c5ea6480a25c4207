"""Checks of ``secrets``, and of the steps that name them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.errors import Problem
from robenv.profile.badvalue import did_you_mean
from robenv.profile.excerpt import show

if TYPE_CHECKING:
    from robenv.profile.check import Whole


def secrets(whole: Whole) -> Iterator[Problem]:
    for name, secret in whole.profile.secrets.items():
        if bool(secret.file) == bool(secret.environment):
            message = f"the secret {show(name)} is in {'both' if secret.file else 'neither'} a file and a variable"
            hint = "`{file: PATH}` or `{environment: NAME}`"
            yield whole.problem(("secrets", name), message.replace("neither a file and", "neither a file nor"), hint)
    for path, section in whole.sections():
        for index, step in enumerate(section.steps):
            for number, wanted in enumerate(step.secrets):
                if wanted.source not in whole.profile.secrets:
                    at = (*path, "steps", index, "secrets", number)
                    hint = did_you_mean(wanted.source, whole.profile.secrets)
                    hint = hint or f"say where it is: `secrets: {{{wanted.source}: {{environment: NAME}}}}`"
                    yield whole.problem(at, f"there is no secret {show(wanted.source)}", hint)
