"""Every built-in target on each of its platforms, and every mixin upon a target: built through stand-ins for the hosts
that they name, and run.

Those that Debian's own archive makes are built from it, with real ROS. `make test-catalogue` runs all.
"""

from __future__ import annotations

import fcntl
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from robenv.catalog.ros import DISTROS
from robenv.engine.protocol import Engine
from robenv.plan.image.build import plan_build
from robenv.plan.models import RUN, BuildPlan
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from tests.support.images.emulation import ensure_emulated
from tests.support.projects import catalogue
from tests.support.projects.project import Project
from tests.support.servers.site.stand_ins import StandIns, packages_of, write_project

pytestmark = pytest.mark.engine

OWN = "linux/amd64"
SMALL = {
    "ros/jazzy linux/amd64",
    "ros/noetic linux/amd64",
    "cuda/12.8-noble linux/amd64",
    "run image of ros/jazzy linux/amd64",
    "run image of x86-base linux/amd64",
}
RUN_IMAGES = (
    *((f"ros/{distro.name}", OWN) for distro in DISTROS),
    ("x86-base", OWN),
    ("jetson/ros-humble", "linux/arm64"),
    ("jetson/ros-noetic", "linux/arm64"),
)
"""On the smaller image of ROS, and on bases that ROS comes to by its packages."""
FOREIGN = {"arm64": "arm64", "arm/v7": "armhf", "amd64": "amd64"}
"""Debian's names of architectures."""
TRIED = {
    "mixins/ros1-bridge": """
test "$(ros1-bridge --bridge-all-topics)" = \
  "dynamic_bridge(--bridge-all-topics) in noetic(noetic) noetic(--) galactic(--) over rmw_fastrtps_cpp"
test "$(RMW_IMPLEMENTATION=other ros1-bridge --parameter-bridge topics '1 2')" = \
  "parameter_bridge(topics 1 2) in noetic(noetic) noetic(--) galactic(--) over other"
test "$SOURCED" = " noetic(noetic)"
if env | grep -i galactic; then exit 1; fi
"""
}
"""What a mixin brings besides its packages and files, tried; by the stand-ins of what it brings."""


def _row(name: str, platform: str, base: str, *values: str) -> Any:
    """Those upon one base share a worker: an engine knows an image by one name for one platform at a time."""
    marks = [pytest.mark.xdist_group(base)]
    if f"{name} {platform}" not in SMALL:
        marks.append(pytest.mark.long)
    return pytest.param(*values, marks=marks, id=f"{name} {platform}")


def _targets() -> Iterator[Any]:
    for target, platform in catalogue.pairs():
        plan = plan_build(catalogue.profiles()[target].on(platform), platform)
        yield _row(target, platform, plan.bases[0].reference, target, platform)


def _mixins() -> Iterator[Any]:
    for mixin in catalogue.mixins():
        target = catalogue.stand_of(mixin)
        for platform in catalogue.asked_of(mixin) or (OWN,):
            plan = plan_build(catalogue.profiles()[target].on(platform), platform)
            yield _row(f"{mixin} upon {target}", platform, plan.bases[0].reference, mixin, platform)


def _run_images() -> Iterator[Any]:
    for target, platform in RUN_IMAGES:
        plan = plan_build(catalogue.profiles()[target].on(platform), platform)
        yield _row(f"run image of {target}", platform, plan.bases[0].reference, target, platform)


@pytest.fixture(scope="module")
def stand_ins(docker_api: Any, engine: Engine) -> Iterator[StandIns]:
    made = StandIns(docker_api, engine)
    yield made
    made.close()


@pytest.fixture
def offered(stand_ins: StandIns, engine: Engine) -> Iterator[Callable[[BuildPlan], None]]:
    """Has the stand-ins offer the images that a plan stands on; afterwards the engine has none of them."""
    with ExitStack() as stack:

        def offer(plan: BuildPlan) -> None:
            for image in sorted({base.image for base in plan.bases if base.image}):
                stack.enter_context(_alone(image))
                stack.callback(_forget, engine, image)
                stand_ins.offer(image, plan.platform)

        yield offer


