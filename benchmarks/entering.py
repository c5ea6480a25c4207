"""How long it takes to run a command in an environment that is there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks import peers
from benchmarks.measure import ROBENV, Check, Group, interleaved, run

_PROJECT = "robenv-bench-enter"
_PROFILE = f"""\
name: {_PROJECT}
base:
  bootstrap: {{suite: bookworm}}
"""
_ROCKER_IMAGE = "robenv-bench-rocker"


def measure(folder: Path, rounds: int) -> Group:
    """All enter the same image; docker exec and robenv the same container."""
    project = folder / "enter"
    project.mkdir()
    (project / "robenv.yaml").write_text(_PROFILE)
    with ExitStack() as undo:
        undo.callback(_forget, project)
        run([ROBENV, "up", "-d"], cwd=project)
        container, image = run(
            ["docker", "ps", "--filter", f"label=robenv.project={_PROJECT}", "--format", "{{.Names}} {{.Image}}"]
        ).split()
        rocker = [peers.rocker(), "--mode", "non-interactive", "--image-name", _ROCKER_IMAGE]
        actions: dict[str, Callable[[], object]] = {
            "docker exec": lambda: run(["docker", "exec", container, "true"]),
            "robenv up -- true": lambda: run([ROBENV, "up", "--", "true"], cwd=project),
            "robenv exec -- true": lambda: run([ROBENV, "exec", "--", "true"], cwd=project),
            **_devcontainer(folder / "devcontainer", image, undo),
            "rocker": lambda: run([*rocker, image, "true"]),
        }
        values = interleaved(actions, rounds)
    group = Group("A command in a running environment", "s", values, reference="docker exec")
    up = group.median("robenv up -- true")
    best = min(group.median(name) for name in values if name.startswith(("devcontainer", "rocker")))
    group.checks = [
        Check("robenv up -- true / docker exec", up / group.median("docker exec"), 2.5),
        Check("robenv up -- true / best peer", up / best, 0.35),
    ]
    return group


def _devcontainer(folder: Path, image: str, undo: ExitStack) -> dict[str, Callable[[], object]]:
    (folder / ".devcontainer").mkdir(parents=True)
    (folder / ".devcontainer" / "devcontainer.json").write_text(json.dumps({"image": image}))
    command, where = peers.devcontainer(), ["--workspace-folder", str(folder)]
    undo.callback(_remove_devcontainer, folder)
    return {
        "devcontainer up": lambda: run([command, "up", *where]),
        "devcontainer exec": lambda: run([command, "exec", *where, "true"]),
    }


def _remove_devcontainer(folder: Path) -> None:
    found = run(["docker", "ps", "--all", "--quiet", "--filter", f"label=devcontainer.local_folder={folder}"]).split()
    if found:
        run(["docker", "rm", "--force", *found])


def _forget(project: Path) -> None:
    """Takes the environment down and removes its image and rocker's; the base stays, as for any project."""
    run([ROBENV, "down", "--volumes"], cwd=project)
    remove_images(_ROCKER_IMAGE, f"robenv/{_PROJECT}")  # rocker's stands on robenv's


def remove_images(*repositories: str) -> None:
    for repository in repositories:
        for tag in run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", repository]).split():
            run(["docker", "rmi", tag])
