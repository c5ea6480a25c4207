"""What a package archive says of itself: whether it has a suite, and of when it is."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

from robenv.bases.mmdebstrap import AptSource
from robenv.errors import OperationFailed

_TIMEOUT = 30
"""Seconds that a mirror may take to answer."""
_HEAD = 64 * 1024
"""Bytes of a Release file that are read: its fields come before its long lists."""
_DATE = re.compile(rb"^Date: (.+)$", re.M)


def probe_sources(
    sources: tuple[AptSource, ...], trusted: ssl.SSLContext | None = None
) -> tuple[tuple[AptSource, ...], int]:
    """Those of the sources that exist, and the time of the newest, in seconds since the epoch. ``trusted``: whose
    certificates are taken; default: this machine's.

    That time stands for the state of the archive: with it as SOURCE_DATE_EPOCH the same state gives the same bytes.
    Raises OperationFailed where a mirror does not answer, or lacks what it must have.
    """
    dates = {source: _date(source, trusted) for source in sources}
    for source, date in dates.items():
        if date is None and not source.optional:
            raise OperationFailed(
                f"The package archive {source.url} has no suite {source.suite}.",
                hint="Check `base.bootstrap`: the suite's name and the mirror.",
            )
    found = {source: date for source, date in dates.items() if date is not None}
    return tuple(found), max(found.values())


def _date(source: AptSource, trusted: ssl.SSLContext | None) -> int | None:
    """The date of a source's Release file; None where there is none."""
    for name in ("InRelease", "Release"):
        head = _head(f"{source.url}/dists/{source.suite}/{name}", source, trusted)
        match = _DATE.search(head)
        if match:
            return _seconds(match[1].decode("ascii", "replace"), source)
    return None


def _seconds(text: str, source: AptSource) -> int:
    try:
        return int(parsedate_to_datetime(text.strip()).timestamp())
    except ValueError as error:
        raise OperationFailed(
            f"The package archive {source.url} gives no date that robenv understands: {text!r}"
        ) from error


def _head(url: str, source: AptSource, trusted: ssl.SSLContext | None) -> bytes:
    """The beginning of a file of the archive; b"" where it does not exist."""
    try:
        # The profile's schema bounds the address.
        with urllib.request.urlopen(url, timeout=_TIMEOUT, context=trusted) as answer:  # noqa: S310
            return bytes(answer.read(_HEAD))
    except urllib.error.HTTPError as error:
        if error.code in (403, 404, 410):
            return b""
        raise _silent(source, error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(getattr(error, "reason", None), FileNotFoundError) or "No such file" in str(error):
            return b""
        raise _silent(source, error) from error


def _silent(source: AptSource, error: Exception) -> OperationFailed:
    return OperationFailed(
        f"The package archive {source.url} does not answer.",
        details=str(getattr(error, "reason", "") or error),
        hint="Check the network and http_proxy, or choose another one with `base.bootstrap.mirror`.",
    )
