"""ros/jazzy upon a stand-in for its image, with Debian's rosdep and real colcon: what is in it, and for whom."""

from __future__ import annotations

import hashlib
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.images import base_image
from tests.support.projects.project import Project
from tests.support.servers.ros_site import RosSite

pytestmark = pytest.mark.engine

# The image's own source has a key that is none. Debian's are not needed any more, and take long.
_DOCKERFILE = f"""FROM {base_image.TAG}
RUN apt-get update -q && apt-get install -q -y --no-install-recommends colcon python3-colcon-argcomplete \\
      python3-rosdep2 \\
 && rm -rf /etc/ros/rosdep/sources.list.d /var/lib/apt/lists/* /etc/apt/sources.list \\
 && mkdir -p /opt/ros/jazzy \\
 && echo 'export UNDERLAY=jazzy' >/opt/ros/jazzy/setup.bash \\
 && echo 'deb [signed-by=/etc/hostname] http://packages.ros.org/ros2/ubuntu noble main' \\
      >/etc/apt/sources.list.d/ros2-latest.list \\
 && useradd --create-home ubuntu --uid 1000
LABEL {base_image.LABEL}=ros
"""
IMAGE = f"robenvtest-ros:{hashlib.sha256(_DOCKERFILE.encode()).hexdigest()[:12]}"
NAME = "robenvtest/ros:jazzy-ros-base"
"""As a registry of one's own would have it: by that name it is known to have ros-base."""

PROFILE = """name: {name}
extends: [./site.yaml, ros/jazzy]
base: {{image: "{image}"}}
platforms: !reset
apt:
  repositories: {{ros: {{package: "{package}", package_checksum: "{checksum}"}}}}
  packages: !override [{more}]
ros: {{colcon_mixins: {{default: "{address}/mixins.yaml"}}, {ros}}}
user: {{{user}}}
"""
SITE = """files:
  - {{source: 20-default.list, target: /etc/ros/rosdep/sources.list.d/}}
  - {{source: mixin.whl, target: /opt/}}
steps: [{{name: colcon-mixin, run: python3 -m zipfile -e /opt/mixin.whl /usr/lib/python3/dist-packages}}]
environment: {{ROSDISTRO_INDEX_URL: "{address}/index-v4.yaml"}}
"""
CORE = """name: {name}
extends: [ros/jazzy-ros-core]
base: {{image: "{image}"}}
platforms: !reset
apt: {{packages: [hello-robot]}}
"""
MIRRORED = """name: {name}
extends: [./site.yaml, ros/jazzy]
base: {{image: "{image}"}}
platforms: !reset
apt:
  repositories: {{ros: {{package_checksum: "{checksum}"}}}}
  packages: !override []
mirrors:
  downloads:
    https://github.com: "{address}/github"
    https://raw.githubusercontent.com: "{address}/raw"
"""
MIXIN = """files: [{source: mixin.whl, target: /opt/}]
steps: [{name: colcon-mixin, run: python3 -m zipfile -e /opt/mixin.whl /usr/lib/python3/dist-packages}]
"""
Make = Callable[..., Project]


@pytest.fixture(scope="module")
def site(docker_api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosSite]:
    base_image.ensure_made(docker_api, IMAGE, _DOCKERFILE)
    docker_api.tag(IMAGE, *NAME.rsplit(":", 1), force=True)
    folder = tmp_path_factory.mktemp("site")
    # Debian has the rest of colcon.
    command = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", folder, "colcon-mixin==0.2.3")
    subprocess.run(command, check=True, timeout=120)
    next(folder.glob("*.whl")).rename(folder / "mixin.whl")
    with RosSite(docker_api, folder) as made:
        yield made


@pytest.fixture
def ros(project: Make, site: RosSite) -> Make:
    """A project over ros/jazzy; ``ros("variant: desktop", "nano")``."""
    made: list[Project] = []

    def make(ros: str = "", more: str = "", checksum: str = "", user: str = "") -> Project:
        one = made[0] if made else project()
        made.append(one)
        package, right = site.source
        for name in ("20-default.list", "mixin.whl"):
            (one.folder / name).write_bytes((site.folder / name).read_bytes())
        (one.folder / "site.yaml").write_text(SITE.format(address=site.address))
        text = PROFILE.format(
            name=one.name,
            image=NAME,
            package=package,
            checksum=checksum or right,
            address=site.address,
            ros=ros,
            more=more,
            user=user,
        )
        (one.folder / "robenv.yaml").write_text(text)
        return one

    return make


