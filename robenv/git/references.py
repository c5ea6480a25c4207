"""What an entry of ``extends`` that names a profile in git means. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from robenv.host.git.addresses import without_login
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import hides, show

_SCHEMES = ("https", "http", "ssh", "file")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"(?![-./])(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[A-Za-z0-9._/+-]+(?<![./])")
_SCP = re.compile(
    r"(?:git\+)?(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>(?!//)[^@#\s]+)"
)
_PROFILE = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9._][A-Za-z0-9._/-]*")
_IN_PROFILE = re.compile(r"[A-Za-z0-9._/-]")
_EXAMPLE = "such as git+https://HOST/PATH.git@TAG#FOLDER/PROFILE"


@dataclass(frozen=True)
class GitReference:
    """``url`` as git takes it; ``ref`` a branch, a tag or a commit, "" for the default branch; ``profile`` the path of
    the profile in the repository, without ``.yaml``."""

    url: str
    ref: str
    profile: str

    @property
    def source(self) -> str:
        """What a lock pins: the repository and what of it was asked for."""
        return f"{self.url}@{self.ref}" if self.ref else self.url

    @property
    def commit(self) -> str:
        """The commit where ``ref`` is one, else ""."""
        return self.ref if _COMMIT.fullmatch(self.ref) else ""


def repository_of(source: str) -> str:
    """The repository of a lock's source, ``URL@REF``: an @ before the path is a login's."""
    start = source.find("://") + 3 if "://" in source else source.find(":")
    path = source.find("/", start) if "://" in source else start
    at = source.find("@", path)
    return source if at < 0 else source[:at]


def parse_reference(text: str) -> GitReference:
    """Of ``git+https://…``, ``git+ssh://…``, ``git+file:///…`` and ``git@HOST:PATH``, each with ``[@REF][#PROFILE]``.

    Without a profile it is ``robenv.yaml`` at the root. A user and a password in an address are refused: the user's own
    git has the credentials. Raises BadValue.
    """
    address, _, profile = text.partition("#")
    profile = profile.removesuffix(".yaml").strip("/") if "#" in text else "robenv"
    if odd := next((one for one in profile if not _IN_PROFILE.fullmatch(one)), ""):
        hint = "call the file and its folders by letters, digits, `.`, `_` and `-`"
        raise BadValue(f"a profile's path cannot have the character {show(odd)}, as {show(profile)} has", hint)
    if not _PROFILE.fullmatch(profile):
        raise BadValue(f"{show(profile)} is not a profile's path in a repository", _EXAMPLE)
    url, ref = _scp(address) if "://" not in address else _url(address)
    if ref and not _REF.fullmatch(ref):
        raise BadValue(f"{show(ref)} is not a branch, tag or commit", _EXAMPLE)
    return GitReference(url, ref, profile)


def _scp(address: str) -> tuple[str, str]:
    head, colon, rest = address.partition(":")
    path, _, ref = rest.partition("@")
    match = _SCP.fullmatch(f"{head}{colon}{path}")
    if match is None or ("@" in rest and not ref):
        raise BadValue(f"{show(address)} is not a repository", "such as git@HOST:PATH.git@TAG#FOLDER/PROFILE")
    return f"{match['user']}@{match['host']}:{match['path']}", ref


def _url(address: str) -> tuple[str, str]:
    if not address.startswith("git+"):
        scheme = address.partition(":")[0]
        hint = f"write it as git+{address}" if scheme in _SCHEMES else _EXAMPLE
        raise BadValue(f"{show(address)} is not a profile in git", hint)
    try:
        parts = urlsplit(address.removeprefix("git+"))
        port = parts.port
    except ValueError:
        raise BadValue(f"{show(address)} is not an address", _EXAMPLE) from None
    if odd := next((one for one in address if one.isspace() or hides(one) or one in "?\\"), ""):
        code = "".join(f"%{byte:02X}" for byte in odd.encode(errors="replace"))
        raise BadValue(f"{show(without_login(address))} has the character {show(odd)} in it", f"write it as {code}")
    if parts.scheme not in _SCHEMES:
        raise BadValue(f"{show(address)} is not an address of git+https, git+ssh or git+file", _EXAMPLE)
    if parts.password or (parts.username and parts.scheme != "ssh"):
        raise BadValue("an address with credentials in it would end in git", "your own git has them: take them out")
    if (parts.scheme == "file") == bool(parts.hostname):
        raise BadValue(f"{show(address)} is not a repository", _EXAMPLE)
    # Neither may begin with a dash: ssh would take it for an option.
    if any(name.startswith("-") for name in (parts.hostname or "", parts.username or "")):
        raise BadValue(f"{show(address)} is not a repository", _EXAMPLE)
    path, at, ref = parts.path.partition("@")
    if not path.strip("/") or (at and not ref):
        raise BadValue(f"{show(address)} names no repository, or nothing behind its @", _EXAMPLE)
    login = f"{parts.username}@" if parts.username else ""
    place = f"{login}{parts.hostname or ''}" + (f":{port}" if port else "")
    return f"{parts.scheme}://{place}{path}", ref
