from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from robenv.plan.container.diff import PlanChange, describe, diff_plans, without_values
from robenv.plan.container.run import stored_json
from robenv.plan.models import Device, Healthcheck, Mount, Port, RunPlan, Ulimit, User

PLAN = RunPlan(
    project="picker",
    directory="/home/jane/picker",
    name="robenv-picker-abcdef",
    image="robenv/picker:aaa",
    platform="linux/amd64",
    user=User("dev", 1000, 1000, "/home/dev", "/bin/bash", sudo=False),
    working_dir="/workspace",
    entrypoint=(),
    command=("sleep", "infinity"),
    environment=(("ROS_DOMAIN_ID", "3"), ("EMPTY", "")),
    mounts=(Mount("bind", "/home/jane/picker", "/workspace"), Mount("volume", "home", "/home/dev")),
    home_volume="home",
    labels=(("robenv.project", "picker"), ("team", "arm")),
    ports=(Port("80/tcp", "", "8080"), Port("80/tcp", "127.0.0.1", "8081")),
    cap_add=("NET_ADMIN", "SYS_NICE"),
    dns=("10.0.0.1", "10.0.0.2"),
    healthcheck=Healthcheck(("CMD", "true"), interval=2.0),
)


def _stored(plan: RunPlan) -> dict[str, Any]:
    """As it comes back from a container's label."""
    stored: dict[str, Any] = json.loads(json.dumps(plan.to_json(), sort_keys=True))
    return stored


def _lines(**changes: Any) -> list[str]:
    return [describe(change) for change in diff_plans(_stored(PLAN), replace(PLAN, **changes).to_json())]


def test_a_plan_does_not_differ_from_itself_after_json() -> None:
    assert diff_plans(_stored(PLAN), PLAN.to_json()) == ()


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"image": "robenv/picker:bbb"}, ["image: robenv/picker:aaa → bbb"]),
        ({"image": "other:1"}, ["image: robenv/picker:aaa → other:1"]),
        ({"environment": (("EMPTY", ""), ("ROS_DOMAIN_ID", "7"))}, ["environment ROS_DOMAIN_ID: changed"]),
        (
            {"environment": (("ROS_DOMAIN_ID", "3"), ("NEW.ONE", "x"))},
            ["environment EMPTY: removed", "environment NEW.ONE: added"],
        ),
        ({"labels": (*PLAN.labels, ("key", "a\n\x1b[2J"))}, [r'label key: added, "a\n\u001b[2J"']),
        ({"logging_options": (("splunk-token", "x"),)}, ["logging_options splunk-token: added"]),
        ({"working_dir": "/"}, ["working directory: /workspace → /"]),
        (
            {"mounts": (*PLAN.mounts, Mount("bind", "/srv", "/data", True, (("propagation", "rslave"),)))},
            ["mount /data: added, bind /srv read_only propagation=rslave"],
        ),
        (
            {"mounts": (PLAN.mounts[1], Mount("bind", "/home/jane/picker", "/workspace", True))},
            ["mount /workspace: bind /home/jane/picker → bind /home/jane/picker read_only"],
        ),
        ({"mounts": PLAN.mounts[:1]}, ["mount /home/dev: removed, was volume home"]),
        ({"ports": ()}, ["port 80/tcp: removed, was 8080, 127.0.0.1 8081"]),
        ({"cap_add": ("SYS_NICE", "SYS_PTRACE")}, ["cap_add NET_ADMIN: removed", "cap_add SYS_PTRACE: added"]),
        ({"cap_add": ("SYS_NICE", "NET_ADMIN")}, []),
        ({"dns": ("10.0.0.2", "10.0.0.1")}, ["dns: 10.0.0.1 10.0.0.2 → 10.0.0.2 10.0.0.1"]),
        ({"devices": (Device("/dev/a", "/dev/b"),)}, ["device /dev/b: added, /dev/a rwm"]),
        ({"ulimits": (Ulimit("rtprio", 0, 99),)}, ["ulimit rtprio: added, soft 0 hard 99"]),
        ({"user": replace(PLAN.user, uid=0, sudo=True)}, ["user uid: 1000 → 0", "user sudo: no → yes"]),
        ({"init": False}, ["init: yes → no"]),
        ({"privileged": True}, ["privileged: no → yes"]),
        ({"mem_swappiness": 0}, ["mem_swappiness: unset → 0"]),
        ({"mem_limit": 8 << 30}, [f"mem_limit: unset → {8 << 30}"]),
        ({"entrypoint": None}, ["entrypoint: none → unset"]),
        ({"command": ("roscore", "-p", "11311")}, ["command: sleep infinity → roscore -p 11311"]),
        ({"healthcheck": None}, ["healthcheck test: removed, was CMD true", "healthcheck interval: removed, was 2.0"]),
        ({"labels": (("robenv.plan", "x"), ("team", "base"))}, ["label team: arm → base"]),
    ],
    ids=lambda value: str(value)[:50],
)
def test_each_change_is_one_plain_line(changes: dict[str, Any], lines: list[str]) -> None:
    assert _lines(**changes) == lines


