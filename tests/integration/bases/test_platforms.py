"""Several platforms in one command: built side by side, shown in one picture, pushed under one name.

Nothing of another architecture runs here: the images are made of copied files alone.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from robenv.engine.api.registry_http import DOCKER_INDEX, OCI_INDEX
from robenv.engine.protocol import BuildRequest, Engine
from robenv.plan.names import LABEL_HASH
from tests.support.images import small_image
from tests.support.images.building import context
from tests.support.images.tiny import tiny_images
from tests.support.projects.project import Project
from tests.support.servers.registry import PASSWORD, Registry

pytestmark = pytest.mark.engine

AMD, V2, ARM, V7 = "linux/amd64", "linux/amd64/v2", "linux/arm64", "linux/arm/v7"
BOTH = f"{AMD},{ARM}"
TINY = {platform: f"robenvtest-tiny-{platform.replace('/', '-')}:{os.getpid()}" for platform in (AMD, ARM, V7)}


@pytest.fixture(scope="module", autouse=True)
def _tiny(engine: Engine) -> Iterator[None]:
    with tiny_images(engine, TINY):
        yield


def _profile(extra: str = "", **parts: str) -> str:
    """Files for each of three platforms; ``parts``: what else there is for amd64, arm64, arm."""
    texts = []
    for platform, base in TINY.items():
        own = parts.get(platform.split("/")[1], "")
        texts.append(f"  {platform}:\n    base: {{image: '{base}'}}\n" + (f"    {own}\n" if own else ""))
    return (
        f"platforms: [{AMD}, {ARM}, {V7}]\n"
        "files: [{source: robenv.yaml, target: /profile}]\n"
        f"{extra}per_platform:\n" + "".join(texts)
    )


@pytest.fixture
def several(project: Callable[..., Project]) -> Callable[..., Project]:
    def make(extra: str = "", **parts: str) -> Project:
        return project(_profile(extra, **parts), TINY[AMD])

    return make


def _images(engine: Engine, one: Project) -> dict[str, str]:
    """By platform, the tag."""
    return {image.platform: image.tags[0] for image in engine.images({"robenv.project": one.name})}


def test_two_platforms_in_one_command(several: Callable[..., Project], engine: Engine) -> None:
    one = several()
    built = json.loads(one.run("build", "--platform", f"{BOTH},{AMD}", "--platform", V7, "--json").stdout)
    assert [(entry["platform"], entry["built"]) for entry in built] == [(AMD, True), (ARM, True), (V7, True)]
    assert _images(engine, one) == {entry["platform"]: entry["image"] for entry in built}
    assert len({entry["image"] for entry in built}) == 3
    for platform in (AMD, ARM, V7):
        image = engine.find_image(_images(engine, one)[platform])
        assert image is not None
        assert image.platform == platform, "its config says what it is for"
    again = one.run("build", "--platform", BOTH)
    assert again.stdout.splitlines() == [entry["image"] for entry in built[:2]]
    assert "[" not in again.stderr, "nothing was built"


def test_one_picture_says_whose_each_step_is(several: Callable[..., Project], tmp_path: Path) -> None:
    one = several()
    trace = tmp_path / "trace.json"
    shown = one.run("build", "--platform", BOTH, "--timeline", str(trace)).stderr
    assert shown.splitlines()[0] == f"Building {one.name} for {AMD}, {ARM}"
    for platform in (AMD, ARM):
        assert re.search(rf"^#\d+ \[{platform} 2/2\] COPY .* done", shown, re.M), shown
        assert re.search(rf"^Built {one.name} for {platform} in .*: \d+ steps", shown, re.M)
    assert "[internal]" not in shown
    assert {event["pid"] for event in json.loads(trace.read_text())["traceEvents"]} == {0, 1}
    assert several().run("build", "--quiet", "--platform", BOTH).stderr == ""


def test_one_fails_and_the_other_stays(several: Callable[..., Project], engine: Engine) -> None:
    one = several(arm64="steps: [{name: breaks, run: 'no such program here'}]")
    failed = one.run("build", "--platform", BOTH, "--json", check=None)
    # A machine that cannot run arm64 says so (6); one that can finds no shell in that image (5).
    assert failed.returncode in (5, 6)
    made, lost = json.loads(failed.stdout)
    assert (made["platform"], lost["platform"]) == (AMD, ARM)
    assert lost["error"]["message"]
    assert ARM in failed.stderr
    assert _images(engine, one) == {AMD: made["image"]}


def test_both_fail_and_both_are_told(several: Callable[..., Project]) -> None:
    one = several("user: {name: dev}\n", amd64="base: {image: robenvtest-nowhere:1}")
    text = (one.folder / "robenv.yaml").read_text().replace(f"    base: {{image: '{TINY[AMD]}'}}\n", "")
    (one.folder / "robenv.yaml").write_text(text.replace(TINY[ARM], "robenvtest-nowhere:2"))
    failed = one.run("build", "--platform", BOTH, check=1)
    assert failed.stdout == ""
    assert failed.stderr.count("error: ") == 2
    assert f"error: {AMD}: " in failed.stderr
    assert f"error: {ARM}: " in failed.stderr


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("linux/riscv64", "its `platforms` are linux/amd64, linux/arm64, linux/arm/v7"),
        (f"{AMD},linux/arm46", "did you mean"),
        (f"{AMD},", "unknown platform ''"),
        ("windows/amd64", "is not Linux"),
    ],
)
def test_a_platform_that_is_none_of_them(several: Callable[..., Project], asked: str, words: str) -> None:
    assert words in several().run("build", "--platform", asked, check=2).stderr


def test_a_local_base_of_another_platform_is_named_as_such(project: Callable[..., Project]) -> None:
    one = project(f"platforms: [{AMD}, {ARM}]\n", TINY[ARM])
    refused = one.run("build", "--platform", AMD, check=1)
    assert f"{TINY[ARM]} is on this engine for {ARM} alone, and not for {AMD}" in refused.stderr
    assert "per_platform" in refused.stderr


@pytest.fixture(scope="module")
def small(docker_api: Any, base_image: str) -> str:
    return small_image.ensure(docker_api)


@pytest.fixture(scope="module")
def level2(engine: Engine, small: str) -> Iterator[str]:
    """The small base's files for a variant of this machine: another platform, whose programs run here."""
    name = f"robenvtest-level2:{os.getpid()}"
    text = f"FROM --platform={AMD} {small} AS base\nFROM scratch\nCOPY --from=base / /\n"
    for _ in engine.build(BuildRequest(name, V2, {}), context(text)):
        pass
    yield name
    engine.remove_image(name, force=True)


