"""Entries of a .repos file."""

from __future__ import annotations

from pathlib import Path

from robenv.errors import Problem
from robenv.git.workspace.repos_file import RepositoryEntry, parse_repos
from robenv.profile.yaml.nodes import SourceFile
from tests.support.servers.upstream import Upstream


def entries(*lines: str) -> tuple[RepositoryEntry, ...]:
    problems: list[Problem] = []
    text = "repositories:\n" + "".join(f"  {line}\n" for line in lines)
    found = parse_repos(SourceFile(Path("p.repos"), "p.repos", "p.repos", "project", Path(), (), text), problems)
    assert problems == []
    return found


def entry(origin: Upstream, version: str = "") -> RepositoryEntry:
    said = f", version: {version}" if version else ""
    return entries(f"lidar: {{type: git, url: '{origin.url}'{said}}}")[0]
