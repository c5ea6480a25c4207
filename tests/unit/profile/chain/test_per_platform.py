"""``per_platform``: over what the same file says for all, under what the next file of the chain says."""

from __future__ import annotations

import json

import pytest

from robenv.profile.resolve.provenance import provenance
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.schema.profile import json_schema
from tests.support.projects.profiles import BASE, Project

AMD, ARM = "linux/amd64", "linux/arm64"


def _both(resolved: Resolved) -> list[Resolved]:
    return [resolved.on(AMD), resolved.on(ARM)]


def test_a_part_holds_for_its_platform_alone(project: Project) -> None:
    resolved = project.resolve(
        BASE + "apt: {packages: [git]}\nrun: {shm_size: 1gb, volumes: ['one:/a', 'two:/b']}\n"
        "per_platform:\n"
        "  linux/arm64:\n"
        "    base: {image: arm:1}\n"
        "    apt: {packages: [i2c-tools]}\n"
        "    environment: [BOARD=orin]\n"
        "    run: {shm_size: 8gb, volumes: ['./data:/a']}\n"
    )
    amd, arm = (one.profile for one in _both(resolved))
    assert (amd.base.image, arm.base.image) == ("ubuntu:24.04", "arm:1")
    assert (amd.apt.packages, arm.apt.packages) == (("git",), ("git", "i2c-tools"))
    assert (amd.environment, arm.environment) == ({}, {"BOARD": "orin"})
    assert (amd.run.shm_size, arm.run.shm_size) == (1 << 30, 8 << 30)
    assert [(volume.source, volume.target) for volume in arm.run.volumes] == [
        (f"{project.root}/data", "/a"),
        ("two", "/b"),
    ]
    assert resolved.on("linux/riscv64").profile == resolved.profile == amd
    assert resolved.on(ARM).on(AMD).profile == amd
    assert resolved.on(ARM).on(ARM).profile == arm


def test_a_part_is_of_its_level_also_where_the_next_overrides(project: Project) -> None:
    project.write(
        "target.yaml",
        BASE + "pip: [aa]\nenvironment: {ONE: a, TWO: b}\nsteps: [{name: first, run: 'true'}]\n"
        "per_platform: {linux/arm64: {pip: [bb], environment: {ONE: x}, steps: [{name: second, run: 'echo $HOME'}]}}\n",
    )
    own = "extends: ./target.yaml\npip: [cc]\nper_platform: {linux/arm64: {apt: {packages: [own]}}}\n"
    amd, arm = _both(project.resolve(own))
    assert (amd.profile.pip_packages, arm.profile.pip_packages) == (("aa", "cc"), ("aa", "bb", "cc"))
    target, last = arm.levels
    assert (target.part.pip, last.part.pip) == (("aa", "bb"), ("cc",))
    assert target.part.environment == (("ONE", "x"), ("TWO", "b"))
    assert [(step.name, step.value.run) for step in target.part.steps] == [("first", "true"), ("second", "echo $HOME")]
    assert last.part.packages == ("own",)
    assert [len(level.part.steps) for level in amd.levels] == [1, 0]

    amd, arm = _both(project.resolve("extends: ./target.yaml\npip: !override [cc]\n"))
    assert amd.profile.pip_packages == arm.profile.pip_packages == ("cc",)


@pytest.mark.parametrize(
    ("own", "part", "expected"),
    [
        ("pip: [bb]", "pip: !override [cc]", ("cc",)),
        ("pip: [bb]", "pip: !reset []", ()),
        ("pip: !override [bb]", "pip: [cc]", ("bb", "cc")),
        ("pip: !reset []", "pip: [cc]", ("cc",)),
        ("pip: [bb]", "environment: {}", ("aa", "bb")),
    ],
)
def test_what_overrides_does_so_for_levels_below_too(
    own: str, part: str, expected: tuple[str, ...], project: Project
) -> None:
    project.write("target.yaml", BASE + "pip: [aa]\n")
    resolved = project.resolve(f"extends: ./target.yaml\n{own}\nper_platform:\n  linux/arm64:\n    {part}\n")
    assert resolved.on(ARM).profile.pip_packages == expected


