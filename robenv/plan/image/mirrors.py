"""Mirrors: by which address things are fetched from here. Nothing of them reaches an image or its hash. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from robenv.errors import Location
from robenv.plan.models import Pairs

if TYPE_CHECKING:
    from robenv.profile.resolve.resolved import Resolved
    from robenv.profile.schema.mirrors import Mirrors as Section

PINNED = "robenv/pinned"
"""The repository of images that are named by their digest and came from a mirror."""
_HUB = "docker.io"


@dataclass(frozen=True)
class MirrorRule:
    """What begins with ``real`` is fetched from where ``mirror`` stands in its place. Both end with a slash."""

    real: str
    mirror: str
    key: str = ""
    """The file with the key that the mirror of a package archive signs with; "" for the archive's own."""


@dataclass(frozen=True)
class Mirrors:
    registries: Pairs = ()
    apt: tuple[MirrorRule, ...] = ()
    downloads: tuple[MirrorRule, ...] = ()
    pip: str = ""
    git: Pairs = ()
    ca: str = ""
    """The file with the certificate of the authority that https mirrors have theirs from; "" for a known one."""
    ca_location: Location | None = None

    @property
    def in_builds(self) -> bool:
        """Whether a step of a build has to know of them."""
        return bool(self.apt or self.downloads or self.pip or self.git or self.ca)

    @property
    def web(self) -> tuple[MirrorRule, ...]:
        """Archives and downloads, the longest address first."""
        return tuple(sorted((*self.apt, *self.downloads), key=lambda turn: (-len(turn.real), turn.real)))

    def image(self, reference: str) -> str:
        """The name under which a mirror has an image; the image's own where none has it."""
        whole = _whole(reference)
        for real, mirror in sorted(self.registries, key=lambda pair: -len(pair[0])):
            if whole.startswith(f"{real}/"):
                return f"{mirror}/{whole.removeprefix(f'{real}/')}"
        return reference

    def archive(self, url: str) -> MirrorRule | None:
        """The mirror of a package archive."""
        return next((turn for turn in self.web if f"{url.rstrip('/')}/".startswith(turn.real)), None)

    def told(self) -> tuple[str, ...]:
        """One line each, for somebody who wonders where something came from."""
        pairs = [
            *self.registries,
            *((turn.real, turn.mirror) for turn in self.web),
            *((("the index of pip", self.pip),) if self.pip else ()),
            *self.git,
        ]
        return tuple(f"{real} from {mirror}" for real, mirror in pairs)


NO_MIRRORS = Mirrors()


def plan_mirrors(*sections: Section) -> Mirrors:
    """Of several sections the first that names an address counts."""
    registries: dict[str, str] = {}
    apt: dict[str, MirrorRule] = {}
    downloads: dict[str, MirrorRule] = {}
    git: dict[str, str] = {}
    pip = ca = ""
    for section in sections:
        for name, registry in section.registries.items():
            registries.setdefault(name, registry)
        for name, one in section.apt.items():
            for real in _addresses(name):
                apt.setdefault(real, MirrorRule(real, _folder(one.url), one.key))
        for name, url in section.downloads.items():
            for real in _addresses(name):
                downloads.setdefault(real, MirrorRule(real, _folder(url)))
        for name, address in section.git.items():
            git.setdefault(name, address)
        pip = pip or section.pip or ""
        ca = ca or section.ca
    by_name = (tuple(sorted(one.items())) for one in (registries, git))
    return Mirrors(next(by_name), _sorted(apt), _sorted(downloads), pip, next(by_name), ca)


def mirrors_of(resolved: Resolved) -> Mirrors:
    """What the project's own files say counts before the user's configuration, which is of all projects."""
    return replace(
        plan_mirrors(resolved.profile.mirrors, resolved.site), ca_location=resolved.locate(("mirrors", "ca"))
    )


def pinned_name(reference: str) -> str:
    """A name for an image that is named by its digest: one that came from a mirror cannot have its own here."""
    return f"{PINNED}:{reference.rpartition(':')[2]}" if "@sha256:" in reference else reference


def _addresses(name: str) -> Iterator[str]:
    """A host is reached both ways."""
    if "://" in name:
        yield _folder(name)
    else:
        yield from (_folder(f"{scheme}://{name}") for scheme in ("http", "https"))


def _folder(url: str) -> str:
    return f"{url.rstrip('/')}/"


def _sorted(turns: dict[str, MirrorRule]) -> tuple[MirrorRule, ...]:
    return tuple(turns[name] for name in sorted(turns))


def _whole(reference: str) -> str:
    """An image's name as registries have it, with that of Docker Hub where it names none."""
    host, slash, rest = reference.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return f"{_HUB}/library/{rest}" if host == _HUB and "/" not in rest else reference
    return f"{_HUB}/{reference}" if slash else f"{_HUB}/library/{reference}"
