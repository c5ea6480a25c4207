"""Every host that a built-in target names, stood in for: a registry, package archives, indexes.

The images have a Debian's files below another release's name, and the packages are of a few files each. So they show
what robenv asks for, in which order and from where, and that what it sets up runs; not that the real ones work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robenv.catalog.suites import UBUNTU as UBUNTU_MIRROR
from robenv.catalog.suites import UBUNTU_PORTS
from robenv.engine.protocol import BuildRequest, Engine
from robenv.plan.image.build import plan_build
from robenv.plan.models import BuildPlan
from robenv.plan.packages import AptRepository
from robenv.profile.resolve.resolved import Resolved
from tests.support.images import base_image
from tests.support.images.building import context
from tests.support.projects import catalogue
from tests.support.servers.registry import Registry
from tests.support.servers.site.packages import Package, module
from tests.support.servers.site.web import Signer, Web, bridge, publish

UBUNTU = {"bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04", "resolute": "26.04"}
_DISTROS = {
    "noetic": "focal",
    "humble": "jammy",
    "iron": "jammy",
    "jazzy": "noble",
    "kilted": "noble",
    "lyrical": "resolute",
    "rolling": "resolute",
}
_BRIDGED = "galactic"
"""The ROS 2 of mixins/ros1-bridge, which has a snapshot and no images; its packages are nowhere else."""
_L4T = {"r32": "bionic", "r35": "focal", "r36": "jammy"}
_IN_THE_ROOT = {"libstdc++6", "tar"}
"""Of the packages that profiles ask for: the real ones stay, as the newer ones."""
_RAW = "https://raw.githubusercontent.com"
_ROSDEP = f"""#!/bin/sh
set -e
case $1 in
  init)
    mkdir -p /etc/ros/rosdep/sources.list.d
    /usr/lib/apt/apt-helper download-file {_RAW}/ros/rosdistro/master/rosdep/sources.list.d/20-default.list \\
      /etc/ros/rosdep/sources.list.d/20-default.list
    ;;
  update)
    mkdir -p "$ROS_HOME/rosdep/sources.cache"
    cp /etc/ros/rosdep/sources.list.d/20-default.list "$ROS_HOME/rosdep/sources.cache/index"
    ;;
esac
"""
_COLCON = """#!/bin/sh
set -e
[ "$1" = mixin ] || exit 0
case $2 in
  remove) exit 1 ;;
  add) /usr/lib/apt/apt-helper download-file "$4" "$COLCON_HOME/$3.yaml" ;;
