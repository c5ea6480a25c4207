"""Layers that a storage driver's engine pushes to a registry inside this process, which takes only those it asks for.

Such an engine has no other way to give a part of an image: `docker save` reads and writes the whole one. It notes the
digest of each layer that it once pulled or pushed, and asks whether the registry has it. So the answer is yes at first,
and what comes is what nobody has had so far; the manifest at the end tells which of the others are still wanted, and to
these the answer is no the next time. Each layer is packed as it comes.

An engine packs slowly what it pushes: `docker save` is quicker where that is much of the image. So a push of that much
is given up; and while an image is on its way to a robot, the engine gets the time to note what it does not know yet.
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any

from robenv.engine.protocol import BuildEvent, Engine, ImageInfo, TransferEvent
from robenv.errors import OperationFailed, RobenvError
from robenv.transfer.embedded_registry import serving
from robenv.transfer.layer_cache import LayerCache
from robenv.transfer.layers import is_compressed
from robenv.util.concurrency import forward

_ROUNDS = 2
_LITTLE = 16 << 20
_PART = 8
"""A push of more than so many bytes, and than this part of the image, takes longer than `docker save`."""
_LOOK = 8 << 20
"""Bytes of a layer that are held until it is clear that it is larger: no more is known of its size."""
_LARGE = 1 << 40
_LEAST_ROOM, _ROOM = 1 << 30, 8
"""Bytes that a push may bring, unpacked: so many times the image's size, since that counts no tar headers."""
_INFLATED = 1 << 20
"""Bytes that are unpacked at a time, however well they are packed."""


class _GivenUpError(Exception):
    """The push is not worth its time, or nobody waits for it any more."""


class _TooMuchError(OperationFailed):
    """An engine pushes what cannot be that image."""


def push_into(
    engine: Engine, image: ImageInfo, wanted: Set[str], layer_cache: LayerCache, count: Callable[[int], None]
) -> frozenset[str]:
    """Brings blobs of the image into the spool, by the digests of layers and config, and tells which came.

    None may have come; there is always `docker save`. Raises DiskFull, OperationFailed for the spool.
    """
    blob_sink = _Packing(image, layer_cache, count)
    for _ in range(_ROUNDS):
        whole = _push(engine, image, blob_sink, "sending", _Budget(image).look)
        if blob_sink.error is not None:
            raise blob_sink.error
        if not whole or wanted <= blob_sink.came or not blob_sink.refuse(wanted):
            break
    return frozenset(blob_sink.came)


@contextmanager
def noting(engine: Engine) -> Iterator[Callable[[ImageInfo], None]]:
    """Called with an image, lets the engine note the digests of its layers beside all else, while this lasts."""
    ended = threading.Event()
    begun: dict[str, threading.Thread] = {}

    def look(event: BuildEvent) -> None:
        if ended.is_set():
            raise _GivenUpError

    def note(image: ImageInfo) -> None:
        if engine.info().content_store:
            return
        arguments = (engine, image, _Counting(image), f"noting-{image.id[7:19]}", look)
        thread = threading.Thread(target=_push, args=arguments, daemon=True)
        if begun.setdefault(image.id, thread) is thread:
            thread.start()

    try:
        yield note
    finally:
        ended.set()
        for thread in begun.values():
            thread.join(_PATIENCE)


_PATIENCE = 2.0
"""Seconds in which a push that was given up has ended."""


def _push(engine: Engine, image: ImageInfo, blob_sink: _Counting, tag: str, look: Callable[[BuildEvent], None]) -> bool:
    """Whether the engine pushed the image to its end."""
    if not _is_here(engine):
        return False
    with serving(blob_sink) as place:
        if place is None:
            return False
        name = f"{place.address}/robenv:{tag}"
        try:
            engine.tag(image.id, name)
            forward(engine.push(name, place.login), look)
        except (RobenvError, _GivenUpError):
            return False  # who needs the layers asks in another way, and is told what is wrong with the engine
        finally:
            with suppress(RobenvError):
                engine.remove_image(name)
    return True


