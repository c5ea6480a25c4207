"""The slim image on its ways to where it runs: a registry, one file, a robot. It is built once and nowhere again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.plan.names import LABEL_STAGE
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import small_image
from tests.support.projects.project import Project
from tests.support.robots.releases import commands
from tests.support.robots.robots import Robot, Yard
from tests.support.servers.registry import Registry

pytestmark = pytest.mark.engine

_PROFILE = """\
user: {uid: 1000, gid: 1000}
steps: [{name: tool, run: echo compiler > /bin/compiler}]
run_image:
  build: mkdir -p /opt/p; cat src/hello /bin/compiler > /opt/p/hello; echo 'export WORD=overlay' > /opt/p/setup.bash
  install: /opt/p
  files: [{source: robot.conf, target: /etc/robot.conf}]
run: {stop_grace_period: 2s}
deploy:
  settle: 0.5s
  command: [sh, -c, "cat /opt/p/hello; echo $$WORD; while :; do sleep 0.2; done"]
  healthcheck: {test: [CMD, 'true'], interval: 0.3s, timeout: 2s, retries: 2}
"""
_LOOK = ("run", "--stage", "run", "--", "sh", "-c")
_SCRIPT = "cat /opt/p/hello /etc/robot.conf; echo $WORD; ls /bin/compiler /workspace/src 2>/dev/null; true"
_SAID = "hello\ncompiler\nfor robots\noverlay\n"


@pytest.fixture
def mine(docker_api: Any, tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "project", small_image.ensure(docker_api), _PROFILE)
    (made.folder / "src").mkdir()
    (made.folder / "src/hello").write_text("hello\n")
    (made.folder / "robot.conf").write_text("for robots\n")
    yield made
    made.close(docker_api)


def _built(project: Project) -> str:
    done = project.run("build", "--stage", "run", "--json")
    return str(json.loads(done.stdout)[0]["image"])


def test_through_a_registry(mine: Project, registry: Callable[..., Registry], docker_api: Any) -> None:
    mine.write(f"registry: {registry().address}/team\n{_PROFILE}")
    mine.run("push", "--stage", "run")
    mine.close(docker_api)
    pulled = mine.run("pull", "--stage", "run").stderr
    there = mine.run(*_LOOK, _SCRIPT)
    assert there.stdout == _SAID
    assert "Building" not in pulled + there.stderr
    (image,) = docker_api.images(filters={"label": f"robenv.project={mine.name}"})
    assert image["Labels"][LABEL_STAGE] == "run"


def test_in_one_file_to_a_site_with_no_network(
    mine: Project, second_engine: Callable[..., SecondEngine], tmp_path: Path
) -> None:
    """What it is built from goes along, for its name is made of that too."""
    file = tmp_path / "site.robenv"
    saved = json.loads(mine.run("save", "--stage", "run", "--json", str(file)).stdout)
    assert [image["stage"] for image in saved["images"]] == ["run"]
    site = second_engine()
    folder = tmp_path / "site"
    folder.mkdir()
    environment = {**site.environment, "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}
    there: dict[str, Any] = {"cwd": folder, "env": environment}
    planned = mine.run("load", str(file), "--to", "picker", **there)
    assert "another image" not in planned.stderr
    there["cwd"] = folder / "picker"
    done = mine.run(*_LOOK, _SCRIPT, **there)
    assert done.stdout == _SAID
    assert "Building" not in done.stderr
    assert planned.stdout.strip() == _built(mine)


def test_the_other_image_in_one_file_is_planned_there_as_well(mine: Project, tmp_path: Path) -> None:
    """With what the profile has for the run image, and without the sources."""
    file = tmp_path / "site.robenv"
    mine.run("save", str(file))
    planned = mine.run("load", str(file), "--to", str(tmp_path / "picker"))
    assert "another image" not in planned.stderr
    assert "cannot be planned" not in planned.stderr
    assert sorted(one.name for one in (tmp_path / "picker").iterdir()) == ["robenv.yaml", "robot.conf"]


def test_a_setup_script_that_the_build_has_not_left_is_told_at_its_place(mine: Project) -> None:
    mine.write("run_image: {build: 'mkdir -p /opt/p; : colcon', install: /opt/p}\n")
    done = mine.run("build", "--stage", "run", check=5)
    assert "robenv: the build has left no /opt/p/setup.bash; colcon makes" in done.stderr
    assert "robenv.yaml:" in done.stderr and "install: /opt/p" in done.stderr


def test_on_a_robot(mine: Project, yard: Yard, new_robot: Callable[..., Robot], docker_api: Any) -> None:
    robot = new_robot()
    robot.engine.copy_image(docker_api, mine.base_image)
    yard.inventory(mine.folder / "robots.yaml", robot)
    image = _built(mine)
    try:
        mine.run("deploy", robot.name)
        assert mine.run("logs", "-r", robot.name).stdout == "hello\ncompiler\noverlay\n"
        assert mine.run("exec", "-r", robot.name, "--", "sh", "-c", _SCRIPT).stdout == _SAID
        engine = connect(robot.engine.environment)
        assert len(commands(engine, mine.name)) == 1
        (found,) = engine.images({"robenv.project": mine.name})
        assert found.labels[LABEL_STAGE] == "run"
        assert image.rpartition(":")[2] in "".join(found.tags) + found.labels["robenv.hash"]
        engine.close()
    finally:
        mine.close(robot.engine.api())