def test_stages_and_their_parts(project: Project) -> None:
    _, arm = _both(
        project.resolve(
            BASE + "stages: {tools: {apt: {packages: [gcc]}}}\n"
            "per_platform: {linux/arm64: {stages: {tools: {apt: {packages: [g++]}}, more: {pip: [aa]}}}}\n"
        )
    )
    assert arm.levels[0].stage("tools").packages == ("gcc", "g++")
    assert arm.levels[0].stage("more").pip == ("aa",)


def test_a_base_for_each_platform_and_none_for_all(project: Project) -> None:
    parts = "per_platform: {linux/amd64: {base: {image: a}}, linux/arm64: {base: {image: b}}}\n"
    amd, arm = _both(project.resolve(f"platforms: [linux/amd64, linux/arm64/v8]\n{parts}"))
    assert (amd.profile.base.image, arm.profile.base.image) == ("a", "b")
    lacking = project.problem(f"platforms: [linux/amd64, linux/riscv64]\n{parts}")
    assert "there is no base" in lacking.message
    assert "there is no base" in project.problem(parts).message, "on another machine there would be none"


def test_places_are_those_of_the_part(project: Project) -> None:
    text = BASE + "run: {mem_limit: 1gb}\nper_platform:\n  linux/arm64:\n    run:\n      mem_reservation: 2gb\n"
    problem = project.problem(text)
    assert problem.location is not None
    assert (problem.location.line, problem.message.endswith("(for linux/arm64)")) == (6, True)
    resolved = project.resolve(text.replace("2gb", "512mb"))
    place = resolved.on(ARM).locate(("run", "mem_reservation"))
    assert place is not None
    assert place.line == 6
    assert ("per_platform.linux/arm64.run.mem_reservation", "512mb") in [row[:2] for row in provenance(resolved)]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("linux/arm64: {apt: {packges: [x]}}", "unknown key"),
        ("linux/arm64: {run: {tty: true}}", "is not needed"),
        ("linux/arm64: {name: x}", "unknown key"),
        ("linux/arm64: {platforms: [linux/amd64]}", "unknown key"),
        ("linux/arm64: {apt: {snapshot: '2026-11-01'}}", "a platform has no snapshot of its own"),
        ("linux/arm64: {files: [{source: nowhere, target: /x}]}", "there is no file or folder"),
        ("linux/arm64: {run: {env_file: nowhere.env}}", "there is no such file"),
        ("linux/arm64: [apt]", "expected a mapping"),
        ("linux/arm64:", "expected a mapping"),
        ("[apt]", "expected a mapping"),
        ("arm64: {}", "is not a platform such as"),
        ("linux/z80: {}", "is not a platform such as"),
        ("{linux/arm64: {pip: [a]}, linux/arm64/v8: {pip: [b]}}", "stands here already"),
    ],
)
def test_a_part_that_nobody_builds_is_checked_too(part: str, words: str, project: Project) -> None:
    lines = f"per_platform: {part}" if part[0] in "[{" else f"per_platform:\n  {part}"
    problem = project.problem(f"platforms: [linux/amd64]\n{BASE}{lines}\n")
    assert words in problem.message
    assert problem.location is not None
    assert problem.location.line >= 3


def test_platforms_are_named_once(project: Project) -> None:
    for second in ("linux/arm64", "linux/arm64/v8"):
        problem = project.problem(f"platforms: [linux/arm64, {second}]\n{BASE}")
        assert "stands here already" in problem.message


def test_files_of_every_part_are_inputs(project: Project) -> None:
    env = project.write("arm.env", "ONE=1\n")
    resolved = project.resolve(BASE + "per_platform: {linux/arm64: {run: {env_file: arm.env}}}\n")
    assert all(env in one.inputs.files for one in (resolved, *_both(resolved)))
    assert resolved.on(ARM).profile.run.environment == {"ONE": "1"}
    assert resolved.profile.run.environment == {}


def test_the_schema_knows_it() -> None:
    schema = json_schema()
    assert "$ref" in json.dumps(schema["properties"]["per_platform"])
    part = schema["$defs"]["ProfileBody"]["properties"]
    assert {"apt", "base", "run", "deploy"} <= set(part)
    assert not {"name", "extends", "platforms", "registry", "per_platform"} & set(part)
