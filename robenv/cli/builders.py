"""What `build` and `up` share: engines elsewhere that build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from robenv.project.image.remote_builders import Builder

BuilderOption = Annotated[
    list[str] | None,
    typer.Option("--builder", metavar="ssh://HOST", help="Build on that engine what it runs natively; repeatable"),
]
Assign = Callable[[Sequence[str]], "Mapping[str, Builder]"]
"""From platforms to the builder of each; a platform that is not in it is built here. Raises UsageError."""


@contextmanager
def named_builders(urls: Sequence[str] | None) -> Iterator[Assign]:
    """Reaches them first of all. Raises UsageError, EngineUnreachable."""
    if not urls:
        yield lambda platforms: {}
        return
    from robenv.project.image.remote_builders import assign_builders, open_builders

    with open_builders(urls) as builders:
        yield lambda platforms: assign_builders(builders, platforms)
