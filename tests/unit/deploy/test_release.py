"""What a robot runs, as a value."""

from __future__ import annotations

import json
from pathlib import Path

from robenv.plan.names import LABEL_PLAN_JSON
from robenv.plan.trust.model import HostPlaces
from robenv.plan.trust.mounts import volumes
from tests.support.robots.releases import Maker


def test_nothing_of_the_developers_folder_is_mounted(tmp_path: Path) -> None:
    release = Maker(tmp_path, "picker", "debian").release("true")
    assert [mount for mount in release.plan.mounts if mount.kind == "bind"] == []
    assert release.plan.directory == ""


def test_a_colleague_who_deploys_the_same_from_another_folder_changes_nothing(tmp_path: Path) -> None:
    mine, theirs = (
        Maker(tmp_path / folder, "picker", "debian").release("true", run="{volumes: ['data:/data']}")
        for folder in ("mine", "theirs")
    )
    assert (mine.id, mine.plan) == (theirs.id, theirs.plan)


def test_the_volumes_of_a_release_are_the_projects_own(tmp_path: Path) -> None:
    release = Maker(tmp_path, "picker", "debian").release("true", run="{volumes: ['data:/data']}")
    assert list(volumes(release.plan, HostPlaces())) == []


def test_what_changed_is_told_in_the_profiles_own_words(tmp_path: Path) -> None:
    """Not in those by which a standby's engine is told to leave it alone."""
    release = Maker(tmp_path, "picker", "debian").release("true")
    assert json.loads(dict(release.plan.labels)[LABEL_PLAN_JSON])["healthcheck"]["test"] == ["true"]
