"""Which tools an engine of another architecture gets, and what they change in a build and in a container."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from robenv.catalog.toolchains import cross_package
from robenv.errors import HostRequirementMissing
from robenv.host.facts import Distribution
from robenv.plan.container.run import plan_digest
from robenv.plan.image.cross_compilers import (
    ENTER,
    PLACE,
    ForeignBuild,
    cannot_have_tools,
    plan_foreign,
    plan_toolchain,
    through_tools,
    with_tools,
    with_tools_of,
)
from robenv.plan.models import Base, Bootstrap, Mount, RunPlan, User

AMD64, ARM64 = "linux/amd64", "linux/arm64"
PLAN = RunPlan(
    project="p",
    directory="/p",
    name="robenv-p",
    image="i",
    platform=ARM64,
    user=User("dev", 1000, 1000, "/home/dev", "/bin/bash", sudo=False),
    working_dir="/workspace",
    entrypoint=(),
    command=("sleep", "infinity"),
    environment=(),
    mounts=(Mount("bind", "/p", "/workspace"),),
    home_volume="",
    labels=(("mine", "1"), ("robenv.plan", "old"), ("robenv.plan.json", "old"), ("robenv.hash", "h")),
)


def bootstrap(suite: str, mirror: str, platform: str = ARM64) -> Base:
    made = Bootstrap(suite, mirror, ("main",), "minbase", ("ros-core",), platform)
    return Base("robenv/base:1", bootstrap=made)


def test_nothing_is_foreign_on_a_machine_that_runs_it() -> None:
    assert plan_foreign(AMD64, AMD64) is None
    assert plan_foreign(AMD64, "linux/386") is None
    assert plan_foreign(ARM64, "linux/arm/v7") is None


@pytest.mark.parametrize(
    ("machine", "platform", "settings"),
    [
        (AMD64, ARM64, (("QEMU_CPU", "max,pauth-impdef=on"),)),
        ("linux/riscv64", ARM64, (("QEMU_CPU", "max,pauth-impdef=on"),)),
        (AMD64, "linux/riscv64", ()),
        (AMD64, "linux/arm/v7", ()),
        (ARM64, AMD64, ()),
    ],
)
def test_how_qemu_is_set(machine: str, platform: str, settings: tuple[tuple[str, str], ...]) -> None:
    assert plan_foreign(machine, platform) == ForeignBuild(machine, settings)


@pytest.mark.parametrize(
    ("machine", "platform", "triplet"),
    [
        (AMD64, ARM64, "aarch64-linux-gnu"),
        (AMD64, "linux/arm/v7", "arm-linux-gnueabihf"),
        (AMD64, "linux/riscv64", "riscv64-linux-gnu"),
        (AMD64, "linux/ppc64le", "powerpc64le-linux-gnu"),
        (AMD64, "linux/s390x", "s390x-linux-gnu"),
        (ARM64, AMD64, "x86_64-linux-gnu"),
    ],
)
def test_the_compiler_for_a_platform(machine: str, platform: str, triplet: str) -> None:
    mirror = "http://deb.debian.org/debian"
    found = plan_toolchain(bootstrap("bookworm", mirror, platform), Distribution(), machine, platform)
    assert (found.host, found.triplet) == (machine, triplet)
    assert found.base.bootstrap == Bootstrap("bookworm", mirror, ("main",), "minbase", (), machine)


@pytest.mark.parametrize(("machine", "platform"), [(AMD64, "linux/loong64"), ("linux/riscv64", ARM64)])
def test_a_platform_that_no_distribution_compiles_for(machine: str, platform: str) -> None:
    with pytest.raises(HostRequirementMissing, match=f"{platform}.*{machine}"):
        plan_toolchain(bootstrap("bookworm", "", platform), Distribution(), machine, platform)


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        ("http://ports.ubuntu.com/ubuntu-ports", "http://archive.ubuntu.com/ubuntu"),
        ("http://mirror.lab/ubuntu", "http://mirror.lab/ubuntu"),
    ],
)
def test_ubuntu_has_other_architectures_elsewhere(mirror: str, expected: str) -> None:
    found = plan_toolchain(bootstrap("noble", mirror), Distribution(), AMD64, ARM64)
    assert found.base.bootstrap is not None
    assert found.base.bootstrap.mirror == expected
    assert found.base.bootstrap.components == ("main", "universe")  # ninja and ccache are in universe


def test_a_suite_that_only_a_mirror_knows() -> None:
    found = plan_toolchain(bootstrap("lab", "http://mirror.lab/x"), Distribution(), AMD64, ARM64)
    assert found.base.bootstrap == Bootstrap("lab", "http://mirror.lab/x", ("main",), "minbase", (), AMD64)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (Distribution("debian", "12", "bookworm"), "debian:bookworm"),
        (Distribution("ubuntu", "22.04", "jammy"), "ubuntu:22.04"),
    ],
)
def test_tools_for_an_image_are_of_its_release(distribution: Distribution, expected: str) -> None:
    found = plan_toolchain(Base("ros:humble", image="ros:humble"), distribution, AMD64, ARM64)
    assert (found.base.reference, found.base.image) == (expected, expected)


@pytest.mark.parametrize(
    "distribution", [Distribution("alpine", "3.20", "", "Alpine Linux v3.20"), Distribution(), Distribution("debian")]
)
def test_an_image_of_another_distribution(distribution: Distribution) -> None:
    with pytest.raises(HostRequirementMissing, match="Debian and Ubuntu, and this image is of"):
        plan_toolchain(Base("x", image="x"), distribution, AMD64, ARM64)


def test_the_package_of_a_compiler() -> None:
    assert cross_package("x86_64-linux-gnu") == "g++-x86-64-linux-gnu"


def test_a_container_with_tools_says_so_in_its_labels() -> None:
    plan = with_tools(PLAN, "robenv-tools-1")
    assert plan.mounts[:-1] == PLAN.mounts
    assert (plan.mounts[-1].source, plan.mounts[-1].target, plan.mounts[-1].read_only) == (
        "robenv-tools-1",
        PLACE,
        True,
    )
    labels = dict(plan.labels)
    assert labels["robenv.plan"] == plan_digest(plan) != plan_digest(PLAN)
    assert json.loads(labels["robenv.plan.json"])["mounts"][-1]["source"] == "robenv-tools-1"
    assert (labels["mine"], labels["robenv.hash"], len(plan.labels)) == ("1", "h", len(PLAN.labels))
    assert through_tools(plan, ("/entrypoint",)) == (ENTER, "/entrypoint")
    assert through_tools(PLAN, ("/entrypoint",)) == ("/entrypoint",)


def test_a_container_is_compared_with_the_tools_that_it_has() -> None:
    equipped = with_tools(PLAN, "robenv-tools-1")
    assert with_tools_of(PLAN, json.loads(json.dumps(equipped.to_json()))) == equipped
    assert with_tools_of(PLAN, PLAN.to_json()) == PLAN
    assert with_tools_of(PLAN, {}) == PLAN


def test_a_container_with_the_hosts_dev_can_have_none() -> None:
    assert cannot_have_tools(PLAN) == ""
    assert "/dev" in cannot_have_tools(replace(PLAN, mounts=(Mount("bind", "/dev", "/dev/"),)))
