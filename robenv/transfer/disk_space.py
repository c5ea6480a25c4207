"""How much of a robot's disk a transfer takes, and what transfers that were given up hold of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from robenv.engine.protocol import ImageInfo
from robenv.transfer.layers import chain_there

STAGING = "robenv-staging/"
"""What the names of images begin with that are on their way."""
_NO_LAYER = frozenset(
    (
        "ENV", "LABEL", "CMD", "ENTRYPOINT", "EXPOSE", "USER", "VOLUME", "STOPSIGNAL", "ARG", "ONBUILD", "HEALTHCHECK",
        "SHELL", "MAINTAINER",
    )
)  # fmt: skip
"""Instructions that change an image's config alone."""

History = Sequence[tuple[str, int]]
"""What made each part of an image, and its bytes, oldest first."""


@dataclass(frozen=True)
class DiskNeeds:
    """Bytes: ``needed`` on the robot's disk while the image goes there, ``freed`` before that."""

    needed: int = 0
    freed: int = 0


def layer_sizes(history: History, count: int) -> tuple[int, ...]:
    """The unpacked bytes of an image's ``count`` layers, lowest first. A history has config changes too, and of one
    without a byte it does not tell whether it is a layer; where that stays open, no layer gets too few from above."""
    without = [_instruction(text) for text, _ in history]
    for ignored in (_NO_LAYER, _NO_LAYER | {"WORKDIR"}):
        made = [size for (_, size), word in zip(history, without, strict=True) if size or word not in ignored]
        if len(made) == count:
            return tuple(made)
    known = [size for _, size in history if size]
    if len(known) > count:
        return (*[0] * (count - 1), sum(known)) if count else ()
    return (*[0] * (count - len(known)), *known)


def _instruction(text: str) -> str:
    """``RUN`` and the like; classic builds write ``/bin/sh -c #(nop) ENV …``, and for RUN the command line itself."""
    _, nop, rest = text.partition("#(nop)")
    return next(iter((rest if nop else text).split()), "")


def missing_layers(image: ImageInfo, there: Sequence[ImageInfo], content_store: bool) -> tuple[int, ...]:
    """The numbers of the layers that a robot with these images lacks: see ``target.look``."""
    if content_store:
        known = {layer for one in there if one.blob is not None for layer in one.layers}
        return tuple(number for number, layer in enumerate(image.layers) if layer not in known)
    return tuple(range(chain_there(image.layers, (one.layers for one in there)), len(image.layers)))


def room_needed(sizes: Sequence[int], missing: Sequence[int], content_store: bool) -> int:
    """Bytes at most. A containerd store keeps each blob beside what is unpacked; the others keep the archive of one
    load at a time, which is one layer where that is a large one. Packed, a layer has at most its own size."""
    unpacked = [sizes[number] for number in missing]
    return sum(unpacked) + (sum(unpacked) if content_store else max(unpacked, default=0))


def abandoned(there: Sequence[ImageInfo], wanted: Sequence[str], at_work: Set[str]) -> tuple[ImageInfo, ...]:
    """Of the images of a robot those that a transfer has left and nobody goes on with. ``wanted``: the layers that are
    to go there now; ``at_work``: the repositories of transfers that go on."""

    def is_left(image: ImageInfo) -> bool:
        repositories = {tag.rpartition(":")[0] for tag in image.tags}
        if (
            not repositories
            or not all(repository.startswith(STAGING) for repository in repositories)
            or repositories & at_work
        ):
            return False
        return image.layers != tuple(wanted[: len(image.layers)])

    return tuple(filter(is_left, there))


def room_freed(
    left: Sequence[ImageInfo], there: Sequence[ImageInfo], sizes: Callable[[ImageInfo], Sequence[int]]
) -> int:
    """Bytes that go with them: what they share with other images stays. ``sizes``: of an image's layers."""
    kept = [one for one in there if one not in left]
    return sum(_own_bytes(one, kept, sizes) for one in _longest(left))


def _longest(left: Sequence[ImageInfo]) -> Iterator[ImageInfo]:
    """Each step of a transfer has the layers of those before it."""
    for image in left:
        count = len(image.layers)
        if not any(len(one.layers) > count and one.layers[:count] == image.layers for one in left):
            yield image


def _own_bytes(image: ImageInfo, kept: Sequence[ImageInfo], sizes: Callable[[ImageInfo], Sequence[int]]) -> int:
    nearest = max(kept, key=lambda one: chain_there(image.layers, [one.layers]), default=None)
    if nearest is None:
        return image.size
    shared = chain_there(image.layers, [nearest.layers])
    return max(0, image.size - sum(sizes(nearest)[:shared]))
