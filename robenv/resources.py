"""Where the built-in profiles and templates are: inside an installed wheel, or at the top of a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def _folder(name: str) -> Path:
    for root in (_PACKAGE / "_resources", _PACKAGE.parent):
        folder = root / name
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"robenv is not installed whole: its folder {name}/ is missing beside {_PACKAGE}")


def profiles_folder() -> Path:
    """The folder of the built-in profiles."""
    return _folder("profiles")


def templates_folder() -> Path:
    """The folder of the Jinja2 templates."""
    return _folder("templates")
