"""How much memory the client takes for a build, with an empty workspace and with 2 GB of data in it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from pathlib import Path

from benchmarks.entering import remove_images
from benchmarks.measure import ROBENV, Check, Group

PROJECT = "robenv-bench-memory"
SIZE = 2 * 1024**3
_PROFILE = """\
name: {project}
base:
  bootstrap: {{suite: bookworm}}
image:
  args: {{MARK: {mark}}}
files: [{{source: named.txt, target: /opt/named.txt}}]
steps: [{{name: mark, run: 'echo "$MARK"'}}]
"""


def measure(folder: Path, rounds: int) -> Group:
    values: dict[str, list[float]] = {"empty workspace": [], "2 GB workspace": []}
    project = folder / "memory"
    project.mkdir()
    (project / "named.txt").write_text("the one file that the profile names\n")
    bag = project / "recording.bag"
    try:
        _peak(project)
        for _ in range(rounds):
            bag.unlink(missing_ok=True)
            values["empty workspace"].append(_peak(project))
            with bag.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            values["2 GB workspace"].append(_peak(project))
    finally:
        bag.unlink(missing_ok=True)
        remove_images(f"robenv/{PROJECT}")
    group = Group("Memory of the client in a build (peak)", "MB", values, reference="empty workspace")
    group.checks = [Check("2 GB workspace / empty", group.ratio("2 GB workspace") or 0, 1.1)]
    return group


def _peak(project: Path) -> float:
    """Megabytes resident at most, of a `robenv build` that does build."""
    (project / "robenv.yaml").write_text(_PROFILE.format(project=PROJECT, mark=uuid.uuid4().hex))
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [ROBENV, "build"], cwd=project, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"robenv build exited with {process.returncode}:\n{said.read().decode()}")
    return usage.ru_maxrss / 1024
