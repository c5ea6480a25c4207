"""Images of a few bytes for any platform, on which nothing needs to run: enough to copy files onto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from robenv.engine.protocol import BuildRequest, Engine
from tests.support.images.building import context

LABEL = "robenvtest.tiny"


@contextmanager
def tiny_images(engine: Engine, names: Mapping[str, str]) -> Iterator[None]:
    """Makes an image for each platform under its name in ``names``, and removes them again."""
    try:
        for platform, name in names.items():
            wanted = BuildRequest(name, platform, {LABEL: "1"}, no_cache=True)
            for _ in engine.build(wanted, context("FROM scratch\nCOPY mark /mark\n", mark=platform.encode())):
                pass
        yield
    finally:
        for name in names.values():
            if engine.find_image(name) is not None:
                engine.remove_image(name, force=True)
