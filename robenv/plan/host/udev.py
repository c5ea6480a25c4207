"""The udev rules that a profile brings for the host: where they come to lie there. Pure."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robenv.profile.schema.profile import Profile

FOLDER = "/etc/udev/rules.d"
"""The administrator's own rules, as udev(7) has it."""


@dataclass(frozen=True)
class UdevFile:
    source: str
    """The file of the project, absolute."""
    target: str
    """Where it is on the host once it is installed."""
    allow_run: bool = False

    @property
    def command(self) -> str:
        """What installs it: the file, and then udev told of it, also for what is plugged in already."""
        steps = (
            shlex.join(("install", "-D", "-m", "0644", self.source, self.target)),
            "udevadm control --reload",
            "udevadm trigger",
        )
        return shlex.join(("sudo", "sh", "-c", " && ".join(steps)))


def plan_udev(profile: Profile) -> tuple[UdevFile, ...]:
    """The number at the front stays there, since udev reads its files in the order of their names:
    ``99-lidar.rules`` of the project ``picker`` is ``99-robenv-picker-lidar.rules``."""
    return tuple(
        UdevFile(rules.file, f"{FOLDER}/{_name(profile.name, PurePosixPath(rules.file).name)}", rules.allow_run)
        for rules in profile.udev
    )


def _name(project: str, file: str) -> str:
    number, rest = re.fullmatch(r"(\d+-)?(.*)", file, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{number or ''}robenv-{project}-{rest}"