def shell(project: Project, keys: str) -> str:
    """What an interactive bash inside puts out while somebody types."""
    primary, secondary = pty.openpty()
    started = project.start("exec", "--", "bash", "-i", stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    os.write(primary, f"{keys}\nexit\n".encode())
    output = b""
    try:
        while data := os.read(primary, 4096):
            output += data
    except OSError:
        pass  # the other side has gone
    os.close(primary)
    started.wait(timeout=60)
    return output.decode()


def test_all_of_it(ros: Make, site: RosSite) -> None:
    project = ros("variant: desktop, rmw: cyclonedds, domain_id: 7")
    project.run("up", "-d")

    def inside(command: str) -> str:
        return project.run("exec", "--", "bash", "-c", command).stdout.strip()

    # the sources of the package in the place of the image's own, and what came from them
    assert inside("ls /etc/apt/sources.list.d") == "ros2.sources"
    assert inside("ls /opt/ros/jazzy/share").split() == ["ros-jazzy-desktop", "ros-jazzy-rmw-cyclonedds-cpp"]
    assert inside("echo $RMW_IMPLEMENTATION $ROS_DOMAIN_ID $ROS_DISTRO $LANG") == "rmw_cyclonedds_cpp 7 jazzy C.UTF-8"
    # rosdep's index and the mixins are those of whoever works here, and can be renewed
    assert inside("id -u") == str(os.getuid())
    assert "libeigen3-dev" in inside("rosdep resolve eigen")
    assert inside("readlink ~/.ros/rosdep") == "/opt/robenv/ros/rosdep"
    (site.folder / "base.yaml").write_text("eigen:\n  debian: [libeigen3-new]\n")
    assert "libeigen3-new" in inside("rosdep update >/dev/null && rosdep resolve eigen")
    assert "release" in inside("colcon mixin show build")
    assert inside("colcon mixin update && ls ~/.colcon/mixin/default").endswith("release.mixin")
    # underlay, and the overlay once it is there
    assert inside('echo "$UNDERLAY $OVERLAY"') == "jazzy"
    (project.folder / "install").mkdir()
    (project.folder / "install" / "setup.bash").write_text("export OVERLAY=$UNDERLAY-mine\n")
    assert inside('echo "$UNDERLAY $OVERLAY"') == "jazzy jazzy-mine"
    # completion, in a shell that somebody types into
    assert "usage: colcon build" in shell(project, "colcon buil\t--help")


def test_another_user_has_the_same_whoever_had_the_uid(ros: Make) -> None:
    project = ros(user="uid: 1000")
    project.run("up", "-d")
    done = project.run("exec", "--", "bash", "-c", "id -u; rosdep resolve eigen; rosdep update")
    assert done.stdout.startswith("1000\n")
    assert "libeigen3" in done.stdout


def test_a_package_of_the_projects_own_makes_none_of_it_anew(ros: Make, docker_api: Any) -> None:
    project = ros("variant: desktop")
    layers = []
    for more in ("", "hello-robot"):
        ros("variant: desktop", more).run("build")
        image = project.plan()["image"]
        layers.append(docker_api.inspect_image(image)["RootFS"]["Layers"])
    assert project.run("run", "--", "cat", "/usr/share/hello-robot").stdout == "there\n"
    plain, more_layers = layers
    assert more_layers[: len(plain) - 1] == plain[:-1], "all but the entrypoint, which comes last"
    assert len(more_layers) == len(plain) + 1


def test_a_checksum_that_differs(ros: Make) -> None:
    done = ros(checksum="sha256:" + "0" * 64).run("build", check=5)
    assert "Hash Sum mismatch" in done.stderr
    assert "robenv.yaml:6:23" in done.stderr, "where the checksum was said last"


def test_what_the_user_corrects_is_what_the_build_fetches(project: Make, site: RosSite) -> None:
    one = project()
    (one.folder / "robenv.yaml").write_text(CORE.format(name=one.name, image=NAME))
    catalog = one.folder.parent / "config/robenv/catalog.yaml"
    catalog.parent.mkdir(parents=True)
    one.environ["XDG_CONFIG_HOME"] = str(catalog.parent.parent)
    package, checksum = site.source
    text = f"ros:\n  jazzy:\n    package: {package}\n    package_checksum: sha256:"
    catalog.write_text(text + "0" * 64 + "\n")
    refused = one.run("build", check=5).stderr
    assert "Hash Sum mismatch" in refused
    assert f"{catalog}:4:23" in refused
    catalog.write_text(text.replace("sha256:", checksum) + "\n")
    told = one.run("run", "--", "sh", "-c", "cat /usr/share/hello-robot /etc/apt/sources.list.d/*").stdout
    assert told.startswith("there\n")
    assert f"URIs: {site.address}/apt" in told


def test_the_stand_in_could_not_have_updated_before(docker_api: Any, site: RosSite) -> None:
    update = ["apt-get", "update", "-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=0"]
    created = docker_api.create_container(NAME, update)
    try:
        docker_api.start(created)
        assert docker_api.wait(created)["StatusCode"] == 100
    finally:
        docker_api.remove_container(created, force=True)


def test_by_the_addresses_of_the_profile_alone(project: Make, site: RosSite) -> None:
    one = project()
    (one.folder / "mixin.whl").write_bytes((site.folder / "mixin.whl").read_bytes())
    (one.folder / "site.yaml").write_text(MIXIN)
    text = MIRRORED.format(name=one.name, image=NAME, checksum=site.source[1], address=site.address)
    (one.folder / "robenv.yaml").write_text(text)
    command = "rosdep resolve eigen; colcon mixin show build; cat /etc/ros/rosdep/sources.list.d/20-default.list"
    told = one.run("run", "--", "bash", "-c", command).stdout
    assert "libeigen3-by-its-real-address" in told
    assert "release" in told
    assert "yaml https://raw.githubusercontent.com/ros/rosdistro/master/rosdep/base.yaml" in told
