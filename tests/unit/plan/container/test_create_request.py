from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from robenv.plan.container.create_request import container_user, create_request
from robenv.plan.models import (
    Mount,
    Port,
    RunPlan,
)
from tests.support.projects.request_fields import HOST_CONFIG, MOUNTS, PLAN, TOP_LEVEL


def test_an_otherwise_empty_plan_gives_a_small_body() -> None:
    assert create_request(PLAN) == {
        "Image": "robenv/picker:aaa",
        "User": "1000",
        "WorkingDir": "/workspace",
        "Entrypoint": [""],
        "Cmd": ["sleep", "infinity"],
        "StopTimeout": 10,
        "HostConfig": {"Init": True},
    }


@pytest.mark.parametrize(("changes", "name", "expected"), TOP_LEVEL, ids=str)
def test_container_settings(changes: dict[str, Any], name: str, expected: Any) -> None:
    assert create_request(replace(PLAN, **changes)).get(name) == expected


@pytest.mark.parametrize(("changes", "name", "expected"), HOST_CONFIG, ids=str)
def test_host_settings(changes: dict[str, Any], name: str, expected: Any) -> None:
    host = create_request(replace(PLAN, **changes))["HostConfig"]
    assert host.get(name) == expected
    assert set(host) == {"Init", name}


@pytest.mark.parametrize(("mount", "expected"), MOUNTS, ids=str)
def test_mounts(mount: Mount, expected: dict[str, Any]) -> None:
    assert create_request(replace(PLAN, mounts=(mount,)))["HostConfig"] == {"Init": True, "Mounts": [expected]}


def test_a_tmpfs_with_mount_options_is_one_by_its_own_key() -> None:
    mount = Mount("tmpfs", "", "/run", False, (("options", "size=64m,uid=1000,exec"),))
    host = create_request(replace(PLAN, mounts=(mount,)))["HostConfig"]
    assert host == {"Init": True, "Tmpfs": {"/run": "size=64m,uid=1000,exec"}}


def test_selinux_labels_need_the_short_form() -> None:
    options: tuple[tuple[str, str | int | bool], ...] = (("selinux", "z"), ("propagation", "rslave"))
    host = create_request(replace(PLAN, mounts=(Mount("bind", "/srv", "/data", True, options),)))["HostConfig"]
    assert host == {"Init": True, "Binds": ["/srv:/data:ro,z,rslave"]}


def test_a_volume_that_is_not_to_be_filled_needs_the_short_form() -> None:
    mount = Mount("volume", "cache", "/c", False, (("nocopy", True),))
    assert create_request(replace(PLAN, mounts=(mount,)))["HostConfig"] == {
        "Init": True,
        "Binds": ["cache:/c:rw,nocopy"],
    }


def test_every_field_of_a_plan_reaches_the_body_or_is_known_not_to() -> None:
    """A field added to RunPlan must get a row in one of the tables above."""
    covered = {name for changes, *_ in TOP_LEVEL + HOST_CONFIG for name in changes} | {"mounts", "own_groups"}
    always = {"image", "user", "working_dir"}
    not_the_bodys = {
        "project",
        "directory",
        "name",
        "platform",
        "home_volume",
        "session",
        "only_these_groups",
        "prefix",
    }
    assert {field.name for field in fields(RunPlan)} == covered | always | not_the_bodys


def test_the_groups_of_the_one_who_works_are_there_once() -> None:
    host = create_request(replace(PLAN, groups=(20,), own_groups=(20, 1500)))["HostConfig"]
    assert host["GroupAdd"] == ["20", "1500"]


def test_streams_only_where_somebody_attaches() -> None:
    assert "Tty" not in create_request(PLAN)
    body = create_request(PLAN, tty=True, stdin=True)
    streams = ("Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr")
    assert {name: body[name] for name in streams} == dict.fromkeys(streams, True)
    body = create_request(PLAN, stdin=True)
    assert (body["Tty"], body["OpenStdin"]) == (False, True)


def test_the_user_is_a_number_and_with_a_read_only_root_two() -> None:
    assert container_user(PLAN) == "1000"
    assert container_user(replace(PLAN, read_only=True)) == "1000:1000"


def test_the_body_is_plain_json() -> None:
    plan = replace(PLAN, mounts=tuple(mount for mount, _ in MOUNTS), ports=(Port("1/tcp", "", "1"),))
    assert json.loads(json.dumps(create_request(plan))) == create_request(plan)
