"""Where a project is: the nearest robenv.yaml upward, as git looks for .git."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from robenv.errors import UsageError
from robenv.profile.yaml.files import kind_of
from robenv.util.sanitize import safe

FILE = "robenv.yaml"
LOCAL = "robenv.local.yaml"
DOTENV = ".env"
INVENTORY = "robots.yaml"
_OTHER_SPELLINGS = ("robenv.yml", "Robenv.yaml", "robenv.YAML", ".robenv.yaml")


@dataclass(frozen=True)
class ProjectFiles:
    """The files of a project; ``local`` and ``env_file`` need not exist. None: not looked for."""

    root: Path
    file: Path
    local: Path | None
    env_file: Path | None

    @property
    def shared(self) -> ProjectFiles:
        """The same without what is of one machine or one person alone: the overlay and ``.env``."""
        return replace(self, local=None, env_file=None)


def find_project(directory: Path, file: Path | None = None) -> ProjectFiles:
    """The project that ``directory`` is in, or that ``file`` describes (relative to ``directory``).

    Raises UsageError where there is none.
    """
    directory = Path(os.path.realpath(directory))  # one folder, one project, by whatever link one comes to it
    if file is not None:
        return _named(Path(os.path.realpath((directory / file).parent), file.name))
    if kind_of(directory) != "folder":
        raise UsageError(f"there is no folder {safe(str(directory))}")
    for folder in (directory, *directory.parents):
        path = folder / FILE
        if os.path.lexists(path):
            return ProjectFiles(folder, path, folder / LOCAL, folder / DOTENV)
    raise UsageError(
        f"there is no {FILE} in {safe(str(directory))} or in any folder above it",
        hint=_near_miss(directory) or "`robenv init` writes one; `-C DIR` and `-f FILE` name another place",
    )


def _named(path: Path) -> ProjectFiles:
    if not os.path.lexists(path):
        raise UsageError(f"there is no file {safe(str(path))}", hint="`-f FILE` names a robenv.yaml")
    if kind_of(path) == "folder":
        raise UsageError(f"{safe(str(path))} is a folder, not a file", hint="`-C DIR` names a project's folder")
    # The overlay belongs to the file of the usual name; another file's would be a guess.
    local = path.with_name(LOCAL) if path.name == FILE else path.with_name(f"{path.stem}.local{path.suffix}")
    return ProjectFiles(path.parent, path, local, path.parent / DOTENV)


def _near_miss(directory: Path) -> str:
    for name in _OTHER_SPELLINGS:
        if os.path.lexists(directory / name):
            return f"there is {name}: rename it to {FILE}"
    return ""
