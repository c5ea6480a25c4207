"""Every built-in target on each of its platforms: built through stand-ins for the hosts that it names, and run.

Those that Debian's own archive makes are built from it, with real ROS. `make test-catalogue` runs all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from robenv.engine.protocol import Engine
from robenv.plan.build import plan_build
from tests.support import catalogue
from tests.support.emulation import ensure_arm64
from tests.support.project import Project
from tests.support.site.stand_ins import StandIns, packages_of, write_project

pytestmark = pytest.mark.engine

SMALL = {("ros/jazzy", "linux/amd64"), ("ros/noetic", "linux/amd64"), ("cuda/12.8-noble", "linux/amd64")}


def _all() -> Iterator[Any]:
    for target in catalogue.targets():
        for platform in catalogue.platforms_of(catalogue.profiles()[target]):
            marks = [] if (target, platform) in SMALL else [pytest.mark.long]
            yield pytest.param(target, platform, marks=marks, id=f"{target} {platform}")


@pytest.fixture(scope="module")
def stand_ins(docker_api: Any, engine: Engine) -> Iterator[StandIns]:
    made = StandIns(docker_api, engine)
    yield made
    made.close()


@pytest.mark.parametrize(("target", "platform"), list(_all()))
def test_a_target_is_built_and_runs(
    target: str,
    platform: str,
    stand_ins: StandIns,
    project: Callable[..., Project],
    docker_api: Any,
    engine: Engine,
) -> None:
    if platform != "linux/amd64":
        ensure_arm64()
    plan = plan_build(catalogue.profiles()[target].on(platform), platform)
    images = [base.image for base in plan.bases if base.image]
    for image in images:
        stand_ins.offer(image, platform)
    one = project()
    write_project(one.folder, one.name, target, stand_ins.profile(target, platform) if images else "{}")
    try:
        one.run("build", "--no-accel", "--platform", platform, timeout=3000)
        built = docker_api.images(filters={"label": f"robenv.project={one.name}"})[0]["Id"]
        _check(docker_api, built, plan, bool(images))
    finally:
        for image in images:
            if engine.find_image(image) is not None:
                engine.remove_image(image, force=True)


def _check(api: Any, image: str, plan: Any, stands_in: bool) -> None:
    """By the image's own entrypoint: what was asked for is there, and ROS answers."""
    lines = ["set -e", f"dpkg-query -W {' '.join(packages_of(plan))} >/dev/null" if packages_of(plan) else ":"]
    lines.append("echo machine $(dpkg --print-architecture)")
    if stands_in:
        lines.append('if [ -n "${ROS_DISTRO-}" ]; then test "$UNDERLAY" = "$ROS_DISTRO"; ros2 topic list; fi')
    elif "ros-core" in packages_of(plan):
        lines += ["roscore & sleep 5", "rostopic pub -1 /t std_msgs/String hello", "rosnode list"]
    container = api.create_container(image, ["bash", "-c", "\n".join(lines)], name=f"robenvtest-{image[-12:]}")
    try:
        api.start(container)
        code = api.wait(container, timeout=300)["StatusCode"]
        said = api.logs(container).decode()
    finally:
        api.remove_container(container, force=True, v=True)
    assert code == 0, said
    architecture = {"amd64": "amd64", "arm64": "arm64", "arm/v7": "armhf"}[plan.platform.split("/", 1)[1]]
    assert f"machine {architecture}" in said
