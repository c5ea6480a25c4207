"""Nothing of a container is lost on the way into a form: it is in there, or it is said that it is not."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import kubernetes_validate
import pytest

from robenv.export.compose import compose_file, inline_options
from robenv.export.devcontainer import devcontainer, not_in_devcontainer
from robenv.export.kubernetes import kubernetes_objects, not_in_kubernetes
from robenv.export.portable import PortablePlan
from robenv.export.words import Wording
from robenv.plan.host.requirements import Grant
from robenv.plan.models import Healthcheck, Mount, RunPlan
from tests.support.projects.request_fields import HOST_CONFIG, PLAN, TOP_LEVEL

WORDS = Wording("/home/jane/picker", "/home/jane/picker/there", "/home/jane", (), str, str, str)
ROWS = [changes for changes, _, _ in (*TOP_LEVEL, *HOST_CONFIG) if "device_requests" not in changes]
MOUNTS = [
    Mount("bind", "/home/jane/picker/data", "/data", True),
    Mount("bind", "/srv", "/data", False, (("propagation", "rslave"), ("create_host_path", True))),
    Mount("bind", "/srv", "/data", False, (("selinux", "z"),)),
    Mount("volume", "cache", "/c", False, (("nocopy", True),)),
    Mount("volume", "cache", "/c", False, (("subpath", "a"),)),
    Mount("volume", "cache", "/c", False, (("external", True),)),
    Mount("volume", "", "/c"),
    Mount("volume", "", "/c", False, (("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m,mode=0700"))),
    Mount("tmpfs", "", "/t", False, (("size", 1 << 20), ("mode", 0o1777))),
    Mount("tmpfs", "", "/t", False, (("options", "size=64m"),)),
]
WHOLE = [*ROWS, *({"mounts": (mount,)} for mount in MOUNTS)]


def portable(changes: dict[str, Any]) -> PortablePlan:
    return PortablePlan(replace(PLAN, **changes), Grant(), "none", False, (), (), ())


def names(changes: dict[str, Any]) -> str:
    return ",".join(f"{key}={value!r}" for key, value in changes.items())[:80]


def test_every_field_of_a_plan_is_tried() -> None:
    tried = {key for changes in WHOLE for key in changes}
    own = {
        "project",
        "directory",
        "name",
        "image",
        "platform",
        "user",
        "working_dir",
        "home_volume",
        "session",
        "only_these_groups",
        "own_groups",
        "prefix",
    }
    assert {field.name for field in fields(RunPlan)} - tried - own == {"device_requests"}


@pytest.mark.parametrize("changes", WHOLE, ids=names)
def test_compose_has_it(changes: dict[str, Any]) -> None:
    assert compose_file(portable(changes), {}, WORDS) != compose_file(portable({}), {}, WORDS)


@pytest.mark.parametrize("changes", WHOLE, ids=names)
def test_a_dev_container_has_it_or_it_is_said(changes: dict[str, Any]) -> None:
    if changes.keys() <= {"command", "entrypoint"} or changes == {"oom_kill_disable": False}:
        return  # its tools keep it alive in their own way, as robenv does; and that is what it is without a word
    here, plain = portable(changes), portable({})
    same = devcontainer(here, {}, "/workspace", WORDS) == devcontainer(plain, {}, "/workspace", WORDS)
    assert not same or [*not_in_devcontainer(here)] != [*not_in_devcontainer(plain)]


@pytest.mark.parametrize("changes", WHOLE, ids=names)
def test_a_pod_has_it_or_it_is_said(changes: dict[str, Any]) -> None:
    if changes in ({"init": False}, {"entrypoint": None}, {"healthcheck": Healthcheck(("NONE",))}):
        return  # a pod has no init of its own; without a word the image's entrypoint holds, and no check of its
    here, plain = portable(changes), portable({})
    objects = kubernetes_objects(here, "x", "", WORDS)
    said = [*not_in_kubernetes(here)] != [*not_in_kubernetes(plain)]
    assert objects != kubernetes_objects(plain, "x", "", WORDS) or said
    for one in objects:
        kubernetes_validate.validate(one, "1.32", strict=True)


def test_a_document_among_the_security_options_is_told() -> None:
    plan = replace(PLAN, security_opt=('seccomp={"defaultAction": "SCMP_ACT_ALLOW"}', "apparmor=unconfined"))
    assert inline_options(plan) == ["seccomp"]
    made = compose_file(PortablePlan(plan, Grant(), "none", False, (), (), ()), {}, WORDS)
    assert made["services"]["picker"]["security_opt"] == ["apparmor=unconfined"]
