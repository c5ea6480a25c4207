"""A repository's objects by `git cat-file --batch`: one process for many, and none is read that is too large."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

from robenv.git.objects import MAX_OBJECT, start_hash
from robenv.util.safe_tree import LIMITS, BadTree

_PIECE = 1 << 18
_MAX_TARGET = 4096
_MAX_HEADER = 200
"""Bytes of git's answer before an object's own: its name, its kind, its size."""


class Objects:
    """All methods raise BadTree for an object that is not there, is another, or is too large."""

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=dict(environ), bufsize=_PIECE
        )

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:
            self._process.kill()

    def read(self, kind: str, name: str) -> bytes:
        return b"".join(self._content(self._size(kind, name, MAX_OBJECT)))

    def target(self, name: str) -> str:
        """Where the link with this blob leads."""
        return os.fsdecode(b"".join(self._checked(name, _MAX_TARGET)))

    def pieces(self, name: str) -> Iterator[bytes]:
        """A file's bytes; held against its name when the last of them has come."""
        return self._checked(name, LIMITS.size)

    def _checked(self, name: str, most: int) -> Iterator[bytes]:
        size = self._size("blob", name, most)
        digest = start_hash("blob", size, name)
        for piece in self._content(size):
            digest.update(piece)
            yield piece
        if digest.hexdigest() != name:
            raise BadTree(f"a file that is not the one of its name, {name[:12]}")

    def _size(self, kind: str, name: str, most: int) -> int:
        """Asks for an object: its bytes come next."""
        if self._process.stdin is None or self._process.stdout is None:
            raise BadTree("nothing that git can give")
        self._process.stdin.write(f"{name}\n".encode())
        self._process.stdin.flush()
        words = self._process.stdout.readline(_MAX_HEADER).decode("ascii", "replace").split()
        if len(words) != 3 or words[1] != kind or not words[2].isdigit():
            raise BadTree(f"no {kind} {name[:12]}, or a broken one")
        if int(words[2]) > most:
            raise BadTree(f"a {kind} of {words[2]} bytes")
        return int(words[2])

    def _content(self, size: int) -> Iterator[bytes]:
        if self._process.stdout is None:
            return
        left = size + 1  # and a line break
        while left:
            piece = self._process.stdout.read(min(left, _PIECE))
            if not piece:
                raise BadTree("an object that ends too early")
            left -= len(piece)
            yield piece if left else piece[:-1]
