"""How to enter is read from a container's own labels."""

from __future__ import annotations

import json

import pytest

from robenv.fast.entry import ContainerEntry
from robenv.plan.names import LABEL_ENTRYPOINT, LABEL_PLAN_JSON


def entry(entrypoint: list[str] | None = None, read_only: bool = False) -> ContainerEntry:
    plan = {
        "read_only": read_only,
        "user": {"name": "dev", "uid": 1001, "gid": 1002, "shell": "/bin/bash"},
        "working_dir": "/workspace",
        "mounts": [
            {"kind": "bind", "source": "/home/ann/picker", "target": "/workspace"},
            {"kind": "bind", "source": "/home/ann/picker/data", "target": "/data"},
            {"kind": "volume", "source": "/home/ann", "target": "/home/dev"},
        ],
    }
    labels = {LABEL_PLAN_JSON: json.dumps(plan)}
    if entrypoint is not None:
        labels[LABEL_ENTRYPOINT] = json.dumps(entrypoint)
    return ContainerEntry(labels)


def test_runs_as_the_plan_says() -> None:
    assert (entry().user, entry().working_dir) == ("dev", "/workspace")
    assert entry(read_only=True).user == "1001:1002"


def test_a_command_goes_through_the_images_entrypoint() -> None:
    assert entry(["/entrypoint"]).argv(("rostopic", "list")) == ("/entrypoint", "rostopic", "list")
    assert entry().argv(("true",)) == ("true",)


def test_without_a_command_it_is_the_users_shell() -> None:
    assert entry(["/entrypoint"]).argv(())[0] == "/entrypoint"
    assert entry().argv(())[-1] == "/bin/bash"


@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ("/home/ann/picker", "/workspace"),
        ("/home/ann/picker/src/arm", "/workspace/src/arm"),
        ("/home/ann/picker/data/bags", "/data/bags"),
        ("/home/ann/picker-old", "/workspace"),
        ("/home/ann", "/workspace"),
        ("/", "/workspace"),
    ],
)
def test_starts_in_the_folder_that_shows_the_one_outside(outside: str, inside: str) -> None:
    assert entry().folder(outside) == inside
