"""Images as a tar stream, out of an engine and into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import docker

from robenv.engine.transport.docker_py_session import EVER, send
from robenv.engine.transport.errors import from_sentence, translated_errors
from robenv.engine.transport.records import Record, error_of, stream_records

_PIECE = 1 << 20
"""Bytes: the most that is in memory of an image."""
_LOADED = re.compile(r"Loaded image(?: ID)?: (\S+)")
_NOT_UNPACKED = re.compile(r"error unpacking|failed to extract layer|failed to (?:prepare|commit)", re.I)


class ArchiveCalls:
    """The part of ``robenv.engine.protocol.Engine`` that saves and loads images."""

    _api: docker.APIClient

    def save_images(self, references: Sequence[str]) -> Iterator[bytes]:
        """A tar of these images, as `docker save` writes it, in pieces; closing it ends the request.

        Raises ImageNotFound, DiskFull, EngineLost, also in the middle of the stream.
        """
        action = f"save {', '.join(references)}"
        with translated_errors(action):
            response = send(
                self._api, "get", "/images/get", params={"names": list(references)}, stream=True, timeout=EVER
            )
        try:
            with translated_errors(action):
                yield from response.iter_content(_PIECE)
        finally:
            response.close()

    def load_images(self, tar: Iterable[bytes]) -> tuple[str, ...]:
        """Loads what `docker save` or `save_images` wrote; the names or IDs of the images that the engine says it has.

        What reading ``tar`` raises comes out as it is, and the engine then gets no whole tar. An engine with the
        containerd image store may have moved a name before it finds that a layer does not fit: load under names that
        nobody uses, and look at the image before it gets its own. Raises DiskFull, EngineLost, OperationFailed.
        """
        source = _ArchiveChunks(tar)
        try:
            with translated_errors("load the images"):
                response = self._load(source)
                try:
                    return _loaded(stream_records(response, "load the images"))
                finally:
                    response.close()
        except Exception:
            # Whatever the connection says then is only an echo of the source that failed.
            if source.error is not None:
                raise source.error from None
            raise

    def _load(self, source: Iterable[bytes]) -> Any:
        headers = {"Content-Type": "application/x-tar"}
        body = iter(source)
        return send(
            self._api,
            "post",
            "/images/load",
            data=body,
            params={"quiet": "1"},
            headers=headers,
            stream=True,
            timeout=EVER,
        )


class _ArchiveChunks:
    """An iterator that remembers what it raised, and hands nothing empty on: that would end a chunked request."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from filter(None, self._pieces)
        except BaseException as error:
            self.error = error
            raise


def _loaded(answer: Iterator[Record]) -> tuple[str, ...]:
    names: list[str] = []
    for record in answer:
        said = str(record.get("stream") or "")
        sentence = error_of(record) or (said.strip() if _NOT_UNPACKED.search(said) else "")
        if sentence:
            raise from_sentence(sentence, "load the images")
        names += _LOADED.findall(said)
    return tuple(names)
