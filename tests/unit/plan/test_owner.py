"""Whose containers, volumes and networks are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from robenv.host.project_folder import FolderIdentity
from robenv.plan.owner import is_earlier, is_in_folder, is_of, is_own, owner_labels, owner_of
from tests.support.projects.run_plans import run_plan

PLACE = FolderIdentity("/srv/picker", 1000, "ab61d3", prefix="robenv-picker-ab61d3")
PLAN = replace(run_plan(), labels=(("robenv.place", "ab61d3"), ("robenv.uid", "1000")), prefix=PLACE.prefix)


def labels(plan: Any = PLAN, **changes: str) -> dict[str, str]:
    stored = json.dumps({"platform": plan.platform, "prefix": plan.prefix, "user": {"uid": plan.user.uid}})
    own = {**owner_labels(plan), "robenv.plan.json": stored}
    return {**own, **{f"robenv.{name}": value for name, value in changes.items()}}


def legacy(uid: int = 1000, **changes: str) -> dict[str, str]:
    """As a robenv without identities labelled."""
    stored = json.dumps({"platform": PLAN.platform, "user": {"uid": uid}})
    plain = {"robenv.project": "picker", "robenv.directory": "/srv/picker", "robenv.plan.json": stored}
    return {**plain, **{f"robenv.{name}": value for name, value in changes.items()}}


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (labels(), True),
        (labels(directory="/srv/before"), True),
        (labels(uid="1102"), False),
        (labels(place="000000"), False),
        (labels(project="other"), False),
        (legacy(), True),
        (legacy(1102), False),
        (legacy(directory="/srv/before"), False),
    ],
)
def test_a_container_is_of_one_folder_and_one_user(found: dict[str, str], own: bool) -> None:
    assert is_of(found, PLAN) is own


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (labels(project="called-otherwise"), True),
        (labels(replace(PLAN, prefix="robenv-sim-ab61d3")), False),
        (labels(replace(PLAN, platform="linux/arm64")), False),
        (labels(uid="1102"), False),
        (legacy(), True),
        (legacy(1102), False),
        ({"robenv.plan.json": "{", "robenv.project": "picker"}, False),
    ],
)
def test_one_of_another_name_may_be_an_earlier_one(found: dict[str, str], own: bool) -> None:
    assert is_earlier(found, PLAN) is own


@pytest.mark.parametrize(
    ("folder", "project", "earlier", "own"),
    [
        ("/srv/Prüfstand", "pruefstand", "pr-fstand", True),
        ("/srv/日本", "project", "project", True),
        ("/srv/Prüfstand", "called-otherwise", "pr-fstand", False),
        ("/srv/Prüfstand", "pruefstand", "other", False),
    ],
)
def test_one_from_when_letters_of_the_folders_name_were_passed_over(
    folder: str, project: str, earlier: str, own: bool
) -> None:
    plan = replace(PLAN, directory=folder, project=project)
    assert is_earlier(legacy(project=earlier, directory=folder), plan) is own
    assert not is_earlier(legacy(1102, project=earlier, directory=folder), plan)


def test_whose_it_is_is_read_from_old_labels_too() -> None:
    assert (owner_of(labels()), owner_of(legacy(1102)), owner_of({})) == ("1000", "1102", "")


def test_what_is_in_a_folder_may_be_somebody_elses() -> None:
    assert is_in_folder(labels(uid="1102"), PLACE)
    assert not is_own(labels(uid="1102"), PLACE)
    assert is_in_folder(legacy(), replace(PLACE, root="/srv/after", moved_from="/srv/picker"))


@pytest.mark.parametrize(
    ("name", "own"),
    [("robenv-picker-ab61d3_cache", True), ("robenv-picker-ab61d3-home-1000", True), ("robenv-x-ab61d3_cache", False)],
)
def test_volumes_without_a_user_are_known_by_their_names(name: str, own: bool) -> None:
    old = {"robenv.project": "picker", "robenv.directory": "/srv/picker"}
    assert is_own(old, PLACE, name) is own
