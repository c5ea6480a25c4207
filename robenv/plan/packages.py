"""Where the packages of an image come from, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from robenv.errors import Location
from robenv.plan.secrets import StepSecret

_OTHER_FILES = re.compile(
    r"\s*(?:-[rce]|--(?:requirement|constraint|editable)\b|(?:-f|--find-links\b)[\s=]*(?!https?:)\S"
    r"|\.{0,2}/|\.\s*$|file:|[\w.,\[\]-]+\s*@\s*file:)"
)
"""pip's documentation, "Requirements File Format", September 2026."""


def leads_elsewhere(line: str) -> bool:
    """Whether a line of a requirements.txt names another file or folder."""
    return bool(_OTHER_FILES.match(line))


@dataclass(frozen=True)
class AptRepository:
    name: str
    url: str
    suite: str
    components: tuple[str, ...]
    key: str
    """Where the signing key comes from: an https URL, or the path of a file inside the build context; "" for none."""
    key_checksum: str
    """``sha256:HEX`` of the key file; always there for a key that is downloaded."""
    architectures: tuple[str, ...] = ()
    location: Location | None = None
    key_host_path: str = ""
    """The key's file on this machine, absolute; "" where it is downloaded."""
    package: str = ""
    """The URL of a package that brings the sources and their keys; then all of the above is empty."""
    package_checksum: str = ""
    replaces: tuple[str, ...] = ()
    """HOST or HOST/PATH: the image's own sources there are taken out first."""


@dataclass(frozen=True)
class ContextFile:
    """A file of the build context. ``path``: in there; ``host_path``: on this machine, absolute."""

    path: str
    host_path: str


@dataclass(frozen=True)
class PipInstall:
    """A call of pip that says more than packages."""

    packages: tuple[str, ...] = ()
    requirements: ContextFile | None = None
    constraints: ContextFile | None = None
    index_url: str = ""
    """"" for PyPI, or what stands in its place."""
    extra_index_urls: tuple[str, ...] = ()
    login: StepSecret | None = None
    location: Location | None = None

    @property
    def files(self) -> tuple[ContextFile, ...]:
        return tuple(file for file in (self.requirements, self.constraints) if file)
