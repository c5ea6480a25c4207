from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from robenv.plan.diff import Change, describe, diff_plans
from robenv.plan.values import Device, Healthcheck, Mount, Port, RunPlan, Ulimit, User

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
        ({"environment": (("EMPTY", ""), ("ROS_DOMAIN_ID", "7"))}, ["environment ROS_DOMAIN_ID: 3 → 7"]),
        (
            {"environment": (("ROS_DOMAIN_ID", "3"), ("NEW.ONE", "x"))},
            ['environment EMPTY: removed, was ""', "environment NEW.ONE: added, x"],
        ),
        ({"environment": (*PLAN.environment, ("KEY", "a\n\x1b[2J"))}, [r'environment KEY: added, "a\n\u001b[2J"']),
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
    assert diff_plans(old, replace(PLAN, healthcheck=None).to_json()) == (Change("forgotten", "value", None),)


def test_the_path_is_in_the_plans_words() -> None:
    assert diff_plans(_stored(PLAN), replace(PLAN, environment=PLAN.environment[:1]).to_json()) == (
        Change("environment.EMPTY", "", None),
    )
