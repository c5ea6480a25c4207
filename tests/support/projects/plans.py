"""Build plans for tests: small ones to vary, and one that has everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from robenv.errors import Location
from robenv.plan.models import (
    Base,
    Bootstrap,
    BuildPlan,
    FileCopy,
    Group,
    Healthcheck,
    ImageSettings,
    RosLayers,
    Stage,
    Step,
)
from robenv.plan.packages import AptRepository

BOOKWORM = Base(
    "robenv/base:0123456789ab",
    bootstrap=Bootstrap("bookworm", "http://deb.debian.org/debian", ("main",), "minbase", (), "linux/amd64"),
)
CHECKSUM = "sha256:" + "0123456789abcdef" * 4


def at(line: int) -> Location:
    return Location("robenv.yaml", line, 3)


def plan_of(
    *groups: Group,
    settings: ImageSettings | None = None,
    base: Base = BOOKWORM,
    stages: tuple[Stage, ...] = (),
    directory: str = "",
    platform: str = "linux/amd64",
) -> BuildPlan:
    """An image of one stage, with ``stages`` before it. It has the user ``dev`` where a step needs one."""
    last = Stage("image", base, groups, settings or ImageSettings())
    needs_user = any(step.as_user for stage in (*stages, last) for group in stage.groups for step in group.steps)
    return BuildPlan("picker", platform, (*stages, last), "dev", needs_user, directory)


def full_plan(folder: Path) -> BuildPlan:
    """Every part of a plan at once; ``folder`` gets the files that it names."""
    (folder / "key.asc").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    (folder / "cyclone.xml").write_text("<CycloneDDS/>\n")
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "arm.yaml").write_text("joints: 6\n")
    builder = Stage(
        "builder",
        Base("debian:bookworm", image="debian:bookworm", location=at(40)),
        (
            Group(
                "picker",
                packages=("g++", "make"),
                packages_location=at(41),
                steps=(Step("compile", "make -C /src\nmake -C /src install DESTDIR=/out", False, at(42)),),
            ),
        ),
    )
    tester = Stage("tester", Base("builder", stage="builder"), (Group("picker", pip=("pytest",), pip_location=at(44)),))
    target = Group(
        "ros/debian-bookworm",
        repositories=(
            AptRepository(
                "example",
                "https://packages.example.org/debian",
                "bookworm",
                ("main", "extra"),
                "https://packages.example.org/key.asc",
                CHECKSUM,
                ("amd64",),
                at(3),
            ),
            AptRepository("plain", "http://deb.debian.org/debian", "bookworm-backports", ("main",), "", ""),
            AptRepository(
                "whole",
                "",
                "",
                (),
                "",
                "",
                location=at(5),
                package="https://packages.example.org/sources.deb",
                package_checksum=CHECKSUM,
                replaces=("packages.ros.org", "example.org/old"),
            ),
        ),
        ros=RosLayers(
            packages=("ros-jazzy-desktop", "ros-jazzy-rmw-zenoh-cpp"),
            packages_location=at(7),
            distro="jazzy",
            rosdep=True,
            rosdep_location=at(7),
            mixins=(("default", "https://example.org/mixins/index.yaml"), ("own", "http://example.org/a'b.yaml")),
            mixins_location=at(7),
            completion=True,
            completion_location=at(7),
        ),
        packages=("ros-core", "python3-opencv=4.6*", "g++"),
        packages_location=at(6),
        environment=(("ROS_MASTER_URI", "http://localhost:11311"),),
        environment_location=at(8),
    )
    own = Group(
        "picker",
        args=(("CALIB_VERSION", "1.2"), ("CALIB_FLAGS", "-O2 -g")),
        repositories=(
            AptRepository(
                "local", "http://apt.example.org", "./", (), "apt/local", "", (), at(11), f"{folder}/key.asc"
            ),
        ),
        packages=("nano",),
        packages_location=at(12),
        pip=("numpy==2.1.3", "scipy>=1.11; python_version < '3.13'"),
        pip_location=at(13),
        environment=(("RCUTILS_COLORIZED_OUTPUT", "1"), ("PROMPT", 'a "b" $c \\')),
        environment_location=at(14),
        files=(
            FileCopy("files/1", f"{folder}/cyclone.xml", "/etc/", "0644", "", "", at(16)),
            FileCopy("files/2", f"{folder}/config", "/opt/config", "", "dev:dev", "", at(17)),
            FileCopy("/out", "", "/usr/local/", "0755", "", "builder", at(18)),
        ),
        steps=(
            Step("calibrate", "calib --init", True, at(20)),
            Step("check", "calib --check\ncalib --list", True, at(21)),
            Step("tidy", "rm -rf /tmp/calib", False, at(22)),
        ),
    )
    settings = ImageSettings(
        shell=("/bin/bash", "-euo", "pipefail", "-c"),
        working_dir="/opt/picker",
        user="dev",
        entrypoint=("/usr/local/bin/thing", "--"),
        command=("bash", "-l"),
        labels=(("org.example.team", "arm"),),
        healthcheck=Healthcheck(("CMD-SHELL", "rosnode ping -c1 /picker"), 2.5, 1, 10, 5),
        setup_scripts=("/opt/ros/setup.bash", "/workspace/install/setup.bash"),
        shared=((".ros/rosdep", "/opt/robenv/ros/rosdep"),),
    )
    made = plan_of(target, own, settings=settings, stages=(builder, tester), directory=str(folder))
    return replace(made, create_user=True)