def _is_here(engine: Engine) -> bool:
    """Others on an engine's own machine could listen at that address."""
    info = engine.info()
    return info.endpoint.startswith("unix://") and info.raw.get("Name") == socket.gethostname()


class _Budget:
    """How much an engine may push, judged by what it says it has begun."""

    def __init__(self, image: ImageInfo) -> None:
        self._most = max(_LITTLE, image.size // _PART)
        self._begun: dict[str, int] = {}

    def look(self, event: BuildEvent) -> None:
        if isinstance(event, TransferEvent) and event.total:
            self._begun[event.id] = event.total
            if sum(self._begun.values()) > self._most:
                raise _GivenUpError


class _Counting:
    """Has every layer, takes what comes, and keeps nothing."""

    def __init__(self, image: ImageInfo) -> None:
        self._refused = {image.id}
        self._blobs: set[str] = set()
        self._room = max(_LEAST_ROOM, _ROOM * image.size)
        self._lock = threading.Lock()

    def has(self, digest: str) -> bool:
        return digest in self._blobs or digest not in self._refused

    def take(self, pieces: Iterable[bytes]) -> str:
        total = hashlib.sha256()
        self._keep(_hashed(pieces, total))
        pushed = f"sha256:{total.hexdigest()}"
        self._blobs.add(pushed)
        return pushed

    def take_manifest(self, text: bytes) -> None:
        """Nobody asks for it."""

    def _keep(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            self._fill(len(piece))

    def _fill(self, size: int) -> None:
        with self._lock:
            self._room -= size
            if self._room < 0:
                raise _TooMuchError("The engine pushes more than the image has.")


class _Packing(_Counting):
    """Packs what comes into the spool."""

    def __init__(self, image: ImageInfo, layer_cache: LayerCache, count: Callable[[int], None]) -> None:
        super().__init__(image)
        self.came: set[str] = set()
        self.error: RobenvError | None = None
        self._image, self._spool, self._count = image, layer_cache, count
        self._layers: tuple[str, ...] = ()

    def refuse(self, wanted: Set[str]) -> bool:
        """Has what is still wanted sent the next time; False where the manifest does not tell what that is."""
        if len(self._layers) != len(self._image.layers):
            return False
        pushed = zip(self._image.layers, self._layers, strict=True)
        more = {blob for layer, blob in pushed if layer in wanted - self.came}
        self._refused |= more
        return bool(more)

    def take_manifest(self, text: bytes) -> None:
        with suppress(
            ValueError, TypeError, KeyError, AttributeError, RecursionError
        ):  # then nothing more is asked for
            self._layers = tuple(str(one["digest"]) for one in json.loads(text).get("layers") or ())

    def _keep(self, pieces: Iterator[bytes]) -> None:
        try:
            packed = self._spool.put(*_sized(self._counted(_unpacked(pieces))))
        except _TooMuchError:
            raise  # it ends the push; there is always `docker save`
        except RobenvError as error:
            self.error = error
            raise
        self.came.add(packed.digest)

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._fill(len(piece))
            with self._lock:
                self._count(len(piece))
            yield piece


def _hashed(pieces: Iterable[bytes], total: Any) -> Iterator[bytes]:
    for piece in pieces:
        total.update(piece)
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Layers come packed by gzip, and a config as it is."""
    first = next(pieces, b"")
    if not is_compressed(first):
        yield from filter(None, chain([first], pieces))
        return
    unpacker = zlib.decompressobj(31)
    for piece in chain([first], pieces):
        while piece and (plain := unpacker.decompress(piece, _INFLATED)):
            yield plain
            piece = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise EOFError("the layer is not whole")


def _sized(pieces: Iterator[bytes]) -> tuple[Iterator[bytes], int]:
    """The same, and how many bytes there are, as far as one can know."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > _LOOK:
            return chain(_emptied(held), pieces), _LARGE
    return _emptied(held), size


def _emptied(pieces: list[bytes]) -> Iterator[bytes]:
    while pieces:
        yield pieces.pop(0)
