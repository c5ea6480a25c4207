"""Every shell line of the Dockerfiles that were looked at, and every script beside them, through shellcheck."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from robenv.plan.build import plan_build
from robenv.profile.resolve import resolve_builtin
from robenv.render import render

ALLOWED = (
    "SC1090",
    "SC1091",  # what is sourced is not here to be followed
    "SC2016",  # what single quotes keep is for another shell
)
_RUN = re.compile(r"^RUN (?!\[)((?:.*\\\n)*.*)", re.MULTILINE)
_MOUNT = re.compile(r"\A(?:--\S+ (?:\\\n)?\s*)+")


def scripts_of(dockerfile: str) -> list[str]:
    return [_MOUNT.sub("", match[1]) for match in _RUN.finditer(dockerfile)]


def check(paths: list[Path], shell: str) -> None:
    command = ["shellcheck", "--shell", shell, "--exclude", ",".join(ALLOWED), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_run_lines_are_sound(root: Path, tmp_path: Path) -> None:
    texts = {
        text for golden in (root / "tests" / "golden").glob("*.Dockerfile") for text in scripts_of(golden.read_text())
    }
    assert any("rosdep update" in text for text in texts)
    paths = []
    for number, text in enumerate(sorted(texts)):
        paths.append(tmp_path / f"{number}.sh")
        paths[-1].write_text(text + "\n")
    check(paths, "dash")


def test_the_scripts_of_an_image_are_sound(tmp_path: Path) -> None:
    entries = render(plan_build(resolve_builtin("ros/jazzy"), "linux/amd64")).context
    paths = []
    for entry in entries:
        if entry.name.endswith(("/entrypoint", "/bashrc")):
            paths.append(tmp_path / entry.name.rpartition("/")[2])
            paths[-1].write_bytes(entry.data)
    assert len(paths) == 2
    check(paths, "bash")
