"""Images for engines of the tests' own, laid down before they start: packing and unpacking a Debian takes many seconds.

An image is loaded into an engine once and its files are kept in the cache folder; every further engine gets them as
hard links where that is possible. No engine ever changes a layer's files: containers have copies of what they change.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.engines.second_engine import SecondEngine
from tests.support.projects import caches


def lay_down(api: Any, reference: str, engine: SecondEngine) -> None:
    """Gives an engine that was never started an image of the engine behind ``api``."""
    wanted = caches.FOLDER / f"image-{api.inspect_image(reference)['Id'].removeprefix('sha256:')[:20]}"
    with _locked():
        if not wanted.exists():
            for outdated in caches.FOLDER.glob("image-*"):
                shutil.rmtree(outdated)
            _prepare(api, reference, wanted)
        _copy(wanted, engine.folder / "data")


@contextmanager
def _locked() -> Iterator[None]:
    caches.FOLDER.mkdir(parents=True, exist_ok=True)
    with (caches.FOLDER / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare(api: Any, reference: str, target: Path) -> None:
    """Of an engine's data the images and, in a folder of the storage driver's name, their layers."""
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    engine = SecondEngine()
    try:
        engine.start().copy_image(api, reference)
        driver = engine.api().info()["Driver"]
        engine.stop()
        for name in ("image", driver):
            shutil.move(engine.folder / "data" / name, unfinished / name)
    finally:
        engine.close()
    unfinished.rename(target)


def _copy(prepared: Path, data: Path) -> None:
    for folder in prepared.iterdir():
        linked = folder.name != "image" and folder.stat().st_dev == data.stat().st_dev
        how = ["--archive", "--link"] if linked else ["--archive", "--reflink=auto"]
        subprocess.run(["cp", *how, str(folder), str(data)], check=True)