@contextmanager
def _alone(image: str) -> Iterator[None]:
    """Other test sessions on this engine have stand-ins of that name too."""
    with Path(tempfile.gettempdir(), f"robenvtest-image-{image.replace('/', '-')}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget(engine: Engine, image: str) -> None:
    if engine.find_image(image) is not None:
        engine.remove_image(image, force=True)


@pytest.mark.parametrize(("target", "platform"), list(_targets()))
def test_a_target_is_built_and_runs(
    target: str,
    platform: str,
    stand_ins: StandIns,
    offered: Callable[[BuildPlan], None],
    project: Callable[..., Project],
    docker_api: Any,
) -> None:
    ensure_emulated(platform)
    resolved = catalogue.profiles()[target].on(platform)
    plan = plan_build(resolved, platform)
    offered(plan)
    one = project()
    real = all(base.bootstrap for base in plan.bases)
    write_project(one.folder, one.name, [target], {} if real else stand_ins.profile(resolved, platform))
    # Native tools would be those of the release that a stand-in only bears the name of.
    one.run("build", *([] if real else ["--no-accel"]), "--platform", platform, timeout=3000)
    built = docker_api.images(filters={"label": f"robenv.project={one.name}"})[0]["Id"]
    said = _run(docker_api, built, _script(resolved, plan, real))
    assert f"machine {FOREIGN[platform.partition('/')[2]]}" in said


@pytest.mark.parametrize(("mixin", "platform"), list(_mixins()))
def test_a_mixin_is_built_and_runs(
    mixin: str,
    platform: str,
    stand_ins: StandIns,
    offered: Callable[[BuildPlan], None],
    project: Callable[..., Project],
) -> None:
    ensure_emulated(platform)
    resolved = catalogue.upon_its_stand(mixin)
    plan = plan_build(resolved.on(platform), platform)
    offered(plan)
    one = project()
    document = stand_ins.profile(resolved, platform)
    document["platforms"] = list(catalogue.platforms_of(resolved))
    if resolved.profile.realtime:
        document["realtime"] = False  # not every machine has it to give: test_realtime
    write_project(one.folder, one.name, [catalogue.stand_of(mixin), mixin], document)
    script = _script(resolved, plan, real=False) + TRIED.get(mixin, "")
    run = ("run", "--no-accel", "--platform", platform, "--")
    said = one.run(*run, "bash", "-c", script, timeout=1500).stdout
    assert f"machine {FOREIGN[platform.partition('/')[2]]}" in said


@pytest.mark.parametrize(("target", "platform"), list(_run_images()))
def test_a_run_image_has_ros_and_what_was_built_and_not_what_built_it(
    target: str,
    platform: str,
    stand_ins: StandIns,
    offered: Callable[[BuildPlan], None],
    project: Callable[..., Project],
) -> None:
    ensure_emulated(platform)
    resolved = catalogue.profiles()[target].on(platform)
    one = project()
    (one.folder / "src").mkdir()
    (one.folder / "src/hello").write_text("hello\n")
    document = stand_ins.profile(resolved, platform)
    document["run_image"] = {"build": _BUILD, "install": "/opt/picker"}
    write_project(one.folder, one.name, [target], document)
    whole = resolve_project(find_project(one.folder), {})
    offered(plan_build(whole, platform, RUN))
    command = ("run", "--no-accel", "--stage", "run", "--platform", platform, "--", "bash", "-c", _BUILT)
    said = one.run(*command, timeout=1500).stdout
    distro = resolved.profile.ros.distro
    assert said.splitlines() == [f"{distro} answers topic list", f"{distro} below", "hello", "no build-essential"]


_BUILD = """set -e
dpkg-query -W build-essential >/dev/null
mkdir -p /opt/picker
cp src/hello /opt/picker
echo 'export OVERLAY="$UNDERLAY below"' > /opt/picker/setup.bash
"""
_BUILT = """ros2 topic list; echo $OVERLAY; cat /opt/picker/hello
dpkg-query -W build-essential >/dev/null 2>&1 || echo no build-essential
"""


def _script(resolved: Resolved, plan: BuildPlan, real: bool) -> str:
    """Fails unless what was asked for is there, and ROS answers."""
    packages = packages_of(plan)
    lines = ["set -e", f"dpkg-query -W {' '.join(packages)} >/dev/null" if packages else ":"]
    lines += [f"test -s {file.target}" for file in resolved.profile.files if not file.target.endswith("/")]
    lines += [f'test "${name}" = {shlex.quote(value)}' for name, value in resolved.profile.environment.items()]
    lines += [f"python3 -c 'import {package.partition('>')[0]}'" for package in resolved.profile.pip_packages]
    lines.append("echo machine $(dpkg --print-architecture)")
    if not real:
        lines.append('if [ -n "${ROS_DISTRO-}" ]; then test "$UNDERLAY" = "$ROS_DISTRO"; ros2 topic list; fi')
    elif "ros-core" in packages:
        # Debian's own hook says so where it finds another distribution set than its own.
        lines.append(
            'for hook in /etc/catkin/profile.d/1.ros_distro.sh; do [ ! -e $hook ] || test -z "$(. $hook)"; done'
        )
        # roscore gives its master ten seconds, which may be too few under QEMU.
        lines += [
            "{ roscore || rosmaster --core; } &",
            "until rosnode list; do sleep 1; done",
            "rostopic pub -1 /t std_msgs/String hello",
        ]
    return "\n".join(lines)


def _run(api: Any, image: str, script: str) -> str:
    """By the image's own entrypoint; what it says. Raises AssertionError where it fails."""
    container = api.create_container(image, ["bash", "-c", script], name=f"robenvtest-{image[-12:]}")
    try:
        api.start(container)
        code = api.wait(container, timeout=600)["StatusCode"]
        said: str = api.logs(container).decode()
    finally:
        api.remove_container(container, force=True, v=True)
    assert code == 0, said
    return said
