"""Folders that any user reaches: each run of pytest takes the rights from its own, and from those of others as well."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder below /tmp, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="robenvtest-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