esac
"""
_ROS1_BRIDGE = """#!/bin/sh
echo "${0##*/}($*) in$SOURCED over $RMW_IMPLEMENTATION"
"""


class StandIns:
    """Serves until ``close``."""

    def __init__(self, api: Any, engine: Engine) -> None:
        self._api, self._engine = api, engine
        self.web, self.signer, self.registry = Web(bridge(api)), Signer(), Registry().start()
        self._made: set[tuple[str, str]] = set()
        self._expired = Signer("20200101T000000")
        asked = [_package(name) for name in sorted(_names())]
        bridged = [one for one in asked if one.name.startswith(f"ros-{_BRIDGED}-")]
        packages = [one for one in asked if one not in bridged]
        for suite in UBUNTU:
            publish(self.web, self.signer, "ubuntu", suite, packages, components=("main", "universe"))
            publish(self.web, self.signer, "ros2/ubuntu", suite)
        for distro, suite in _DISTROS.items():
            publish(self.web, self.signer, f"snapshots/{distro}/final/ubuntu", suite, packages)
        publish(self.web, self.signer, f"snapshots/{_BRIDGED}/final/ubuntu", "focal", bridged)
        publish(self.web, self.signer, "jetson/common", "r39.2", packages)
        self._sources = {suite: self._source_package(suite).deb for suite in UBUNTU}
        for suite, deb in self._sources.items():
            self.web.files[f"deb/{suite}.deb"] = deb
        self.web.files["raw/ros/rosdistro/master/rosdep/sources.list.d/20-default.list"] = b"# the index\n"
        self.web.files["raw/colcon/colcon-mixin-repository/master/index.yaml"] = b"mixin: []\n"
        wheel = "torch-2.4.0-py3-none-any.whl"
        self.web.files["simple/torch/"] = f'<a href="{wheel}">{wheel}</a>'.encode()
        self.web.files[f"simple/torch/{wheel}"] = module("torch", "2.4.0")

    def close(self) -> None:
        for one in (self.web, self.signer, self._expired, self.registry):
            one.close()

    def profile(self, resolved: Resolved, platform: str) -> dict[str, Any]:
        """What a project says besides ``extends``: the mirrors, and the checksum of a source package's stand-in."""
        arch = platform.split("/", 1)[1].replace("/", "-")
        address, key = self.web.address, str(self.signer.key)
        mirrors: dict[str, Any] = {
            "registries": dict.fromkeys(("docker.io", "nvcr.io"), f"{self.registry.address}/{arch}"),
            "apt": {
                UBUNTU_MIRROR: {"url": f"{address}/ubuntu", "key": key},
                UBUNTU_PORTS: {"url": f"{address}/ubuntu", "key": key},
                "packages.ros.org": f"{address}",
                "repo.download.nvidia.com": {"url": address, "key": key},
                "snapshots.ros.org": {"url": f"{address}/snapshots", "key": key},
            },
            "downloads": {_RAW: f"{address}/raw"},
            "pip": f"{address}/simple",
        }
        document: dict[str, Any] = {"mirrors": mirrors}
        for repository in _repositories(plan_build(resolved.on(platform), platform)):
            if repository.package:
                suite = repository.package.rsplit(".", 1)[0].rsplit("_", 1)[0].rsplit(".", 1)[1]
                self.web.files[f"github/{repository.package.rsplit('/', 1)[1]}"] = self._sources[suite]
                mirrors["downloads"][repository.package.rsplit("/", 1)[0]] = f"{address}/github"
                checksum = f"sha256:{hashlib.sha256(self._sources[suite]).hexdigest()}"
                document["apt"] = {"repositories": {repository.name: {"package_checksum": checksum}}}
        return document

    def offer(self, reference: str, platform: str) -> None:
        """Has the registry offer the stand-in of an image."""
        if (reference, platform) in self._made:
            return
        root = base_image.ensure(self._api, platform)
        arch = platform.split("/", 1)[1].replace("/", "-")
        name = reference.removeprefix("nvcr.io/")
        name = name if "/" in name else f"library/{name}"
        tag = f"{self.registry.address}/{arch}/{name}"
        request = BuildRequest(tag, platform, {base_image.LABEL: "stand-in"})
        files = self._files(reference, platform)
        copies = "".join(
            f"COPY --chmod={'0755' if '/bin/' in target else '0644'} {source} {target}\n"
            for source, (target, _) in files.items()
        )
        dockerfile = f"FROM {root}\n{copies}"
        for _ in self._engine.build(request, context(dockerfile, **{n: data for n, (_, data) in files.items()})):
            pass
        for _ in self._engine.push(tag):
            pass
        self._engine.remove_image(tag)
        self._made.add((reference, platform))

    def _files(self, reference: str, platform: str) -> dict[str, tuple[str, bytes]]:
        suite = suite_of(reference)
        archive = UBUNTU_MIRROR if platform == "linux/amd64" else UBUNTU_PORTS
        release = f'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="{UBUNTU[suite]}"\nVERSION_CODENAME={suite}\n'
        sources = f"deb {archive} {suite} main universe\n"
        files = {"release": ("/usr/lib/os-release", release.encode())}
        if suite in ("noble", "resolute"):  # as the real ones have since 24.04
            written = f"Types: deb\nURIs: {archive}\nSuites: {suite}\nComponents: main universe\n"
            files["deb822"] = ("/etc/apt/sources.list.d/ubuntu.sources", written.encode())
            sources = "# Ubuntu sources have moved to the /etc/apt/sources.list.d/ubuntu.sources\n"
            passwd = "root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
            users = f"{passwd}ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n"
            files["passwd"] = ("/etc/passwd", users.encode())
        files["sources"] = ("/etc/apt/sources.list", sources.encode())
        if reference.startswith("ros:"):
            distro = reference[4:].split("-")[0]
            setup, ros2 = ros_files(distro)
            files["setup"] = (f"/opt/ros/{distro}/setup.bash", setup.encode())
            files["ros2"] = (f"/opt/ros/{distro}/bin/ros2", ros2.encode())
            files["oldkey"] = ("/usr/share/keyrings/ros-old.asc", self._expired.key.read_bytes())
            old = f"deb [signed-by=/usr/share/keyrings/ros-old.asc] http://packages.ros.org/ros2/ubuntu {suite} main\n"
            files["oldlist"] = ("/etc/apt/sources.list.d/ros2-latest.list", old.encode())
        if "/l4t-" in reference:
            major, minor = reference.rsplit(":r", 1)[1].split("-")[0].split(".", 1)
            l4t = f"# R{major} (release), REVISION: {minor}, GCID: 0, BOARD: generic, EABI: aarch64\n"
            files["tegra"] = ("/etc/nv_tegra_release", l4t.encode())
        return files

    def _source_package(self, suite: str) -> Package:
        key = "/usr/share/keyrings/ros2-archive-keyring.asc"
        source = f"Types: deb\nURIs: http://packages.ros.org/ros2/ubuntu\nSuites: {suite}\n"
        source += f"Components: main\nSigned-By: {key}\n"
        files = {"etc/apt/sources.list.d/ros2.sources": source, key.lstrip("/"): self.signer.key.read_text()}
        return Package("ros2-apt-source", "1.2.0", files=files)


