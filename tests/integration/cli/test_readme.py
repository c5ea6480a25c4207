"""Does what README.md tells its reader to do, in the order in which it says so, as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.images.images import forget_images
from tests.support.projects import readme

pytestmark = pytest.mark.engine

# These would run the tests within the tests, measure for half an hour, take from the projects of others, or need
# a registry and robots, which tests of their own have.
_HELD_BACK = """
make() { case $1 in test | test-* | bench) command make --dry-run "$@" >/dev/null ;; *) command make "$@" ;; esac; }
robenv() {
  case $1 in
    clean) command robenv clean --dry-run "${@:2}" ;;
    push | deploy | rollback) command robenv "$1" --help >/dev/null ;;
    *) command robenv "$@" ;;
  esac
}
"""


@pytest.fixture(scope="module")
def reader(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``clone``, a copy of this checkout, and ``venv``, an environment. Nothing is downloaded."""
    folder = tmp_path_factory.mktemp("reader")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines():
        if (root / name).exists():
            target = folder / "clone" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target, follow_symlinks=False)
    _make_environment(folder / "venv")
    _make_environment(folder / "clone" / ".venv")  # what `make` finds and completes
    return folder


def _make_environment(folder: Path) -> None:
    """What robenv needs is taken from this environment: robenv itself is not, for the new one's own comes first."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "here.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    pip = folder / "bin/pip"
    pip.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n')
    pip.chmod(0o755)


@pytest.fixture(scope="module")
def project(reader: Path, docker_api: Any) -> Iterator[Path]:
    """Where the project of the README lies, after its blocks have made it; taken down in the end."""
    folder = reader / "clone" / "picker"
    with forget_images(docker_api, "picker"), forget_images(docker_api, "talker-listener"):
        yield folder
        if folder.exists():
            assert _shell("robenv down --volumes", folder, reader).returncode == 0


def _shell(script: str, folder: Path, reader: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))},
        "PATH": f"{reader / 'venv/bin'}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # as pip reads it: no isolation
    }
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", _HELD_BACK + script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1500,
    )


@pytest.mark.timeout(1800)
def test_its_blocks_work_in_their_order(reader: Path, project: Path) -> None:
    for block in readme.shell_blocks():
        result = _shell(block, reader / "clone", reader)
        assert result.returncode == 0, f"{block}\n{result.stdout}"
    where = _shell("python -c 'import robenv; print(robenv.__file__)'", project, reader)
    assert Path(where.stdout.strip()).is_relative_to(reader / "venv"), where.stdout


@pytest.mark.timeout(900)
def test_the_commands_of_its_tables_work_in_that_project(reader: Path, project: Path) -> None:
    failed = {}
    for command in readme.table_commands():
        result = _shell(command, project, reader)
        # What runs inside may fail, for nothing of the reader's is there yet; robenv itself may not, and says "error:".
        inside = command.startswith(("robenv up", "robenv exec", "robenv run", "robenv shell"))
        if result.returncode and (not inside or re.search("^error: ", result.stdout, re.MULTILINE)):
            failed[command] = (result.returncode, result.stdout)
    assert failed == {}
