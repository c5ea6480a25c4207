"""Sends an image to another engine: the layers that it lacks, packed, in steps that it keeps when the link breaks.

    look at both → pack what is missing → load it step by step under staging names → prove it → give it its name

A cut load leaves nothing behind in any image store. So each step is a whole small image of the layers so far: the next
try finds them as it finds base images. Only what was proven gets the name that was asked for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from robenv.engine.protocol import BlobInfo, BuildEvent, Engine, StepEvent, TransferEvent
from robenv.errors import DiskFull, EngineLost, EngineUnreachable, OperationFailed, RobenvError
from robenv.transfer.disk_space import STAGING
from robenv.transfer.layer_cache import GZIP, PLAIN, ZSTD, LayerCache, PackedBlob
from robenv.transfer.layers import ArchiveHead, LoadStep, archive, part_of_config, steps
from robenv.transfer.load_stream import LoadStream
from robenv.transfer.source import Save, SourceImage, find_source
from robenv.transfer.target import TargetContents, forget_images, has_arrived, prove_unpacked, read_target

STEP_SIZE = 8 << 20
"""Packed bytes after which a step ends: 3 s of a link of 20 Mbit/s. A layer is never divided."""
_ZSTD_SINCE = (1, 42)
"""Docker Engine 23 unpacks zstd; 20.10 takes gzip."""
_PATIENCE = 10.0
"""Seconds in which a load whose connection broke may still turn out to have succeeded."""
_TICK = 0.2

OnEvent = Callable[[BuildEvent], object]


@dataclass(frozen=True)
class TransferResult:
    """``bytes`` went over the link as the bodies of loads; ``image_id`` is the image's in the target's store."""

    image_id: str
    bytes: int
    layers_sent: int
    layers_there: int
    seconds: float


def send_image(
    source: Engine,
    target: Engine,
    image: str,
    as_tag: str,
    *,
    compress: bool = True,
    progress: OnEvent = lambda event: None,
    spool_folder: Path | None = None,
    step_size: int = STEP_SIZE,
    save: Save | None = None,
    target_name: str = "",
) -> TransferResult:
    """Makes ``as_tag`` on ``target`` the image that ``image`` is on ``source``. ``progress`` hears how far it is.

    Whatever fails, ``as_tag`` stays what it was, and what was sent whole is kept for the next try. Raises
    ImageNotFound, DiskFull (its message says whose disk), EngineLost, OperationFailed. ``target_name``: what the user
    calls the target; by default its host's name.
    """
    began, name = time.monotonic(), target_name
    repository = staging_repository(as_tag)
    layer_cache = LayerCache(_form(target, compress), spool_folder)
    with layer_cache.locked():  # who deploys to several robots at once asks one engine under one name
        wanted = find_source(source, image, f"{repository}:read", save)

    def attempt(trusting: bool) -> _Transfer:
        with _at_target(target, image, name):
            there = read_target(target, wanted, repository, trusting)
        transfer = _Transfer(target, wanted, image, there, layer_cache, repository, progress, name)
        if not there.image:
            transfer.send(transfer.pack(), step_size)
        with _at_target(target, image, name):
            transfer.finish(as_tag)
        return transfer

    try:
        done = attempt(trusting=True)
    except DiskFull:
        raise
    except OperationFailed:
        # What was there went meanwhile, is broken over there, or a layer was damaged in the spool.
        done = attempt(trusting=False)
    return TransferResult(done.image_id, done.sent, done.layers_sent, done.layers_there, time.monotonic() - began)


def staging_repository(as_tag: str) -> str:
    """Where the steps of a transfer have their names until its end: ``robenv-staging/NAME``."""
    name = re.sub(r":[^/]*$", "", as_tag.partition("@")[0])
    return f"{STAGING}{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"


def _form(target: Engine, compress: bool) -> str:
    if not compress:
        return PLAIN
    version = target.info().api_version.split(".")
    known = all(number.isdigit() for number in version)
    return ZSTD if known and tuple(map(int, version)) >= _ZSTD_SINCE else GZIP


class _Transfer:
    """One image on its way to one engine."""

    def __init__(
        self,
        target: Engine,
        source: SourceImage,
        image: str,
        there: TargetContents,
        layer_cache: LayerCache,
        repository: str,
        tell: OnEvent,
        target_name: str,
    ) -> None:
        self._target_name = target_name
        self.image_id = there.image
        self.sent = 0
        self._target = target
        self._source = source
        self._image = image
        self._there = there
        self._spool = layer_cache
        self._repository = repository
        self._tell = tell
        self._name = there.image
        self._tags = list(there.staged)
        self.layers_there = len(there.blobs)
        self.layers_sent = len(source.layers) - self.layers_there

    def pack(self) -> dict[str, PackedBlob]:
        """The layers that the target lacks, in the spool, by the digest of their blob."""
        missing = [blob for number, blob in enumerate(self._source.layers) if number not in self._there.blobs]
        with _Step(self._tell, f"pack {len(missing)} layers of {self._image}") as step:
            return self._source.fetch(missing, self._spool, step.moved)

    def send(self, packed: Mapping[str, PackedBlob], step_size: int) -> None:
        """Loads them. Raises as ``send_image``."""
        config = self._source.config(self._spool)
        missing = {digest: one.packed for digest, one in packed.items()}
        planned = [self._planned(config, step, packed) for step in steps(self._source.layers, missing, step_size)]
        total = sum(body.size for _, _, body in planned)
        with _Step(self._tell, f"send {len(missing)} layers of {self._image}", total) as meter:
            for step, said, body in planned:
                self._load(step, said, body, meter)
        self.sent = total

    def _planned(
        self, config: bytes, step: LoadStep, packed: Mapping[str, PackedBlob]
    ) -> tuple[LoadStep, ArchiveHead, LoadStream]:
        own = part_of_config(config, step.count)
        blobs = self._blobs(step.count, packed)
        original = self._source.manifest
        manifest = original.text if original and original.layers == blobs else b""
        said = archive(self._staged(step.count), own, blobs, manifest)
        return step, said, LoadStream(self._spool, [packed[digest] for digest in step.send], said.files)

    def _blobs(self, count: int, packed: Mapping[str, PackedBlob]) -> tuple[BlobInfo, ...]:
        there, layers = self._there.blobs, self._source.layers
        return tuple(
            there[number] if number in there else self._source.blob(number, packed[layers[number]])
            for number in range(count)
        )

    def _staged(self, count: int) -> str:
        return f"{self._repository}:{self._source.config_digest[7:19]}-{count}"

    def _load(self, step: LoadStep, said: ArchiveHead, body: LoadStream, meter: _Step) -> None:
        name, layers = self._staged(step.count), self._source.image.layers[: step.count]
        self._tags.append(name)
        with _at_target(self._target, self._image, self._target_name, step.send):
            try:
                self._target.load_images(meter.counted(body))
            except EngineLost:
                if not (body.gone and has_arrived(self._target, name, layers, _PATIENCE)):
                    raise
            except OperationFailed as error:
                self._give_up(name, step, error)
                raise
            if not has_arrived(self._target, name, layers):
                broken = OperationFailed(f"The engine took {name} and does not have it.")
                self._give_up(name, step, broken)
                raise broken
        self._name, self.image_id = name, said.image_id(self._target.info().content_store)

    def _give_up(self, name: str, step: LoadStep, error: OperationFailed) -> None:
        """Leaves no half image; and no layer in the spool that may be the cause, which a full disk is not."""
        if not isinstance(error, DiskFull):
            self._spool.drop(step.send)
        with suppress(RobenvError):
            self._target.remove_image(name)

    def finish(self, as_tag: str) -> None:
        """Proves what is there, names it, and removes the steps' names."""
        container = self._repository.replace("/", "-")
        try:
            prove_unpacked(self._target, self._name, self._source.image.layers, container)
        except OperationFailed:
            with suppress(RobenvError):
                forget_images(self._target, [name for name in self._tags if name == self._name])
            raise
        self._target.tag(self._name, as_tag)
        forget_images(self._target, dict.fromkeys(self._tags))


