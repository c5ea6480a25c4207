"""What README.md tells its reader to do."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.folders import ROOT

README = ROOT / "README.md"


def blocks(language: str, path: Path = README) -> list[str]:
    """The fenced blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def shell_blocks(path: Path = README) -> list[str]:
    """The blocks of commands: those in ``bash``, and of those in ``console`` the lines after ``$ ``."""
    console = [
        "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith("$ "))
        for block in blocks("console", path)
    ]
    return [*blocks("bash", path), *console]


def table_commands(path: Path = README) -> list[str]:
    """The commands in the rows of tables, in their order."""
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [command for row in rows for command in re.findall(r"`((?:robenv|make) [^`]*)`", row)]


def links(path: Path = README) -> list[str]:
    """The files that it links to, relative to it."""
    found = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    return [link for link in found if "://" not in link]
