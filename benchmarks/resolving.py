"""How long it takes from YAML to a Dockerfile, in one process: packages over a chain of 30 profiles."""

from __future__ import annotations

import itertools
from pathlib import Path

from benchmarks.measure import Check, Group, seconds

LEVELS = 30
SIZES = (250, 500, 1000)
_fresh = itertools.count()


def measure(folder: Path, rounds: int) -> Group:
    values: dict[str, list[float]] = {f"{size} packages": [] for size in SIZES}
    _once(folder, SIZES[0])
    for _ in range(rounds):
        for size in SIZES:
            values[f"{size} packages"].append(_once(folder, size))
    group = Group(f"Resolve and render, {LEVELS} levels", "s", values, reference="250 packages")
    growth = (group.median("1000 packages") / 1000) / (group.median("250 packages") / 250)
    group.checks = [
        Check("500 packages", group.median("500 packages"), 0.2),
        Check("time per package, 1000 against 250", growth, 1.1),
    ]
    return group


def _once(folder: Path, packages: int) -> float:
    """Seconds, with names that no cache can have seen."""
    number = next(_fresh)
    project = folder / f"resolve-{number}"
    project.mkdir()
    names = [f"package-{number}-{index}" for index in range(packages)]
    for level in range(LEVELS):
        own = names[level * packages // LEVELS : (level + 1) * packages // LEVELS]
        lines = [
            "apt:",
            "  packages:",
            *(f"    - {name}" for name in own),
            f"environment: {{LEVEL_{level}: '{level}'}}",
        ]
        below = f"extends: ./level-{level - 1}.yaml" if level else "base: {image: debian:bookworm}"
        name = "robenv.yaml" if level == LEVELS - 1 else f"level-{level}.yaml"
        top = ["name: robenv-bench-resolve"] if level == LEVELS - 1 else []
        (project / name).write_text("\n".join([*top, below, *lines, ""]))
    return seconds(lambda: _render(project, names[-1]))


def _render(project: Path, last: str) -> None:
    from robenv.project.planned import plan_project, resolve

    rendered = plan_project(resolve(project, None, {}), "linux/amd64").rendered
    if last not in rendered.dockerfile:
        raise RuntimeError(f"{last} is not in the Dockerfile")