def test_a_field_that_only_one_robenv_knows() -> None:
    old = _stored(PLAN)
    del old["cpus"], old["healthcheck"], old["privileged"]
    old["forgotten"] = "value"
    assert diff_plans(old, replace(PLAN, healthcheck=None).to_json()) == (PlanChange("forgotten", "value", None),)


def test_the_path_is_in_the_plans_words() -> None:
    assert diff_plans(_stored(PLAN), replace(PLAN, labels=PLAN.labels[:1]).to_json()) == (
        PlanChange("labels.team", "arm", None),
    )
    (change,) = diff_plans(_stored(PLAN), replace(PLAN, environment=PLAN.environment[:1]).to_json())
    assert (change.path, change.new) == ("environment.EMPTY", None)


SECRETS = replace(
    PLAN,
    environment=(("TOKEN", "hunter2"), ("EMPTY", "")),
    logging_options=(("splunk-token", "hunter2"),),
    mounts=(*PLAN.mounts, Mount("volume", "", "/nas", False, (("type", "cifs"), ("o", "password=hunter2")))),
)


def test_what_a_label_keeps_of_a_plan_has_no_value_that_may_be_a_secret() -> None:
    stored = stored_json(SECRETS)
    assert "hunter2" not in stored
    kept = json.loads(stored)
    assert [name for name, _ in kept["environment"]] == ["TOKEN", "EMPTY"]
    assert {**kept, "environment": [], "logging_options": [], "mounts": [], "labels": []} == {
        **_stored(SECRETS), "environment": [], "logging_options": [], "mounts": [], "labels": [],
    }  # fmt: skip
    assert without_values(kept) == kept


@pytest.mark.parametrize("old", [json.loads(stored_json(SECRETS)), _stored(SECRETS)], ids=["digests", "values"])
def test_which_secret_has_changed_is_told_and_what_it_was_is_not(old: dict[str, Any]) -> None:
    """Also of a container that an earlier robenv made, whose label has the values."""
    assert diff_plans(old, SECRETS.to_json()) == ()
    changed = replace(
        SECRETS,
        environment=(("TOKEN", "hunter3"), ("EMPTY", "")),
        logging_options=(("splunk-token", "hunter3"),),
        mounts=(*PLAN.mounts, replace(SECRETS.mounts[-1], options=(("type", "cifs"), ("o", "password=hunter3")))),
    )
    lines = [describe(change) for change in diff_plans(old, changed.to_json())]
    assert "environment TOKEN: changed" in lines and "logging_options splunk-token: changed" in lines
    assert len(lines) == 3 and not any("hunter" in line for line in lines)


def test_one_value_in_two_variables_or_projects_has_two_digests() -> None:
    twice = replace(SECRETS, environment=(("A", "hunter2"), ("B", "hunter2")))
    digests = [
        pair[1]["digest"]
        for plan in (twice, replace(twice, project="other"))
        for pair in json.loads(stored_json(plan))["environment"]
    ]
    assert len(set(digests)) == 4
