"""The scripts that an image gets beside its packages, through shellcheck."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from robenv.plan.image.build import plan_build
from robenv.profile.resolve.resolve import resolve_builtin
from robenv.render import render
from robenv.resources import profiles_folder


def test_the_scripts_of_an_image_are_sound(tmp_path: Path) -> None:
    names = []
    for entry in render(plan_build(resolve_builtin("ros/jazzy"), "linux/amd64")).context:
        if entry.name.endswith(("/entrypoint", "/bashrc")):
            names.append(entry.name.rpartition("/")[2])
            (tmp_path / names[-1]).write_bytes(entry.data)
    assert names == ["bashrc", "entrypoint"]
    # What they source is in images alone.
    command = ["shellcheck", "--shell=bash", "--exclude=SC1090,SC1091", "--format=gcc", *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("script", sorted(profiles_folder().rglob("*.sh")), ids=lambda path: path.stem)
def test_the_scripts_that_profiles_bring_are_sound(script: Path) -> None:
    command = ["shellcheck", "--shell=bash", "--format=gcc", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
