"""A command line that ran in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Done(NamedTuple):
    code: int
    stdout: str
    stderr: str


Robenv = Callable[..., Done]
