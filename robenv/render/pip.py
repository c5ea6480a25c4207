"""What the templates see of pip, and of secrets that are mounted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from robenv.errors import Location
from robenv.plan.packages import PipInstall
from robenv.plan.secrets import StepSecret

Fields = tuple[tuple[str, str], ...]
"""Of a `--mount`."""
_PLACE = "/run/robenv"


@dataclass(frozen=True)
class PipView:
    """A call of pip. ``files``: (path in the context, where pip reads it). ``netrc``: its logins; "" for none.
    ``arguments``: lines of words."""

    files: tuple[tuple[str, str], ...]
    bound: tuple[Fields, ...]
    """The mounts by which ``files`` are there and leave nothing behind."""
    login: tuple[Fields, ...]
    netrc: str
    arguments: tuple[tuple[str, ...], ...]
    location: Location | None


def view_pip(install: PipInstall) -> PipView:
    files = tuple((file.path, posixpath.join(_PLACE, file.path)) for file in install.files)
    bound = tuple((("type", "bind"), ("source", path), ("target", place)) for path, place in files)
    login = (secret_mount(install.login),) if install.login else ()
    netrc = install.login.target if install.login else ""
    return PipView(files, bound, login, netrc, tuple(_arguments(install)), install.location)


def secret_mount(one: StepSecret) -> Fields:
    return ("type", "secret"), ("id", one.name), ("target", one.target), ("mode", one.mode), ("required", "true")


def _arguments(install: PipInstall) -> Iterator[tuple[str, ...]]:
    named = [("--index-url", install.index_url), *(("--extra-index-url", url) for url in install.extra_index_urls)]
    for option, url in named:
        if url:
            yield option, url
            if urlsplit(url).scheme == "http":  # over which pip takes nothing from a host that nobody has named to it
                yield "--trusted-host", urlsplit(url).netloc
    for option, file in (("-r", install.requirements), ("-c", install.constraints)):
        if file:
            yield option, posixpath.join(_PLACE, file.path)
    if install.packages:
        yield "--", *install.packages
