"""Commands of users without a home folder that they can use: daemons, jobs in CI, sudo without -H."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.projects.homes import open_folder
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

NOBODY = 61237
PROFILE = "git: true\ndisplay: auto\n"
MakeProject = Callable[..., Project]


@pytest.mark.parametrize("home", [None, "", "/", "/nonexistent", "/root"])
def test_everything_works_and_one_line_tells(project: MakeProject, base_image: str, home: str | None) -> None:
    owner = project(PROFILE)  # what the user's own makes goes with its name
    with open_folder() as above:
        mine = Project(above / "ws", base_image)
        mine.name = owner.name
        mine.write(PROFILE)
        for path in (mine.folder, mine.folder / "robenv.yaml"):
            os.chown(path, NOBODY, NOBODY)
        for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME", "DISPLAY"):
            mine.environ.pop(variable, None)
        if home is not None:
            mine.environ["HOME"] = home
        for command in (
            ("up", "--", "id", "-u"),
            ("up", "--", "id", "-u"),
            ("exec", "--", "id", "-u"),
            ("run", "--", "id", "-u"),
            ("plan", "--json"),
            ("export", "compose", "-o", str(mine.folder / "out")),
        ):
            done = mine.run(*command, user=NOBODY)
            kept = [line for line in done.stderr.splitlines() if "keeps its caches" in line]
            assert len(kept) == 1, done.stderr
            assert f"/tmp/robenv-{NOBODY}" in kept[0]
            if command[-1] == "-u":
                assert done.stdout == f"{NOBODY}\n"
        assert sorted(path.name for path in mine.folder.iterdir()) == ["out", "robenv.yaml"]
    own = Path(f"/tmp/robenv-{NOBODY}")
    assert own.stat().st_uid == NOBODY
    shutil.rmtree(own)
