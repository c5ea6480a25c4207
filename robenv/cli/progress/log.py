"""The whole output of a build in a file, with the Dockerfile: it stays where the build fails, for who wants more."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from robenv.cli.progress.plain import PlainView
from robenv.paths import cache_folder, create_file

if TYPE_CHECKING:
    from robenv.engine.build.progress import BuildState
    from robenv.engine.protocol import BuildEvent
    from robenv.render import Rendered


class BuildLog:
    """One file for each title, of the last build that failed. Where none can be written, there is none."""

    def __init__(self, title: str, rendered: Rendered | None) -> None:
        slug = re.sub(r"[^a-z0-9._-]+", "-", title.lower()).strip("-.")[:100]
        self.path = Path(cache_folder(), "logs", f"build-{slug}.log")
        self._temporary = self.path.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}.new")
        self._rendered = rendered
        self._file: TextIO | None = None
        self._view: PlainView | None = None

    def start(self) -> None:
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.fdopen(
                create_file(str(self._temporary), 0o600), "w", encoding="utf-8", errors="backslashreplace"
            )
            self._view = PlainView(self._file)

    def show(self, before: BuildState, after: BuildState, event: BuildEvent) -> None:
        with self._while_it_works():
            if self._view is not None:
                self._view.show(before, after, event)

    def end(self, kept: bool) -> str:
        """Its path where it is ``kept`` and could be written, else "". May be called again."""
        with self._while_it_works():
            if self._view is not None and kept:
                self._view.stop()
                self._view.say(f"\nDockerfile:\n{self._rendered.dockerfile}" if self._rendered else "")
        file, self._file, self._view = self._file, None, None
        if file is None:
            return ""
        with contextlib.suppress(OSError):
            file.close()
            if kept:
                self._temporary.replace(self.path)
                return str(self.path)
            self._temporary.unlink()
        return ""

    @contextlib.contextmanager
    def _while_it_works(self) -> Iterator[None]:
        try:
            yield
        except OSError:  # a full disk is no reason to stop
            self._view = None
