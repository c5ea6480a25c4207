"""The checker of the structure finds what it must, and this checkout passes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_imports import LAYERS, LIBRARIES, MAX_LINES, check

FACE = '"""x"""\n__all__ = ["open"]\n'


def checkout(folder: Path, files: dict[str, str]) -> Path:
    """A checkout whose packages have an empty face unless ``files`` says otherwise."""
    for name, text in files.items():
        path = folder / "robenv" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for package in (path.parent, *path.parent.parents):
            if package == folder:
                break
            if not (package / "__init__.py").exists():
                (package / "__init__.py").write_text("")
    return folder


@pytest.mark.parametrize(
    ("module", "text", "line", "words"),
    [
        ("plan/hash.py", "import os\nimport robenv.cli\n", 2, "plan may not import cli"),
        ("plan/hash.py", "from robenv import render\n", 1, "plan may not import render"),
        ("profile/__init__.py", "from .. import render\n", 1, "profile may not import render"),
        ("errors.py", "from robenv import resources\n", 1, "errors may not import resources"),
        ("engine/a.py", "def f():\n    from robenv import project\n", 2, "engine may not import project"),
        ("engine/a.py", "if TYPE_CHECKING:\n    from robenv import doctor\n", 2, "engine may not import doctor"),
        ("engine/a.py", "import importlib\nimportlib.import_module('robenv.cli')\n", 2, "engine may not import cli"),
        ("project/up.py", "def f():\n    import docker.errors\n", 2, "docker is imported only in robenv/engine"),
        ("plan/a.py", "from pydantic import BaseModel\n", 1, "pydantic is imported only in robenv/profile"),
        ("cli/a.py", "import yaml\n", 1, "yaml is imported only in robenv/profile"),
        ("project/a.py", "from rich.live import Live\n", 1, "rich is imported only in robenv/cli"),
        ("doctor/a.py", "import typer\n", 1, "typer is imported only in robenv/cli"),
        ("plan/a.py", "import jinja2\n", 1, "jinja2 is imported only in robenv/render"),
        ("project/a.py", "import zstandard\n", 1, "zstandard is imported only in robenv/bundle and robenv/transfer"),
        ("deploy/a.py", "import h2.connection\n", 1, "h2 is imported only in robenv/engine"),
        ("__init__.py", "from robenv import cli\n", 1, "the package itself imports nothing"),
        ("attic/a.py", "import os\n", 1, "attic is no layer"),
        ("plan/long.py", "x = 1\n" * (MAX_LINES + 1), MAX_LINES + 1, "401 lines"),
    ],
)
def test_a_breach_is_found_with_its_place(tmp_path: Path, module: str, text: str, line: int, words: str) -> None:
    breaches = [one for one in check(checkout(tmp_path, {module: text})) if one.path.name == Path(module).name]
    assert [breach for breach in breaches if words in breach.message and breach.line == line], breaches
    assert str(breaches[0]).startswith(f"robenv/{module}:")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("cli/app.py", "import typer\nfrom rich import box\nfrom robenv.project import open\nfrom . import common\n"),
        ("engine/a.py", "import docker\nfrom google.protobuf import message\nfrom ..catalog import open\n"),
        ("plan/a.py", "from robenv import __version__\nfrom robenv.errors import RobenvError\nimport json\n"),
        ("__main__.py", "from robenv.cli.entry import main\n"),
        ("plan/long.py", "x = 1\n" * MAX_LINES),
    ],
)
def test_what_the_layers_allow_passes(tmp_path: Path, module: str, text: str) -> None:
    packages = {f"{name}/__init__.py": FACE for name in ("project", "catalog")}
    assert check(checkout(tmp_path, {**packages, module: text})) == []


@pytest.mark.parametrize(
    ("importer", "text", "names"),
    [
        ("project/a.py", "from robenv.plan.shut import f\n", "robenv.plan.shut"),
        ("project/a.py", "from robenv.plan import shut\n", "robenv.plan.shut"),
        ("project/a.py", "def f():\n    from robenv.plan.inner.shut import f\n", "robenv.plan.inner.shut"),
        ("plan/a.py", "from robenv.plan.inner.shut import f\n", "robenv.plan.inner.shut"),
        ("plan/a.py", "from .inner import shut\n", "robenv.plan.inner.shut"),
    ],
)
def test_a_package_is_entered_by_its_face(tmp_path: Path, importer: str, text: str, names: str) -> None:
    files = {
        "plan/__init__.py": '__all__ = ["inner", "open"]\n',
        "plan/inner/__init__.py": FACE,
        "plan/inner/open.py": "from robenv.plan.inner.shut import f\n",
        "plan/inner/shut.py": "f = 1\n",
        "plan/open.py": "",
        "plan/shut.py": "f = 1\n",
    }
    good = "from robenv.plan.inner import open\nfrom robenv.plan.inner.open import f\nfrom robenv.plan import inner\n"
    assert check(checkout(tmp_path, {**files, importer: good})) == []
    (breach,) = check(checkout(tmp_path, {**files, importer: text}))
    assert names in breach.message
    assert "is private to" in breach.message


def test_circles_inside_a_package_are_found_and_types_make_none(tmp_path: Path) -> None:
    types = "if TYPE_CHECKING:\n    from robenv.plan.a import A\n"
    files = {
        "plan/a.py": "from robenv.plan.b import B\n",
        "plan/b.py": "def f():\n    from robenv.plan.inner.c import C\n",
        "plan/inner/__init__.py": '__all__ = ["c"]\n',
        "plan/inner/c.py": types,
    }
    assert check(checkout(tmp_path, files)) == []
    (breach,) = check(checkout(tmp_path, {**files, "plan/inner/c.py": "from robenv.plan.a import A\n"}))
    assert "circle in robenv.plan: a → b → inner → a" in breach.message


@pytest.mark.parametrize(
    ("module", "text", "found"),
    [
        ("fast/a.py", "import yaml\n", True),
        ("fast/a.py", "def f():\n    import yaml\n", True),
        ("fast/a.py", "from robenv.util.open import f\n", False),
        ("util/open.py", "import yaml\n", True),
        ("util/open.py", "def f():\n    import yaml\n", False),
        ("util/__init__.py", "import yaml\n" + FACE, True),
    ],
)
def test_the_fast_path_has_the_standard_library_alone(tmp_path: Path, module: str, text: str, found: bool) -> None:
    files = {
        "util/__init__.py": FACE,
        "util/open.py": "",
        "fast/a.py": "def g():\n    from robenv.util.open import f\n",
    }
    breaches = check(checkout(tmp_path, {**files, module: text}))
    assert any("on the fast path" in breach.message for breach in breaches) == found


def test_this_checkout_passes(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(root / "scripts/check_imports.py")], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "")


def test_a_breach_fails_the_command(root: Path, tmp_path: Path) -> None:
    folder = checkout(tmp_path, {"plan/a.py": "import docker\n"})
    command = [sys.executable, str(root / "scripts/check_imports.py"), str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout == "robenv/plan/a.py:1: docker is imported only in robenv/engine\n"


def test_every_package_says_what_it_is_and_names_its_face(root: Path) -> None:
    for path in (root / "robenv").rglob("__init__.py"):
        assert path.read_text().startswith('"""'), path


def test_the_layers_are_those_of_the_documentation(root: Path) -> None:
    text = (root / "docs/architecture.md").read_text().partition("## Layers")[2].partition("\n## ")[0]
    table = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    layers = [name.strip().strip("`").removesuffix(".py").rstrip("/") for line in table for name in line.split(",")]
    assert tuple(layers) == LAYERS
    assert {home for homes in LIBRARIES.values() for home in homes} <= set(layers)


def test_the_values_and_the_protocol_pull_in_no_library() -> None:
    program = (
        "import sys, robenv.errors, robenv.plan.models, robenv.engine.protocol, robenv.host.facts\n"
        f"print(sorted(set({sorted(LIBRARIES)!r}) & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