def suite_of(reference: str) -> str:
    """Which Ubuntu an image is of."""
    if reference.startswith("ros:"):
        return _DISTROS[reference[4:].split("-")[0]]
    if "/l4t-" in reference:
        return _L4T[reference.rsplit(":", 1)[1].split(".")[0]]
    return next(suite for suite, version in UBUNTU.items() if version in reference)


def ros_files(distro: str) -> tuple[str, str]:
    """A setup script, and a program on the path that it sets.

    The script's SOURCED says which ones were sourced, in their order, with their arguments and the ROS_DISTRO that each
    found there, of which the real ones warn.
    """
    setup = f"""export UNDERLAY={distro} PATH=/opt/ros/{distro}/bin:$PATH
export SOURCED="${{SOURCED-}} {distro}(${{ROS_DISTRO-}}$*)" ROS_DISTRO={distro}
"""
    return setup, f'#!/bin/sh\necho "{distro} answers $*"\n'


def _package(name: str) -> Package:
    special = {
        "python3-rosdep": {"usr/bin/rosdep": _ROSDEP},
        "python3-colcon-common-extensions": {"usr/bin/colcon": _COLCON},
        "ca-certificates": {"etc/ssl/certs/ca-certificates.crt": "none\n"},
        f"ros-{_BRIDGED}-ros1-bridge": {
            f"opt/ros/{_BRIDGED}/setup.bash": ros_files(_BRIDGED)[0],
            f"opt/ros/{_BRIDGED}/lib/ros1_bridge/dynamic_bridge": _ROS1_BRIDGE,
            f"opt/ros/{_BRIDGED}/lib/ros1_bridge/parameter_bridge": _ROS1_BRIDGE,
        },
    }
    files = special.get(name, {})
    parts = name.split("-")
    if parts[0] == "ros" and parts[1] in _DISTROS and "-".join(parts[2:]) == "ros-core":
        setup, ros2 = ros_files(parts[1])
        files = {f"opt/ros/{parts[1]}/setup.bash": setup, f"opt/ros/{parts[1]}/bin/ros2": "#!" + ros2[2:]}
    version = "0" if name in _IN_THE_ROOT else Package.version
    return Package(name, version, files=files, scripts={"postinst": "#!/bin/sh\nexit 0\n"})


def _repositories(plan: BuildPlan) -> list[AptRepository]:
    return [repository for stage in plan.stages for group in stage.groups for repository in group.repositories]


def packages_of(plan: BuildPlan) -> list[str]:
    return sorted(
        {name for stage in plan.stages for group in stage.groups for name in (*group.packages, *group.ros.packages)}
    )


def _names() -> set[str]:
    """All packages that targets and mixins upon images ask for."""
    names = {"ca-certificates", "python3-pip", "sudo"}
    built = [(catalogue.profiles()[target], platform) for target, platform in catalogue.pairs()]
    for mixin in catalogue.mixins():
        resolved = catalogue.upon_its_stand(mixin)
        built += [(resolved, platform) for platform in catalogue.platforms_of(resolved)]
    for resolved, platform in built:
        plan = plan_build(resolved.on(platform), platform)
        if all(base.image for base in plan.bases):
            names |= set(packages_of(plan))
    return names


def write_project(folder: Path, name: str, extends: Sequence[str], more: Mapping[str, Any]) -> None:
    (folder / "robenv.yaml").write_text(json.dumps({**more, "name": name, "extends": extends}))
