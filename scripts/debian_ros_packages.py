"""Writes robenv/catalog/debian_ros.json: which ROS 1 packages Debian has not, and where their sources are.

    python scripts/debian_ros_packages.py DISTRIBUTION.yaml SUITE…

DISTRIBUTION.yaml: noetic/distribution.yaml of https://github.com/ros/rosdistro (REP 143). SUITE: bookworm, trixie, …,
whose Contents indices are read from deb.debian.org: a ROS package has its share/NAME/package.xml in some package there.
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

import yaml

ARCHIVE = "https://deb.debian.org/debian/dists"
TARGET = Path(__file__).resolve().parent.parent / "robenv/catalog/debian_ros.json"
_BY_RULE = frozenset(("euslisp", "jskeus"))
"""Under their own names in Debian, with a rule in rosdep/base.yaml, and without a package.xml."""
_MANIFEST = re.compile(rb"^usr/share/([^/\s]+)/package\.xml\s", re.MULTILINE)


def packages_of(suite: str) -> set[str]:
    """The ROS packages in a suite, those for all architectures and those for amd64."""
    found: set[str] = set()
    for architecture in ("all", "amd64"):
        url = f"{ARCHIVE}/{suite}/main/Contents-{architecture}.gz"
        with urllib.request.urlopen(url, timeout=600) as answer:  # noqa: S310 - https, by ARCHIVE
            found |= {name.decode() for name in _MANIFEST.findall(gzip.decompress(answer.read()))}
    return found


def rows(distribution: dict[str, Any], suites: dict[str, set[str]]) -> dict[str, dict[str, Any]]:
    """By the repository: its address and branch, and its packages that a suite lacks."""
    made: dict[str, dict[str, Any]] = {}
    for name, one in sorted(distribution["repositories"].items()):
        source = one.get("source") or one.get("doc") or {}
        packages = (one.get("release") or {}).get("packages", [name])
        lacking = {suite: sorted(set(packages) - there - _BY_RULE) for suite, there in suites.items()}
        if any(lacking.values()) and source.get("type", "git") == "git":
            row = {"url": source.get("url", ""), "version": source.get("version", "")}
            same = lacking[next(iter(suites))]
            if all(names == same for names in lacking.values()):
                made[name] = {**row, "packages": same}
            else:
                made[name] = {**row, "lacking": lacking}
    return made


def main(file: str, *suites: str) -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    distribution = yaml.load(Path(file).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe one
    found = rows(distribution, {suite: packages_of(suite) for suite in suites})
    about = {
        "sources": [f"{ARCHIVE}/SUITE/main/Contents-{{all,amd64}}.gz", "https://github.com/ros/rosdistro, noetic"],
        "looked_at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "made_by": "scripts/debian_ros_packages.py",
        "suites": list(suites),
    }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in found.items())
    TARGET.write_text(f'{{"about": {json.dumps(about)},\n "repositories": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
