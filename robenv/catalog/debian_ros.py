"""ROS 1 packages that Debian does not have, and where their sources are.

``debian_ros.json`` beside this file has them, with its sources and its date; scripts/debian_ros_packages.py makes it
anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class SourceRepository:
    """Where a package's source is; ``url`` "" where nobody says."""

    url: str
    version: str


@cache
def missing_packages(suite: str) -> dict[str, SourceRepository]:
    """By the packages of ROS 1's last release that a suite of Debian lacks; none for a suite that is not known."""
    data = json.loads((Path(__file__).parent / "debian_ros.json").read_text(encoding="utf-8"))
    if suite not in data["about"]["suites"]:
        return {}
    found = {}
    for one in data["repositories"].values():
        for package in one.get("packages") or one["lacking"][suite]:
            found[package] = SourceRepository(one["url"], one["version"])
    return found
