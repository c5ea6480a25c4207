"""Iterators that hold something open until they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def close(iterable: Iterable[Any]) -> None:
    """Ends a generator, so that what it holds is let go; nothing for an iterable that cannot be closed."""
    end = getattr(iterable, "close", None)
    if end is not None:
        end()
