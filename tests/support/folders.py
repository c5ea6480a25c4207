"""Where things of the checkout are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
"""Files that somebody hostile could send, by the kind of their reader."""
DATA = ROOT / "tests" / "data"
BUILD_STREAMS = DATA / "build_streams"
MACHINES = DATA / "machines"
"""Machines as ``python -m robenv.host.record`` writes them."""
