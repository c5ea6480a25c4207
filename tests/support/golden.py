"""Text that was looked at once, and is the same since."""

from __future__ import annotations

import os
from pathlib import Path


def check(golden: Path, text: str) -> None:
    if os.environ.get("ROBENV_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert golden.exists(), "there is no such golden file yet: ROBENV_UPDATE_GOLDEN=1 writes it"
    assert text == golden.read_text()
