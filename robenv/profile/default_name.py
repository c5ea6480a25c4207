"""A project's name where its file says none. Light: the quick way in imports this."""

from __future__ import annotations

import posixpath
import re
import unicodedata

_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe", "ł": "l"}
)
"""Letters that no accent makes of another one, or that are not written without it."""


def default_name(folder: str) -> str:
    """A project's name from its folder's, as in Compose; ``project`` where nothing of it can be used."""
    letters = unicodedata.normalize("NFC", posixpath.basename(folder).lower()).translate(_LETTERS)
    words = re.findall(
        "[a-z0-9]+",
        "".join(
            one for one in unicodedata.normalize("NFKD", letters) if one.isascii() or not unicodedata.combining(one)
        ),
    )
    return "-".join(words)[:63].rstrip("-") or "project"


def earlier_default_name(folder: str) -> str:
    """As an earlier robenv made it, which passed over letters beyond ASCII: what it named may still be there."""
    words = re.findall("[a-z0-9]+", posixpath.basename(folder).lower())
    return "-".join(words)[:63].rstrip("-") or "project"