class _Step:
    """A step of the progress, and how far its bytes are."""

    def __init__(self, tell: OnEvent, name: str, total: int = 0) -> None:
        self._tell, self._name, self._total = tell, name, total
        self._began, self._told, self._current = time.time(), 0.0, 0

    def __enter__(self) -> _Step:
        self._tell(StepEvent(self._name, self._name, started=self._began))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._current:
            self._say(completed=error is None)
        failed = str(error) or "interrupted" if error is not None else ""
        self._tell(StepEvent(self._name, self._name, self._began, completed=time.time(), error=failed))

    def counted(self, pieces: LoadStream) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self.moved(len(piece))

    def moved(self, count: int) -> None:
        self._current += count
        if time.monotonic() - self._told > _TICK:
            self._told = time.monotonic()
            self._say()

    def _say(self, completed: bool = False) -> None:
        left = seconds_left(self._current, self._total, time.time() - self._began)
        name = f"{self._name}, {left} s left" if left and not completed else self._name
        self._tell(TransferEvent(f"{self._name} bytes", name, self._current, self._total, completed, self._name))


def seconds_left(current: int, total: int, elapsed: float) -> int:
    """At the mean rate so far; 0 where that tells nothing yet."""
    if not current or current >= total or elapsed < 1:
        return 0
    return round((total - current) * elapsed / current)


@contextmanager
def _at_target(target: Engine, image: str, name: str, layers: Sequence[str] = ()) -> Iterator[None]:
    """Says of an error that it is the target's, by ``name`` or by its host's."""
    try:
        yield
    except DiskFull as error:
        host, folder = _place(target, name)
        raise DiskFull(
            f"The disk of the target, {host}, is full: {image} does not fit into {folder}.",
            details=error.message,
            hint="Free some space there: `docker system df -v` on the target shows what takes it.",
        ) from error
    except EngineLost as error:
        raise EngineLost(
            f"The connection to the target, {_place(target, name)[0]}, broke while {image} was sent.",
            details=error.details or error.message,
            hint="Run the same command again: it goes on with what is still missing.",
        ) from error
    except EngineUnreachable:
        raise
    except OperationFailed as error:
        raise type(error)(
            f"The target, {_place(target, name)[0]}, did not take {image}: {error.message}",
            details="\n".join(filter(None, [error.details, *layers])),
            hint=error.hint or "Run the same command again.",
        ) from error


def _place(target: Engine, name: str) -> tuple[str, str]:
    """What the target is called, and the folder of the engine's data; known since the transfer began."""
    info = target.info()
    return name or str(info.raw.get("Name") or info.endpoint), info.root_dir or "its data folder"
