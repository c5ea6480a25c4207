"""Iterators that hold something open until they end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def close(iterable: Iterable[Any]) -> None:
    """Ends a generator, so that what it holds is let go; nothing for an iterable that cannot be closed."""
    end = getattr(iterable, "close", None)
    if end is not None:
        end()


def forward(items: Iterable[T], take: Callable[[T], object]) -> None:
    """Hands every item on, and closes the iterator however that ends: this is what cancels on the engine."""
    try:
        for item in items:
            take(item)
    finally:
        close(items)
