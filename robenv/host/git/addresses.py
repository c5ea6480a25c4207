"""Addresses of git repositories: which are the same one, and how they are shown. Pure."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, urlsplit

_SCP = re.compile(r"(?:[^/@\s]+@)?(?P<host>\[[^\]]+\]|[^/:\s]+):(?P<path>.*)", re.DOTALL)
"""HOST:PATH, which git takes for ssh where no slash stands before the colon."""
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<login>[^/\s]*)@")
_USER = re.compile(r"[A-Za-z0-9_.-]+")


def is_helper(address: str) -> bool:
    """Whether git would start a program for it: ``ext::…``, with the address as its arguments."""
    return bool(re.match(r"[A-Za-z0-9+.-]*::", address))


def is_local(address: str) -> bool:
    return address.startswith(("/", "file://"))


def scheme_of(address: str) -> str:
    """The scheme of an address, as git itself reads it."""
    if "://" in address:
        return address.partition("://")[0].lower()
    return "file" if address.startswith("/") else "ssh"


def without_login(text: str) -> str:
    """A text without the logins of addresses in it. The user of ssh is no secret, and stays; a password goes, and over
    https the user as well, since that may be a token."""
    return _LOGIN.sub(_kept, text)


def _kept(found: re.Match[str]) -> str:
    user = found["login"].partition(":")[0]
    is_shown = found["scheme"].lower().endswith("ssh") and _USER.fullmatch(user)
    return f"{found['scheme']}://" + (f"{user}@" if is_shown else "")


def is_same_repository(one: str, other: str) -> bool:
    """Whether two addresses name the same repository, whoever asks and by whichever protocol."""
    return one == other or _identity(one) == _identity(other)


def _identity(address: str) -> tuple[str, str]:
    if "://" in address:
        try:
            parts = urlsplit(address)
            host, path = (parts.hostname or "").lower(), unquote(parts.path)
        except ValueError:
            return "", address
    elif not address.startswith("/") and (match := _SCP.fullmatch(address)):
        host, path = match["host"].strip("[]").lower(), match["path"]
    else:
        host, path = "", address
    return host, posixpath.normpath("/" + path.strip("/")).removesuffix(".git")
