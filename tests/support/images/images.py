"""Images that tests make and do not keep."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def forget_images(api: Any, project: str) -> Iterator[None]:
    """Removes the images of a project that came while the block ran; what the builder has cached of them stays.

    One block at a time of a project, for none could tell its own images from those of another.
    """
    with Path(tempfile.gettempdir(), f"robenvtest-{project}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _tags(api, project)
        try:
            yield
        finally:
            for tag in _tags(api, project) - before:
                api.remove_image(tag)


def _tags(api: Any, project: str) -> set[str]:
    images = api.images(filters={"label": f"robenv.project={project}"})
    return {tag for image in images for tag in image["RepoTags"] or () if tag.startswith(f"robenv/{project}:")}
