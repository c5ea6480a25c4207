"""The names that images have on an engine while `save`, `load` and the like are at work, and nobody else uses.

No half of an image can ever stand under a real name. Each name tells the machine and the process that gave it, so that
what a killed one has left is known and goes.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from robenv.engine.protocol import Engine
from robenv.errors import ImageNotFound
from robenv.paths import runs
from robenv.share.contents import SavedImage
from robenv.share.image_names import STAGING


def staging_name() -> str:
    """A new one: ``robenv/saved:MACHINE-PROCESS-RANDOM``."""
    return f"{STAGING}:{_machine()}-{os.getpid()}-{secrets.token_hex(6)}"


def abandoned(names: Sequence[str]) -> list[str]:
    """Those whose process is no longer there; of other machines' nothing is known."""
    return [name for name in names if (process := _process(name)) and not runs(process)]


@contextmanager
def staged(engine: Engine, images: Sequence[SavedImage]) -> Iterator[tuple[SavedImage, ...]]:
    """The images under staging names while the block runs."""
    named = tuple(replace(image, staging=staging_name()) for image in images)
    with _tidied(engine, [image.staging for image in named]):
        for image in named:
            engine.tag(image.wanted.reference, image.staging)
        yield named


@contextmanager
def arriving(engine: Engine, images: Sequence[SavedImage]) -> Iterator[Mapping[str, str]]:
    """Under which names images are to arrive here: a new one for each that they have in the file."""
    names = {image.staging: staging_name() for image in images}
    with _tidied(engine, list(names.values())):
        yield names


@contextmanager
def _tidied(engine: Engine, names: Sequence[str]) -> Iterator[None]:
    for name in find_abandoned(engine):
        _remove(engine, name)
    try:
        yield
    finally:
        for name in names:
            _remove(engine, name)


def find_abandoned(engine: Engine) -> list[str]:
    there = engine.images(named=f"{STAGING}:*")
    return abandoned([name for image in there for name in image.tags])


def _remove(engine: Engine, name: str) -> None:
    try:
        engine.remove_image(name)
    except ImageNotFound:
        return  # it never came so far, or another robenv was faster


def _machine() -> str:
    return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]


def _process(name: str) -> int:
    """That of this machine which gave the name; 0 where it was another machine's, or none of ours."""
    machine, _, rest = name.removeprefix(f"{STAGING}:").partition("-")
    process = rest.partition("-")[0]
    ours = machine == _machine() and name.startswith(f"{STAGING}:")
    return int(process) if ours and process.isascii() and process.isdigit() else 0
