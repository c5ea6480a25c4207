"""What hadolint and shellcheck say of the Dockerfile of every built-in profile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.folders import ROOT
from tests.support.images.dockerfile_reader import run_scripts
from tests.support.projects import catalogue

GOLDEN = ROOT / "tests" / "golden" / "profiles"
HADOLINT = Path(sys.executable).with_name("hadolint")
NOT_ASKED = {
    "DL3002": "whom a container runs as is said when it is made",
    "DL3008": "versions of packages are held fast by a snapshot, where robenv.lock says so",
    "DL3013": "pip's by the profile that wants it",
    "DL3066": "root is root",
}
"""Rules of hadolint that ask for what an image of robenv has otherwise."""


@pytest.fixture(scope="module")
def dockerfiles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Those of all targets, and of each mixin upon one."""
    folder = tmp_path_factory.mktemp("upon")
    found = sorted(GOLDEN.iterdir())
    for mixin in catalogue.mixins():
        resolved = catalogue.upon_its_stand(mixin)
        path = folder / (mixin.replace("/", "-") + ".Dockerfile")
        path.write_text(catalogue.dockerfile(resolved, catalogue.platforms_of(resolved)[0]))
        found.append(path)
    return found


def test_hadolint_finds_nothing(dockerfiles: list[Path]) -> None:
    ignored = [word for rule in NOT_ASKED for word in ("--ignore", rule)]
    command = [str(HADOLINT), "--format", "json", *ignored, *map(str, dockerfiles)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [
        f"{Path(load['file']).name}:{load['line']} {load['code']} {load['message']}" for load in json.loads(done.stdout)
    ]
    assert told == []


def test_shellcheck_finds_nothing_in_what_they_run(dockerfiles: list[Path], tmp_path: Path) -> None:
    scripts: dict[str, str] = {}
    for path in dockerfiles:
        for number, script in run_scripts(path.read_text()):
            scripts.setdefault(script, f"{path.stem}-{number}.sh")
    for script, name in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
    assert len(scripts) > 5
    command = ["shellcheck", "--shell=sh", "--format=gcc", *sorted(scripts.values())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_the_linters_would_find_something(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text('FROM debian:latest\nRUN ["sh", "-c", "cd /x; rm $y"]\n')
    done = subprocess.run([str(HADOLINT), str(path)], capture_output=True, text=True, check=False)
    assert "DL3007" in done.stdout
    assert [script for _, script in run_scripts(path.read_text())] == ["cd /x; rm $y"]
