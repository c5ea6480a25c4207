"""What the commands share: where the project is, the engine, and how to print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robenv.cli.errors import paint, print_warnings

if TYPE_CHECKING:
    from robenv.engine.protocol import Engine
    from robenv.environment.load import Loaded
    from robenv.profile.resolved import Resolved

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there")]
PlatformOption = Annotated[
    str | None, typer.Option("--platform", metavar="OS/ARCH", help="Build for this platform, such as linux/arm64")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes")]
AllOption = Annotated[bool, typer.Option("--all", "-a", help="Of every project on this engine")]


@dataclass(frozen=True)
class Where:
    """The root options: where to look for the project."""

    directory: Path
    file: Path | None

    def resolve(self, quiet: bool = False) -> Resolved:
        from robenv.environment.load import resolve

        resolved = resolve(self.directory, self.file, os.environ)
        if not quiet:
            print_warnings(resolved.warnings)
        return resolved

    def root(self) -> Path:
        """The project's folder. Raises UsageError where there is none."""
        from robenv.profile.project import find_project

        return find_project(self.directory, self.file).root

    def load(self, engine_platform: str, platform: str | None = None, quiet: bool = False) -> Loaded:
        from robenv.environment.load import choose_platform, load

        resolved = self.resolve(quiet)
        return load(resolved, choose_platform(resolved, platform, engine_platform))


@contextmanager
def open_engine() -> Iterator[Engine]:
    """The engine that the environment and the docker contexts name. Raises EngineUnreachable, EngineDenied."""
    from robenv.engine.docker_py import connect

    engine = connect(os.environ)
    try:
        yield engine
    finally:
        engine.close()


def own_platform() -> str:
    """This machine's platform: what is planned for where no engine is asked."""
    import platform

    from robenv.catalog.platforms import normalize

    return normalize(f"linux/{platform.machine()}")


def print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2, default=str, ensure_ascii=False)
    sys.stdout.write("\n")


def note(text: str) -> None:
    """A remark for a person: on stderr, so that stdout stays what was asked for."""
    print(paint("robenv:", "2") + " " + text, file=sys.stderr)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain columns, as `docker ps` prints them; the last one is not padded."""
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        padded = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def human_size(size: float) -> str:
    """Bytes as docker prints them: 1.5GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g}{unit}"
        size /= 1000
    return f"{size:.3g}TB"


def confirm(question: str) -> bool:
    """Asks on a terminal; never blocks where nobody can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty() and typer.confirm(question, err=True)
