"""Images under staging names while `save` and `load` are at work: no half of an image ever has a real name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from robenv.bundle.contents import SavedImage
from robenv.engine.protocol import Engine
from robenv.errors import ImageNotFound
from robenv.project.image.staging_names import find_abandoned, staging_name


@contextmanager
def staged_for_save(engine: Engine, images: Sequence[SavedImage]) -> Iterator[tuple[SavedImage, ...]]:
    """The images under staging names while the block runs."""
    named = tuple(replace(image, staging=staging_name()) for image in images)
    with _tidied(engine, [image.staging for image in named]):
        for image in named:
            engine.tag(image.wanted.reference, image.staging)
        yield named


@contextmanager
def staging_names_for_load(engine: Engine, images: Sequence[SavedImage]) -> Iterator[Mapping[str, str]]:
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


def _remove(engine: Engine, name: str) -> None:
    try:
        engine.remove_image(name)
    except ImageNotFound:
        return  # it never came so far, or another robenv was faster
