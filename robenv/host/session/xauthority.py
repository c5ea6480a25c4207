"""The cookies of X displays: the file format of Xauthority, and which cookie a display needs. Pure and light.

Format by libXau's own description of ``XauReadAuth``: for each entry the family, two bytes, then address, display
number, name of the protocol and data, each after its length in two bytes; all numbers with the high byte first.
"""

from __future__ import annotations

from typing import NamedTuple

INTERNET = 0
INTERNET6 = 6
LOCAL = 256
"""The address is a host's name; such entries are for its local sockets, and for localhost."""
WILD = 65535
"""Whatever the host is called: good for a container, which has a name of its own."""

_LOOPBACK = (b"\x7f\x00\x00\x01", b"\x00" * 15 + b"\x01")
_FIELDS = 4


class Cookie(NamedTuple):
    family: int
    address: bytes
    number: bytes
    """The display's, as text; empty: of any display."""
    protocol: bytes
    """``MIT-MAGIC-COOKIE-1``, seldom another."""
    data: bytes


class DisplayAddress(NamedTuple):
    """A value of $DISPLAY. ``host`` is "" where it is reached by this machine's socket in /tmp/.X11-unix."""

    host: str
    number: int
    screen: str = ""

    @property
    def socket(self) -> str:
        """Its socket; "" for one that is reached by TCP."""
        return "" if self.host else f"/tmp/.X11-unix/X{self.number}"  # noqa: S108 (where X servers have it)

    @property
    def name(self) -> str:
        """As a program inside is to have it: without this machine's name."""
        return f"{self.host}:{self.number}" + (f".{self.screen}" if self.screen else "")


def parse_display(text: str) -> DisplayAddress | None:
    """``[HOST]:NUMBER[.SCREEN]``, by X(7); None for what makes no sense."""
    host, colon, rest = text.rpartition(":")
    number, dot, screen = rest.partition(".")
    numbers = (number, screen) if dot else (number,)
    if not colon or any(not part.isascii() or not part.isdigit() or len(part) > 5 for part in numbers):
        return None
    if host == "unix" or host.endswith("/unix"):
        host = ""
    host = host.removeprefix("tcp/")
    if host.endswith(":") or any(character.isspace() or character in "/\0" for character in host):
        return None
    return DisplayAddress(host, int(number), screen)


def parse_cookies(data: bytes) -> list[Cookie]:
    """The entries of an Xauthority file, up to where it breaks off or stops making sense."""
    cookies: list[Cookie] = []
    at = 0
    while at + 2 <= len(data):
        family = int.from_bytes(data[at : at + 2], "big")
        at += 2
        fields = []
        for _ in range(_FIELDS):
            length = int.from_bytes(data[at : at + 2], "big")
            at += 2 + length
            if at > len(data):
                return cookies
            fields.append(data[at - length : at])
        cookies.append(Cookie(family, *fields))
    return cookies


def format_cookies(cookies: list[Cookie]) -> bytes:
    """The bytes of an Xauthority file. Raises OverflowError for a field of 64 KiB or more."""
    parts = []
    for cookie in cookies:
        parts.append(cookie.family.to_bytes(2, "big"))
        for field in cookie[1:]:
            parts += [len(field).to_bytes(2, "big"), field]
    return b"".join(parts)


def cookies_for(cookies: list[Cookie], display: DisplayAddress, hostname: str) -> list[Cookie]:
    """What opens ``display``, for any host: of each protocol the entry that fits best. Empty where none is needed, or
    none is known.

    This machine may have had another name when the entry was made, so one for another name is better than none.
    """
    number = str(display.number).encode()
    chosen: dict[bytes, tuple[int, Cookie]] = {}
    for cookie in cookies:
        rank = _rank(cookie, display, hostname)
        best = chosen.get(cookie.protocol)
        if rank is not None and cookie.number in (number, b"") and (best is None or rank < best[0]):
            chosen[cookie.protocol] = (rank, cookie)
    return [Cookie(WILD, b"", number, cookie.protocol, cookie.data) for _, cookie in chosen.values()]


def _rank(cookie: Cookie, display: DisplayAddress, hostname: str) -> int | None:
    """How well the entry fits, 0 best; None: not at all."""
    if cookie.family == WILD:
        return 1
    if display.host in ("", "localhost", "127.0.0.1", "[::1]", hostname):
        if cookie.family == LOCAL:
            return 0 if cookie.address == hostname.encode() else 2
        return 3 if cookie.address in _LOOPBACK else None
    if cookie.family in (INTERNET, INTERNET6):
        return 0 if cookie.address == _address(display.host) else 4
    return 3 if cookie.family == LOCAL and cookie.address == display.host.encode() else None


def _address(host: str) -> bytes:
    """The bytes of an address that is written as numbers; b"" for a name, which is not looked up."""
    import socket

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, host.strip("[]"))
        except OSError:
            continue
    return b""
