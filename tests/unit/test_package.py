"""The package carries its profiles and templates: as a wheel, and in an editable install of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import robenv

_WHERE = "from robenv import resources; print(resources.profiles_folder(), resources.templates_folder(), sep='\\n')"


def _pip(*arguments: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, cwd=cwd, check=True, timeout=120)


def _folders(installed: Path, *arguments: str) -> list[Path]:
    """What robenv.resources says, of the robenv that is installed in a folder."""
    program = f"import site; site.addsitedir({str(installed)!r}); import robenv; print(robenv.__file__); {_WHERE}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # -S: without this environment's own packages, among which is the checkout.
    command = [sys.executable, "-I", "-S", "-c", program]
    result = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=True)
    return [Path(line) for line in result.stdout.splitlines()]


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Hatchling is here already: nothing is downloaded.
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(root), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_the_wheel_holds_every_module_profile_and_template_and_nothing_else(root: Path, wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "robenv", "profiles", "templates"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    expected = {
        name if name.startswith("robenv/") else f"robenv/_resources/{name}"
        for name in tracked
        if (root / name).exists()
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected
    assert "robenv/py.typed" in names


def test_an_installed_wheel_finds_its_profiles_and_templates(root: Path, wheel: Path, tmp_path: Path) -> None:
    _pip("install", "--no-deps", "--no-index", "--target", str(tmp_path), str(wheel), cwd=tmp_path)
    module, profiles, templates = _folders(tmp_path)
    assert module == tmp_path / "robenv/__init__.py"
    for found, source in ((profiles, root / "profiles"), (templates, root / "templates")):
        assert found.is_relative_to(tmp_path)
        assert _files(found) == _files(source)


def test_an_editable_install_finds_those_of_the_checkout(root: Path, tmp_path: Path) -> None:
    _pip(
        "install",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        str(tmp_path),
        "--editable",
        str(root),
        cwd=tmp_path,
    )
    module, profiles, templates = _folders(tmp_path)
    assert module == root / "robenv/__init__.py"
    assert (profiles, templates) == (root / "profiles", root / "templates")


def test_the_wheel_names_its_command_and_its_version(wheel: Path) -> None:
    assert wheel.name == f"robenv-{robenv.__version__}-py3-none-any.whl"
    archive = zipfile.ZipFile(wheel)
    (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "robenv = robenv.cli.entry:main" in archive.read(entry_points).decode().splitlines()
