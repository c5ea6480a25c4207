"""Run plans for tests: the plainest there is, to vary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from robenv.plan.models import RunPlan, User

DEV = User("dev", 1000, 1000, "/home/dev", "/bin/bash", sudo=False)
SUDOER = replace(DEV, sudo=True)
ROOT = User("root", 0, 0, "/root", "/bin/bash", sudo=False)


def run_plan(user: User = DEV, **settings: Any) -> RunPlan:
    """Of the project in /srv/picker."""
    plan = RunPlan(
        project="picker",
        directory="/srv/picker",
        name="robenv-picker",
        image="robenv/picker:0123456789ab",
        platform="linux/amd64",
        user=user,
        working_dir="/workspace",
        entrypoint=(),
        command=("sleep", "infinity"),
        environment=(),
        mounts=(),
        home_volume="",
        labels=(),
        prefix="robenv-picker",
    )
    return replace(plan, **settings)
