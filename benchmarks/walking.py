"""What folders beside a workspace's sources cost a command in an environment that is there already."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.measure import ROBENV, Check, Group, interleaved, run

_PROJECT = "robenv-bench-walk"
_PROFILE = (
    "name: {name}\nbase: {{bootstrap: {{suite: bookworm}}}}\nworkspace: {{dependencies: {{skip_keys: [zlib]}}}}\n"
)
_PACKAGE = "<package format='3'><name>app</name><depend>zlib</depend></package>\n"
_RUNS, _PARTS = 505, 200
"""100,000 folders of data, as recordings make them."""


def measure(folder: Path, rounds: int) -> Group:
    projects = {name: folder / name for name in ("alone", "beside-data")}
    for name, project in projects.items():
        package = project / "src" / "app" / "package.xml"
        package.parent.mkdir(parents=True)
        package.write_text(_PACKAGE)
        (project / "robenv.yaml").write_text(_PROFILE.format(name=f"{_PROJECT}-{name}"))
    for number in range(_RUNS * _PARTS):
        (projects["beside-data"] / f"data/{number // _PARTS:03}/{number % _PARTS:03}").mkdir(parents=True)
    try:
        for project in projects.values():
            run([ROBENV, "up", "-d"], cwd=project)
            run([ROBENV, "up", "--", "true"], cwd=project)
        values = interleaved({name: partial(_enter, project) for name, project in projects.items()}, rounds)
    finally:
        for project in projects.values():
            run([ROBENV, "down", "--volumes"], cwd=project)
    group = Group("robenv up -q -- true, by what lies beside src", "s", values, reference="alone")
    ratio = group.median("beside-data") / group.median("alone")
    group.checks = [Check("100,000 folders beside src / none", ratio, 1.3)]
    return group


def _enter(project: Path) -> None:
    run([ROBENV, "up", "-q", "--", "true"], cwd=project)
