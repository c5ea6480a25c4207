"""Mirrors: by which other address what a profile names is fetched. They change how, never what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from robenv.profile.schema.names import Registry
from robenv.profile.schema.types import HostPath, Section, pattern

PATH = r"(?:/[A-Za-z0-9._~@+,=%-]*)*"
HOST = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_LOGIN = r"(?:[A-Za-z0-9._~%-]+(?::[A-Za-z0-9._~%-]+)?@)?"

Named = Annotated[
    str, pattern(rf"(?:https?://)?{HOST}{PATH}", "an address such as `http://deb.debian.org/debian`, or a host")
]
Web = Annotated[str, pattern(rf"https?://{_LOGIN}{HOST}{PATH}", "an address that begins with http:// or https://")]
GitAddress = Annotated[
    str,
    pattern(
        rf"(?:https?|ssh|git|file)://{_LOGIN}(?:{HOST})?{PATH}|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[A-Za-z0-9._/-]*",
        "the beginning of a git address, such as `https://github.com/`",
    ),
]


class AptMirror(Section):
    """The mirror of a package archive."""

    url: Web
    key: Annotated[
        HostPath, Field(description="a file with the key that it signs with, in the archive's own place")
    ] = ""


class Mirrors(Section):
    """Where to get what others have: by the address that profiles name, the one that is reached from here."""

    registries: Annotated[dict[Registry, Registry], Field(description="such as docker.io: registry.lab:5000")] = Field(
        default_factory=dict
    )
    apt: Annotated[dict[Named, AptMirror], Field(description="package archives, by host or by address")] = Field(
        default_factory=dict
    )
    pip: Annotated[Web, Field(description="the index in the place of https://pypi.org/simple")] | None = None
    downloads: Annotated[dict[Named, Web], Field(description="what else is fetched over http and https")] = Field(
        default_factory=dict
    )
    ca: Annotated[
        HostPath, Field(description="a file with the certificate of the authority that https mirrors have theirs from")
    ] = ""
    git: Annotated[dict[GitAddress, GitAddress], Field(description="as git's own url.MIRROR.insteadOf")] = Field(
        default_factory=dict
    )