def _level2_part(base: str) -> str:
    return f"per_platform: {{{V2}: {{base: {{image: '{base}'}}, environment: {{LEVEL: '2'}}}}}}\n"


def test_interrupted_with_two_builds_running(
    project: Callable[..., Project], engine: Engine, small: str, level2: str
) -> None:
    mark = f"97{os.getpid()}"
    one = project(f"steps: [{{name: wait, run: 'echo begun; sleep {mark}'}}]\n{_level2_part(level2)}", small)
    process = one.start("build", "--platform", f"{AMD},{V2}", stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert _until(lambda: len(_sleepers(mark)) == 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert out == ""
    assert "failed:" not in err
    assert "Traceback" not in err
    assert _until(lambda: not _sleepers(mark))
    assert _images(engine, one) == {}


def test_containers_of_two_platforms_do_not_disturb_each_other(
    project: Callable[..., Project], small: str, level2: str
) -> None:
    one = project(_level2_part(level2), small)
    other = f"up --platform {V2} -- sh -c".split()
    assert one.run("up", "--", "sh", "-c", "echo $LEVEL; touch ~/one").stdout == "\n"
    assert one.run(*other, "echo $LEVEL; ls ~").stdout == "2\n", "a home of its own"
    assert one.run("exec", "--", "sh", "-c", "echo $LEVEL").stdout == "\n", "the engine's own platform goes first"
    assert one.run("exec", "--platform", V2, "--", "sh", "-c", "echo $LEVEL").stdout == "2\n"
    names = [row["container"] for row in json.loads(one.run("ps", "--json").stdout)]
    assert names[1] == f"{names[0]}-amd64-v2"
    assert "robenv up --platform linux/arm64" in one.run("exec", "--platform", "arm64", "--", "true", check=1).stderr
    assert set(names) <= set(one.run("down", "--volumes").stdout.split())


def _sleepers(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                found.append(entry.name)
        except OSError:
            continue
    return found


def _until(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _forget(engine: Engine, one: Project) -> dict[str, str]:
    """Removes the project's images from the engine; by platform, their hashes."""
    hashes = {}
    for image in engine.images({"robenv.project": one.name}):
        hashes[image.platform] = image.labels[LABEL_HASH]
        engine.remove_image(image.id, force=True)
    return hashes


def test_an_index_is_pushed_and_each_takes_its_own(
    several: Callable[..., Project], registry: Callable[..., Registry], engine: Engine
) -> None:
    shared = registry()
    one = several(f"registry: {shared.address}/team\n")
    pushed = json.loads(one.run("push", "--platform", f"{ARM},{V7},{AMD}", "--tag", "v1", "--json").stdout)
    images, (index, named) = pushed[:3], pushed[3:]
    assert [entry["platform"] for entry in images] == [ARM, V7, AMD]
    assert index["platforms"] == [ARM, V7, AMD]
    assert named["image"] == f"{shared.address}/team/{one.name}:v1"
    assert index["digest"] == named["digest"]
    base = f"http://{shared.address}/v2/team/{one.name}/manifests"
    tag = index["image"].rpartition(":")[2]
    answer = requests.get(f"{base}/{tag}", headers={"Accept": f"{DOCKER_INDEX}, {OCI_INDEX}"}, timeout=10)
    described = {
        "/".join(entry["platform"][key] for key in ("os", "architecture", "variant") if key in entry["platform"]): entry
        for entry in answer.json()["manifests"]
    }
    assert {platform: entry["digest"] for platform, entry in described.items()} == {
        entry["platform"]: entry["digest"] for entry in images
    }
    assert engine.registry_image(named["image"]).platforms == (AMD, V7, ARM)

    # What a colleague looks for is each platform's own, as before; whoever has only docker takes the index.
    hashes = _forget(engine, one)
    for entry in images:
        assert entry["image"].rpartition(":")[2] == hashes[entry["platform"]][:12]
    (got,) = json.loads(one.run("pull", "--platform", ARM, "--json").stdout)
    assert got["pulled"]
    try:
        for _ in engine.pull(named["image"], V7):
            pass
        image = engine.find_image(named["image"], V7)
        assert image is not None
        assert image.labels[LABEL_HASH] == hashes[V7]
        # The base's platforms are told where one asks for another.
        other = project_of(several, named["image"])
        refused = other.run("build", "--platform", "linux/riscv64", check=1)
        assert "is not offered for linux/riscv64" in refused.stderr
        assert f"It is offered for {AMD}, {V7}, {ARM}." in refused.stderr
    finally:
        engine.remove_image(named["image"], force=True)


def project_of(several: Callable[..., Project], base: str) -> Project:
    one = several()
    (one.folder / "robenv.yaml").write_text(f"name: {one.name}\nbase: {{image: '{base}'}}\n")
    return one


def test_an_index_behind_a_login_and_a_certificate(
    several: Callable[..., Project], registry: Callable[..., Registry], tmp_path: Path, engine: Engine
) -> None:
    guarded = registry(login=True, tls=True)
    one = several(f"registry: {guarded.address}/team\n")
    config = tmp_path / "docker"
    one.environ["DOCKER_CONFIG"] = str(config)
    with guarded.trusted():
        refused = one.run("push", "--platform", BOTH, check=1)
        assert f"docker login {guarded.address}" in refused.stderr
        guarded.log_in(config)
        lines = one.run("push", "--platform", BOTH).stdout.splitlines()
    assert len(lines) == 3
    assert all(
        re.fullmatch(rf"{guarded.address}/team/{one.name}:[0-9a-f]{{12}}@sha256:[0-9a-f]{{64}}", line) for line in lines
    )
    assert PASSWORD not in "".join(lines)


def test_what_is_no_tag(several: Callable[..., Project]) -> None:
    refused = several("registry: 127.0.0.1:9/x\n").run("push", "--tag", "v1/x", check=2)
    assert "is no tag" in refused.stderr


def test_one_of_several_is_not_pushed_without_the_others(
    several: Callable[..., Project], registry: Callable[..., Registry]
) -> None:
    shared = registry()
    one = several(f"registry: {shared.address}/team\n", arm64="steps: [{name: breaks, run: nothing-to-run}]")
    failed: Any = one.run("push", "--platform", BOTH, check=None)
    assert failed.returncode in (5, 6)
    listed = requests.get(f"http://{shared.address}/v2/team/{one.name}/tags/list", timeout=10)
    assert listed.status_code == 404
