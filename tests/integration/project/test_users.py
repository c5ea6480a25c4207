"""One image for several people: colleagues with other UIDs, in an image that has a user at 1000 of its own, as
Ubuntu 24.04's have; who may become root and who may not; supplementary groups by number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine.device_nodes import TERMINAL, device_nodes
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

PROFILE = """\
apt: {packages: [sudo]}
steps: [{name: as Ubuntu 24.04 has it, run: useradd --uid 1000 --user-group --create-home --shell /bin/bash ubuntu}]
"""
MakeProject = Callable[..., Project]


class Team:
    """Checkouts of one project by several people, each with a folder of their own."""

    def __init__(self, first: Project) -> None:
        self.first = first

    def checkout(self, folder: Path, uid: int, local: str = "") -> Project:
        made = Project(folder, self.first.base_image, PROFILE)
        made.name = self.first.name
        made.write(PROFILE)
        if local:
            (folder / "robenv.local.yaml").write_text(local)
        cache = Path(made.environ["XDG_CACHE_HOME"])
        cache.mkdir()
        for path in (made.folder, cache):
            os.chown(path, uid, uid)
        return made


@pytest.fixture
def team(project: MakeProject) -> Iterator[Team]:
    """What the checkouts make goes with the first one's name."""
    yield Team(project(PROFILE))


def test_one_image_serves_colleagues_with_other_uids(team: Team, tmp_path: Path, docker_api: Any) -> None:
    images = set()
    for index, uid in enumerate((1000, 1001, 0)):
        mine = team.checkout(tmp_path / f"of-{uid}", uid)
        done = mine.run("up", user=uid)
        assert ("Building" in done.stderr) is (index == 0), done.stderr
        images.add(mine.plan()["image"])
        name, home = ("dev", "/home/dev") if uid else ("root", "/root")
        script = "id -un; id -u; touch made ~/kept; stat -c %u ~/kept; echo $HOME; id -u ubuntu"
        inside = mine.run("exec", "--", "sh", "-c", script, user=uid).stdout.split()
        ubuntu = "59999" if uid == 1000 else "1000"
        assert inside == [name, str(uid), str(uid), home, ubuntu]
        assert (mine.folder / "made").stat().st_uid == uid
    assert len(images) == 1
    assert len(docker_api.containers(filters={"label": f"robenv.project={team.first.name}"})) == 3

    may = team.checkout(tmp_path / "may", 1000, "user: {sudo: true}\n")
    may.run("up", user=1000)
    assert may.run("exec", "--", "sudo", "-n", "id", "-u", user=1000).stdout == "0\n"
    refused = Project(tmp_path / "of-1000", team.first.base_image)
    refused.name = team.first.name
    refused.write(PROFILE)
    done = refused.run("exec", "--", "sudo", "-n", "id", "-u", user=1000, check=1)
    assert "no new privileges" in done.stderr


def test_groups_by_number_hold_for_exec_sudo_and_a_read_only_root(team: Team, tmp_path: Path) -> None:
    with device_nodes() as nodes:
        node = nodes.node("/dev/robenvtest-group", TERMINAL, gid=7321)
        wish = f"devices: [{node}]\nuser: {{sudo: true}}\n"
        mine = team.checkout(tmp_path / "groups", 1001, wish)
        mine.run("up", user=1001)
        assert mine.run("exec", "--", "id", "-Gn", user=1001).stdout == "dev gid7321\n"
        own = ("sudo", "-n", "-u", "dev", "sh", "-c", f"id -G; : > {node} && echo opened")
        assert mine.run("exec", "--", *own, user=1001).stdout == "1001 7321\nopened\n"
        (mine.folder / "robenv.local.yaml").write_text(f"devices: [{node}]\nrun: {{read_only: true}}\n")
        mine.run("up", "--recreate", user=1001)
        script = f"id -G; : > {node} && echo opened"
        assert mine.run("exec", "--", "sh", "-c", script, user=1001).stdout == "1001 7321\nopened\n"
