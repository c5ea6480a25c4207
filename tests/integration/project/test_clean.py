"""`robenv clean` on an engine of the tests' own, since it looks at all that robenv has put on one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import BuildRequest
from robenv.plan.names import LABEL_DIRECTORY, LABEL_PLAN_JSON, LABEL_PROJECT, LABEL_ROLE, LABEL_TOOLS, ROLE_TOOLS
from robenv.project.image.staging_names import staging_name
from tests.support.engines.second_engine import SecondEngine
from tests.support.images.building import context
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine


@pytest.fixture
def other(second_engine: Callable[..., SecondEngine], base_image: str) -> SecondEngine:
    return second_engine(image=base_image)


@pytest.fixture
def mine(other: SecondEngine, base_image: str, tmp_path: Path) -> Project:
    made = Project(tmp_path / "project", base_image)
    made.environ["DOCKER_HOST"] = other.url
    return made


def _image(other: SecondEngine, tag: str, labels: Mapping[str, str], platform: str = "linux/amd64") -> str:
    engine = connect({"DOCKER_HOST": other.url})
    try:
        request = BuildRequest(tag, platform, labels)
        list(engine.build(request, context("FROM scratch\nCOPY mark /native/mark\n", mark=tag.encode())))
    finally:
        engine.close()
    return tag


def _names(mine: Project, *options: str) -> set[tuple[str, str]]:
    removed = json.loads(mine.run("clean", "--json", *options).stdout)["removed"]
    return {(one["kind"], one["name"]) for one in removed if one["kind"] != "cache"}


def test_what_came_by_digest_from_mirrors(other: SecondEngine, mine: Project, base_image: str) -> None:
    api = other.api()
    used, unused = f"robenv/pinned:{'a' * 64}", _image(other, f"robenv/pinned:{'b' * 64}", {})
    api.tag(base_image, "robenv/pinned", "a" * 64)
    mine.run("build")
    assert _names(mine, "--dry-run") == {("pinned", unused)}
    assert _names(mine) == {("pinned", unused)}
    assert api.images(name=used) and not api.images(name=unused)
    api.remove_image(api.images(filters={"label": f"{LABEL_PROJECT}={mine.name}"})[0]["Id"], force=True)
    assert _names(mine) == {("pinned", used)}
    assert api.images(name=base_image), "its other names are not robenv's"


def test_what_a_killed_save_has_left(other: SecondEngine, mine: Project) -> None:
    mine.run("build")
    api, dead = other.api(), subprocess.Popen(["true"])
    dead.wait()
    left, live = staging_name().replace(f"-{os.getpid()}-", f"-{dead.pid}-"), staging_name()
    (image,) = api.images(filters={"label": f"{LABEL_PROJECT}={mine.name}"})
    for name in (left, live):
        api.tag(image["Id"], *name.split(":"))
    assert _names(mine, "--dry-run") == _names(mine) == {("image", left)}
    tags = api.inspect_image(image["Id"])["RepoTags"]
    assert sorted(tags) == sorted([*image["RepoTags"], live])


def test_native_tools(other: SecondEngine, mine: Project, base_image: str) -> None:
    api = other.api()
    ours = {LABEL_ROLE: ROLE_TOOLS}
    tools = {
        name: _image(other, f"robenv/tools:{name}", {**ours, LABEL_TOOLS: f"{of} debian:12"})
        for name, of in (("arm64", "arm64"), ("riscv64", "riscv64"))
    }
    foreign = _image(other, "robenv/robenvtest-foreign:1", {LABEL_PROJECT: "robenvtest-foreign"}, "linux/arm64")
    for name in tools:
        volume = f"robenv-tools-{name}"
        mount = {"Type": "volume", "Source": volume, "Target": "/native", "VolumeOptions": {"Labels": ours}}
        host = {**api.create_host_config(), "Mounts": [mount]}
        api.create_container(tools[name], ["none"], name=volume, labels=ours, host_config=host)
    plan = json.dumps({"mounts": [{"source": "robenv-tools-arm64", "target": "/dev/robenv-native"}]})
    labels = {LABEL_PROJECT: "robenvtest-foreign", LABEL_DIRECTORY: str(mine.folder), LABEL_PLAN_JSON: plan}
    has_it = api.create_container(base_image, ["true"], labels=labels)["Id"]

    gone = {("container", "robenv-tools-riscv64"), ("volume", "robenv-tools-riscv64"), ("tools", tools["riscv64"])}
    assert _names(mine) == gone
    assert [one["Name"] for one in api.volumes()["Volumes"]] == ["robenv-tools-arm64"]
    api.remove_container(has_it)
    assert _names(mine) == {("container", "robenv-tools-arm64"), ("volume", "robenv-tools-arm64")}
    assert api.images(name=tools["arm64"]), "an image of that architecture is here, and may be built anew"
    api.remove_image(foreign)
    assert _names(mine) == {("tools", tools["arm64"])}
    assert _names(mine) == set()


def test_it_waits_for_a_build_that_is_under_way(mine: Project, other: SecondEngine) -> None:
    mine.write("steps: [{name: slow, run: 'echo begun; sleep 6'}]\n")
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    build = mine.start("build", **options)
    assert build.stderr is not None
    for line in build.stderr:
        if "begun" in line and "RUN" not in line:
            break
    done = mine.run("clean")
    assert "another robenv" in done.stderr and "waiting for it" in done.stderr
    assert build.poll() is not None or build.wait(timeout=5) == 0, "it was over before anything went"
    assert build.wait() == 0
    assert other.api().images(name=build.communicate()[0].strip())


def test_what_came_into_use_meanwhile_stays_and_the_rest_goes(
    other: SecondEngine, mine: Project, base_image: str
) -> None:
    api = other.api()
    kept = _image(other, f"robenv/pinned:{'a' * 64}", {})
    _image(other, f"robenv/pinned:{'b' * 64}", {})
    api.create_container(kept, ["none"], name="robenvtest-by-hand")
    done = mine.run("clean")
    assert f"{kept} stays: " in done.stderr
    assert kept not in done.stdout and "b" * 64 in done.stdout
    assert not api.images(name=f"robenv/pinned:{'b' * 64}")
