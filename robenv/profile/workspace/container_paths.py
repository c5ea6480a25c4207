"""Where paths of the container lie on this machine: what is a link to a folder here can lead nowhere in there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable

_MOST_LINKS = 40
"""Links on the way to one place, as the kernel has it."""


class BoundFolders:
    """The folders of this machine that a container has. ``binds``: (path inside, folder of this machine)."""

    def __init__(self, binds: Iterable[tuple[str, str]]) -> None:
        found = {posixpath.normpath(target): source for target, source in binds}
        self._binds = sorted(found.items(), key=lambda bind: len(bind[0]), reverse=True)
        self._targets = frozenset(found)

    def host(self, path: str) -> str:
        """What is at a path inside, with no link on the way; "" where that is none of this machine's folders."""
        for target, source in self._binds:
            if path == target:
                return source
            if path.startswith(target.rstrip("/") + "/"):
                return os.path.join(source, path[len(target) :].lstrip("/"))
        return ""

    def real(self, path: str) -> str:
        """Where a path leads inside, as far as this machine's links say; "" for a circle."""
        waiting = path.split("/")[::-1]
        here, links = "/", 0
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                here = posixpath.dirname(here)
                continue
            there = posixpath.join(here, part)
            text = self._link(there)
            if not text:
                here = there
                continue
            links += 1
            if links > _MOST_LINKS:
                return ""
            here = "/" if text.startswith("/") else here
            waiting += text.split("/")[::-1]
        return here

    def _link(self, path: str) -> str:
        """What a link says; "" for anything else. What is mounted is no link any more."""
        host = "" if path in self._targets else self.host(path)
        try:
            return os.readlink(host) if host else ""
        except OSError:
            return ""
