"""A repository of profiles, made by the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FILES = {
    "ros/base.yaml": "extends: ../common.yaml\nbase: {image: x}\napt: {packages: [ros-core]}\n"
    "files: [{source: cyclone.xml, target: /etc/cyclone.xml}]\n",
    "ros/cyclone.xml": "<x/>\n",
    "common.yaml": "apt: {packages: [git]}\n",
    "robenv.yaml": "base: {image: y}\n",
}


class Upstream:
    """A repository of somebody else's, and how it moves on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        names = ("AUTHOR", "COMMITTER")
        who = {f"GIT_{name}_{what}": "somebody@example.org" for name in names for what in ("NAME", "EMAIL")}
        argv = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(
            argv, check=True, capture_output=True, text=True, env={**os.environ, **who}
        ).stdout.strip()

    def commit(self, files: dict[str, str], tag: str = "") -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        if tag:
            self.git("tag", "--force", tag)
        return self.git("rev-parse", "HEAD")
