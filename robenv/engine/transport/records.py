"""The engine's progress streams: JSON records, one after the other, until the connection ends or breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from robenv.engine.transport.endpoint import engine_lost
from robenv.util.bounded_json import RECORD, TooLong, bounded_lines, parse_json

Record = dict[str, Any]
_PIECE = 1 << 16


def stream_records(response: Any, action: str) -> Iterator[Record]:
    """The records of a streamed response of requests'. Raises EngineLost where it stops in the middle of one."""
    try:
        for line in bounded_lines(response.iter_content(_PIECE), RECORD):
            if line.strip():
                yield _record(line, action)
    except TooLong as error:
        raise engine_lost(action, f"its answer cannot be read: {error}") from error


def error_of(record: Mapping[str, Any]) -> str:
    """What a record says went wrong; "" where nothing did."""
    detail = record.get("errorDetail")
    message = detail.get("message") if isinstance(detail, Mapping) else ""
    return str(message or record.get("error") or "")


def _record(line: bytes, action: str) -> Record:
    try:
        record = parse_json(line)
    except ValueError as error:
        raise engine_lost(action, f"its answer ends with {line[-200:].decode('utf-8', 'replace')!r}") from error
    return record if isinstance(record, dict) else {}
