"""From the records of BuildKit's trace to build events."""

from __future__ import annotations

import base64
import binascii
import codecs
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from robenv.engine.build.buildkit.messages import StatusResponse
from robenv.engine.protocol import BuildEvent, LogEvent, StepEvent, TransferEvent, WarningEvent

RECORD_ID = "moby.buildkit.trace"
"""The ``id`` of the records in the engine's answer that carry a piece of the trace."""
IMAGE_ID = "moby.image.id"
"""The ``id`` of the record that names the image."""
_STDERR = 2
"""Of the streams in a VertexLog."""


class Trace:
    """Reads the records of one build, in their order."""

    container = ""
    """As the classic builder's trace has it; BuildKit's steps are no containers of the engine's."""

    def __init__(self) -> None:
        self.image_id = ""
        """The image, once it is made: the only proof of success."""
        # Characters may be cut between two records.
        self._decoders: dict[tuple[bytes, int], codecs.IncrementalDecoder] = defaultdict(
            lambda: codecs.getincrementaldecoder("utf-8")("replace")
        )

    def events(self, record: Mapping[str, Any]) -> Iterator[BuildEvent]:
        """The events of one record of the engine's answer; none for one that tells nothing new."""
        if record.get("id") == RECORD_ID:
            yield from self._status(record.get("aux"))
        elif record.get("id") == IMAGE_ID and isinstance(record.get("aux"), Mapping):
            self.image_id = str(record["aux"].get("ID") or "")

    def _status(self, aux: Any) -> Iterator[BuildEvent]:
        """The events of a StatusResponse in base64, steps before what belongs to them."""
        try:
            status = StatusResponse.FromString(base64.b64decode(aux, validate=True))
        except (DecodeError, binascii.Error, TypeError, ValueError):
            yield WarningEvent("The engine reported progress in a form that robenv cannot read; the build goes on.")
            return
        for vertex in status.vertexes:
            yield _step(vertex)
        for piece in status.statuses:
            yield _transfer(piece)
        for log in status.logs:
            text = self._decoders[log.vertex, log.stream].decode(log.msg)
            if text:
                yield LogEvent(_text(log.vertex), text, _seconds(log, "timestamp"), log.stream == _STDERR)
        for warning in status.warnings:
            yield WarningEvent("\n".join(_text(part) for part in (warning.short, *warning.detail)).strip())


def _step(vertex: Any) -> StepEvent:
    return StepEvent(
        id=_text(vertex.digest),
        name=_text(vertex.name),
        started=_seconds(vertex, "started"),
        completed=_seconds(vertex, "completed"),
        cached=vertex.cached,
        error=_text(vertex.error),
        inputs=tuple(_text(digest) for digest in vertex.inputs),
    )


def _transfer(piece: Any) -> TransferEvent:
    step = _text(piece.vertex)
    return TransferEvent(
        id=f"{step} {_text(piece.ID)}",
        name=_text(piece.name) or _text(piece.ID),
        current=piece.current,
        total=piece.total,
        completed=piece.HasField("completed"),
        step=step,
    )


def _seconds(message: Any, field: str) -> float | None:
    if not message.HasField(field):
        return None
    stamp = getattr(message, field)
    return float(stamp.seconds + stamp.nanos / 1e9)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
