"""The checker of the rooms' walls finds what it must, and this checkout passes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_imports import LIBRARIES, MAX_LINES, ROOMS, check


def _checkout(folder: Path, module: str, text: str) -> Path:
    path = folder / "robenv" / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("module", "text", "line", "words"),
    [
        ("plan/hash.py", "import os\nimport robenv.cli.app\n", 2, "plan may not import cli"),
        ("plan/hash.py", "from robenv.engine import protocol\n", 1, "plan may not import engine"),
        ("plan/hash.py", "from robenv import engine\n", 1, "plan may not import engine"),
        ("plan/hash.py", "from ..engine.protocol import Engine\n", 1, "plan may not import engine"),
        ("plan/hash.py", "from .. import engine\n", 1, "plan may not import engine"),
        ("profile/__init__.py", "from ..render import text\n", 1, "profile may not import render"),
        ("errors.py", "from robenv import resources\n", 1, "errors may not import resources"),
        ("engine/a.py", "def f():\n    from robenv.environment import up\n", 2, "engine may not import environment"),
        ("engine/a.py", "if TYPE_CHECKING:\n    import robenv.doctor\n", 2, "engine may not import doctor"),
        (
            "engine/a.py",
            "import importlib\nimportlib.import_module('robenv.cli.app')\n",
            2,
            "engine may not import cli",
        ),
        ("environment/up.py", "def f():\n    import docker.errors\n", 2, "docker is imported in robenv/engine alone"),
        ("plan/a.py", "from pydantic import BaseModel\n", 1, "pydantic is imported in robenv/profile alone"),
        ("cli/a.py", "import yaml\n", 1, "yaml is imported in robenv/profile alone"),
        ("environment/a.py", "from rich.live import Live\n", 1, "rich is imported in robenv/cli alone"),
        ("doctor/a.py", "import typer\n", 1, "typer is imported in robenv/cli alone"),
        ("plan/a.py", "import jinja2\n", 1, "jinja2 is imported in robenv/render alone"),
        ("__init__.py", "from robenv.cli import app\n", 1, "the package itself imports nothing"),
        ("attic/a.py", "import os\n", 1, "attic is no room"),
        ("plan/long.py", "x = 1\n" * (MAX_LINES + 1), MAX_LINES + 1, "401 lines"),
    ],
)
def test_a_breach_is_found_with_its_place(tmp_path: Path, module: str, text: str, line: int, words: str) -> None:
    (breach,) = check(_checkout(tmp_path, module, text))
    assert words in breach.message
    assert str(breach).startswith(f"robenv/{module}:{line}: ")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("cli/app.py", "import typer\nfrom rich import box\nfrom robenv.environment import up\nfrom . import common\n"),
        ("engine/a.py", "import docker\nfrom google.protobuf import message\nfrom ..plan import values\n"),
        ("plan/a.py", "from robenv import __version__\nfrom robenv.errors import RobenvError\nimport json\n"),
        ("__main__.py", "from robenv.cli.entry import main\n"),
        ("plan/long.py", "x = 1\n" * MAX_LINES),
    ],
)
def test_what_the_rooms_allow_passes(tmp_path: Path, module: str, text: str) -> None:
    assert check(_checkout(tmp_path, module, text)) == []


def test_this_checkout_passes(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(root / "scripts/check_imports.py")], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_a_breach_fails_the_command(root: Path, tmp_path: Path) -> None:
    checkout = _checkout(tmp_path, "plan/a.py", "import docker\n")
    command = [sys.executable, str(root / "scripts/check_imports.py"), str(checkout)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == "robenv/plan/a.py:1: docker is imported in robenv/engine alone\n"


def test_the_rooms_are_those_of_the_documentation(root: Path) -> None:
    text = (root / "docs/architecture.md").read_text()
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    rooms = [room.strip().strip("`").removesuffix(".py").rstrip("/") for line in table for room in line.split(",")]
    assert tuple(rooms) == ROOMS
    assert set(LIBRARIES.values()) <= set(rooms)


def test_the_values_and_the_protocol_pull_in_no_library() -> None:
    program = (
        "import sys, robenv.errors, robenv.plan.values, robenv.engine.protocol, robenv.host.facts\n"
        f"print(sorted(set({sorted(LIBRARIES)!r}) & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
