"""Names are the same for the same project, differ for others, and are ones that Docker takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from robenv.plan import names

_BASE = {
    "suite": "bookworm",
    "mirror": "http://deb.debian.org/debian",
    "components": ("main",),
    "variant": "minbase",
    "include": ("ca-certificates", "nano"),
    "platform": "linux/amd64",
}


def test_names_of_a_project() -> None:
    assert names.container_name("picker", "ab61d3") == "robenv-picker-ab61d3"
    assert names.container_name("picker", "ab61d3", "-1102") == "robenv-picker-ab61d3-1102"
    assert names.home_volume("robenv-picker-ab61d3", 1000) == "robenv-picker-ab61d3-home-1000"
    assert names.volume_name("robenv-picker-ab61d3-1102", "cache") == "robenv-picker-ab61d3-1102_cache"
    assert names.image_reference("picker", "0123456789abcdef" * 4) == "robenv/picker:0123456789ab"


def test_long_names_stay_within_dockers_limits() -> None:
    name = "a" * 63
    assert re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9_.-]+", names.container_name(name, "abcdef", f"-{2**32 - 2}"))
    assert re.fullmatch(
        "[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", names.home_volume(names.resource_prefix(name, "abcdef"), 2**32 - 2)
    )
    assert re.fullmatch("robenv/a{63}:[0-9a-f]{12}", names.image_reference(name, "0" * 64))


@pytest.mark.parametrize(
    "change",
    [
        {"suite": "trixie"},
        {"mirror": "http://mirror.example.org/debian"},
        {"components": ("main", "contrib")},
        {"variant": "apt"},
        {"include": ("ca-certificates",)},
        {"platform": "linux/arm64"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_ingredient_of_a_base_changes_its_reference(change: dict[str, object]) -> None:
    assert names.base_reference(**_BASE) != names.base_reference(**{**_BASE, **change})  # type: ignore[arg-type]


def test_how_packages_of_a_base_are_written_does_not_matter() -> None:
    again = {**_BASE, "include": ("nano", "ca-certificates", "nano")}
    assert names.base_reference(**_BASE) == names.base_reference(**again)  # type: ignore[arg-type]


def test_another_recipe_makes_another_base(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names.base_reference(**_BASE)  # type: ignore[arg-type]
    monkeypatch.setattr(names, "BASE_RECIPE", names.BASE_RECIPE + 1)
    assert names.base_reference(**_BASE) != before  # type: ignore[arg-type]


def test_values_cannot_run_into_each_other() -> None:
    first = names.base_reference(**{**_BASE, "components": ("a", "b"), "include": ()})  # type: ignore[arg-type]
    second = names.base_reference(**{**_BASE, "components": ("a",), "include": ("b",)})  # type: ignore[arg-type]
    assert first != second


def test_every_label_is_robenvs_and_has_one_home(root: Path) -> None:
    labels = [value for name, value in vars(names).items() if name.startswith("LABEL_")]
    assert len(set(labels)) == len(labels)
    assert all(label.startswith("robenv.") for label in labels)
    home = root / "robenv" / "plan" / "names.py"
    others = [path for path in (root / "robenv").rglob("*.py") if path != home]
    assert [path for path in others if re.search(r"^LABEL_\w+ *=", path.read_text(), re.MULTILINE)] == []
    assert [path for path in others for label in labels if f'"{label}"' in path.read_text()] == []


@pytest.mark.parametrize("module", ["robenv.plan.names", "robenv.cli.fast", "robenv.fast.enter"])
def test_what_the_quick_way_imports_is_cheap(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"jinja2", "pydantic", "docker", "requests", "yaml", "rich", "typer", "hashlib", "dataclasses"}
    assert not heavy & set(modules)


def test_a_container_of_another_platform_has_a_name_of_its_own() -> None:
    own = names.container_name("picker", "ab61d3")
    assert names.container_name("picker", "ab61d3", foreign="linux/arm/v7") == f"{own}-arm-v7"
    assert names.home_volume(own, 1000, "linux/arm64") == f"{own}-arm64-home-1000"
