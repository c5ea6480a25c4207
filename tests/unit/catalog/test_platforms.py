from __future__ import annotations

import os

import pytest

from robenv.catalog.platforms import PLATFORMS, normalize, parse_platform, runs_natively
from robenv.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("x86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("LINUX/AMD64", "linux/amd64"),
        (" linux/arm64 ", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("aarch64", "linux/arm64"),
        ("arm64", "linux/arm64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("armhf", "linux/arm/v7"),
        ("armv7l", "linux/arm/v7"),
        ("armv8l", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("armel", "linux/arm/v6"),
        ("armv6l", "linux/arm/v6"),
        ("linux/arm/v5", "linux/arm/v5"),
        ("i386", "linux/386"),
        ("i686", "linux/386"),
        ("386", "linux/386"),
        ("ppc64el", "linux/ppc64le"),
        ("riscv64", "linux/riscv64"),
        ("s390x", "linux/s390x"),
        ("loongarch64", "linux/loong64"),
        ("mips64el", "linux/mips64le"),
    ],
)
def test_every_spelling_has_one_normal_form(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize("platform", PLATFORMS, ids=str)
def test_normal_form_is_a_fixed_point(platform: object) -> None:
    assert parse_platform(str(platform)) == platform


def test_names_elsewhere() -> None:
    arm64 = parse_platform("linux/arm64")
    assert (arm64.debian, arm64.qemu, arm64.machine) == ("arm64", "aarch64", "aarch64")
    armhf = parse_platform("linux/arm/v7")
    assert (armhf.debian, armhf.qemu, armhf.machine, armhf.architecture, armhf.variant) == (
        "armhf", "arm", "armv7l", "arm", "v7",
    )  # fmt: skip


def test_this_machine_is_known() -> None:
    assert parse_platform(os.uname().machine).os == "linux"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("linux/amd46", "did you mean linux/amd64?"),
        ("linux/arm46", "did you mean linux/arm64?"),
        ("aarch46", "did you mean linux/arm64?"),
        ("linux/arm64/v9", "did you mean linux/arm64?"),
        ("sparc", "known platforms: linux/amd64, linux/amd64/v2, linux/amd64/v3, linux/arm64"),
        ("", "known platforms: "),
        ("linux/", "known platforms: "),
        ("windows/amd64", "robenv makes Linux containers"),
        ("darwin/arm64", "robenv makes Linux containers"),
    ],
)
def test_unknown_one_is_a_usage_error_with_a_way_out(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_platform(text)
    assert repr(text) in str(caught.value)
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("machine", "platform", "expected"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("x86_64", "amd64/v3", True),
        ("linux/amd64", "linux/386", True),
        ("linux/386", "linux/amd64", False),
        ("linux/amd64", "linux/arm64", False),
        ("aarch64", "arm/v7", True),
        ("linux/arm64", "linux/amd64", False),
        ("linux/arm/v7", "linux/arm64", False),
    ],
)
def test_what_a_machine_runs_by_itself(machine: str, platform: str, expected: bool) -> None:
    assert runs_natively(machine, platform) is expected
