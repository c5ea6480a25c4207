"""Bounds on what is read from outside, and JSON from there: an engine, a registry, a robot may be anybody's.

Light: the quick way into a container imports this.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

ANSWER = 64 << 20
"""Bytes of an engine's answer: the list of all that a large one has takes some MB."""
RECORD = 32 << 20
"""Bytes of a record in an engine's stream: BuildKit's own messages have 16 MiB at most (grpc), here in base64."""
OUTPUT = 32 << 20
"""Bytes of a command's output that a whole answer is made of."""
LAST_WORDS = 64 << 10
"""Bytes of a program's output that are kept to be shown."""


class TooLong(ValueError):
    """An answer from outside that goes beyond its bound."""


def parse_json(text: bytes | str) -> Any:
    """A JSON document from outside. Raises ValueError, also for one that is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def join_bounded(pieces: Iterable[bytes], most: int) -> bytes:
    """All of the pieces. Raises TooLong for more than ``most`` bytes."""
    whole = bytearray()
    for piece in pieces:
        whole += piece
        if len(whole) > most:
            raise TooLong(f"it has more than {most >> 20} MiB")
    return bytes(whole)


def last_bytes(pieces: Iterable[bytes], most: int = LAST_WORDS) -> bytes:
    """The last ``most`` bytes, however much comes."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        if len(kept) > 2 * most:
            del kept[:-most]
    return bytes(kept[-most:])


def bounded_lines(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """The lines without their ends, and what comes after the last one. Raises TooLong for one that is longer."""
    rest = bytearray()
    for piece in pieces:
        rest += piece
        if b"\n" in piece:
            *whole, begun = rest.split(b"\n")
            yield from map(bytes, whole)
            rest = begun
        if len(rest) > most:
            raise TooLong(f"a line of it has more than {most >> 20} MiB")
    if rest:
        yield bytes(rest)
