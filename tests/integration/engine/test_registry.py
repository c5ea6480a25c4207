"""Images through a real registry: pushed by one, taken by the others instead of building."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from robenv.plan.names import LABEL_HASH
from tests.support.engines.second_engine import SecondEngine
from tests.support.projects.project import Project
from tests.support.servers.registry import PASSWORD, Registry, cable

pytestmark = pytest.mark.engine

COLLEAGUE = 61234
_STEP = "steps: [{name: mark, run: date +%N > /made}]\n"


@pytest.fixture(scope="module")
def plain() -> Iterator[Registry]:
    """An open one over HTTP; one for all, since packing the base for it takes long."""
    made = Registry()
    yield made.start()
    made.close()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Registry]:
    """One with a login, behind a certificate."""
    made = Registry(login=True, tls=True)
    yield made.start()
    made.close()


def _profile(registry: Registry) -> str:
    return f"registry: {registry.address}/team\n{_STEP}"


def _forget(engine: Engine, project: Project) -> str:
    """Removes the project's image from the engine; its content hash."""
    (image,) = engine.images({"robenv.project": project.name})
    for tag in image.tags:
        engine.remove_image(tag)
    return image.labels[LABEL_HASH]


def _tags(engine: Engine, project: Project) -> list[str]:
    return [tag for image in engine.images({"robenv.project": project.name}) for tag in image.tags]


def test_a_colleague_with_another_uid_uses_the_pushed_image(
    project: Callable[..., Project],
    guarded: Registry,
    second_engine: Callable[..., SecondEngine],
    tmp_path: Path,
) -> None:
    mine = project(_profile(guarded))
    config = tmp_path / "docker"
    guarded.log_in(config)
    mine.environ["DOCKER_CONFIG"] = str(config)
    second = second_engine()
    clone = tmp_path / "clone"
    shutil.copytree(mine.folder, clone)
    shutil.chown(clone, COLLEAGUE, COLLEAGUE)
    cache = tmp_path / "colleague"
    cache.mkdir()
    shutil.chown(cache, COLLEAGUE, COLLEAGUE)
    theirs: dict[str, Any] = {
        "cwd": clone,
        "user": COLLEAGUE,
        "env": {**mine.environ, "DOCKER_HOST": second.url, "XDG_CACHE_HOME": str(cache), "HOME": str(cache)},
    }
    with guarded.trusted(), cable(second):
        (pushed,) = json.loads(mine.run("push", "--json").stdout)
        made = mine.run("run", "--", "cat", "/made").stdout
        # The base is in no registry and not on that engine: it could not be built there.
        done = mine.run("up", "--", "sh", "-c", "cat /made; id -u; touch /workspace/new", **theirs)
    assert done.stdout == f"{made}{COLLEAGUE}\n"
    assert "Building" not in done.stderr
    assert (clone / "new").stat().st_uid == COLLEAGUE
    assert pushed["image"].startswith(f"{guarded.address}/team/{mine.name}:")
    assert pushed["digest"].startswith("sha256:")
    engine = connect(second.environment)
    assert [tag.partition(":")[0] for tag in _tags(engine, mine)] == [f"robenv/{mine.name}"]
    engine.close()


def test_what_is_there_is_pulled_and_what_is_not_is_built(
    project: Callable[..., Project], plain: Registry, engine: Engine
) -> None:
    one = project(_profile(plain))
    first = one.run("build")
    assert "Building" in first.stderr
    assert "note" not in first.stderr
    reference = one.run("push").stdout.partition("@")[0]
    assert _tags(engine, one) == [first.stdout.strip()], "the name for the registry must not stay"

    _forget(engine, one)
    again = one.run("build")
    assert (again.stdout, "Building" in again.stderr, "Pulling" in again.stderr) == (first.stdout, False, True)
    assert _tags(engine, one) == [first.stdout.strip()]

    _forget(engine, one)
    (pulled,) = json.loads(one.run("pull", "--json").stdout)
    assert (pulled["image"], pulled["pulled"]) == (first.stdout.strip(), True)
    assert reference.endswith(first.stdout.strip().rpartition(":")[2])
    assert json.loads(one.run("pull", "--json").stdout)[0]["pulled"] is False

    one.write(_profile(plain) + "environment: {A: b}\n")
    refused = one.run("pull", check=1)
    assert "nobody has pushed this project's present image" in refused.stderr
    assert "robenv push" in refused.stderr
    built = one.run("build")
    assert "Building" in built.stderr


def test_without_a_registry_the_way_out_is_named(project: Callable[..., Project]) -> None:
    one = project()
    for command in ("push", "pull"):
        refused = one.run(command, check=2)
        assert "registry: HOST/PATH" in refused.stderr
        assert "--registry" in refused.stderr
        wrong = one.run(command, "--registry", "https://Registry.example.org/Team", check=2)
        assert "did you mean `Registry.example.org/team`?" in wrong.stderr


def test_another_registry_for_once(project: Callable[..., Project], plain: Registry, engine: Engine) -> None:
    one = project(_STEP)
    pushed = one.run("push", "--registry", f"{plain.address}/other").stdout
    assert pushed.startswith(f"{plain.address}/other/{one.name}:")
    _forget(engine, one)
    one.run("pull", "--registry", f"{plain.address}/other")
    assert len(_tags(engine, one)) == 1


def _one_note_then_a_build(one: Project, *words: str) -> None:
    done = one.run("build")
    (note,) = [line for line in done.stderr.splitlines() if "building instead" in line]
    assert all(word in note for word in words), note
    assert "Building" in done.stderr
    assert PASSWORD not in done.stderr


def test_a_wrong_password(project: Callable[..., Project], guarded: Registry, tmp_path: Path, engine: Engine) -> None:
    one = project(_profile(guarded))
    config = tmp_path / "docker"
    one.environ["DOCKER_CONFIG"] = str(config)
    with guarded.trusted():
        _one_note_then_a_build(one, "wants a login", f"docker login {guarded.address}")
        guarded.log_in(config, "wrong")
        for command in ("push", "pull"):
            if command == "pull":
                _forget(engine, one)
            refused = one.run(command, check=1)
            assert "refused the credentials" in refused.stderr
            assert f"docker login {guarded.address}" in refused.stderr
        _one_note_then_a_build(one, "refused the credentials", f"docker login {guarded.address}")
    assert len(_tags(engine, one)) == 1


def test_an_unknown_certificate(
    project: Callable[..., Project], guarded: Registry, engine: Engine, tmp_path: Path
) -> None:
    one = project(_profile(guarded))
    config = tmp_path / "docker"
    guarded.log_in(config)
    one.environ["DOCKER_CONFIG"] = str(config)
    _one_note_then_a_build(one, "could not reach", f"/etc/docker/certs.d/{guarded.address}/ca.crt")
    refused = one.run("push", check=1)
    assert "certificate" in refused.stderr
    assert f"/etc/docker/certs.d/{guarded.address}/ca.crt" in refused.stderr
    with guarded.trusted():
        one.run("push")
    _forget(engine, one)
    refused = one.run("pull", check=1)
    assert f"/etc/docker/certs.d/{guarded.address}/ca.crt" in refused.stderr


def test_a_registry_that_is_off(project: Callable[..., Project], registry: Callable[..., Registry]) -> None:
    shared = registry()
    one = project(_profile(shared))
    shared.stop()
    _one_note_then_a_build(one, "could not reach the registry", "Check the network")
    assert "could not reach" in one.run("push", check=1).stderr


def test_another_image_under_that_name_is_refused(
    project: Callable[..., Project], plain: Registry, engine: Engine, docker_api: Any, base_image: str
) -> None:
    one = project(_profile(plain))
    local = one.run("build").stdout.strip()
    remote = f"{plain.address}/team/{local.removeprefix('robenv/')}"
    docker_api.tag(base_image, remote)
    docker_api.push(remote)
    docker_api.remove_image(remote)
    _forget(engine, one)
    refused = one.run("pull", check=1)
    assert "is not this project's image, and is not used" in refused.stderr
    assert "its label robenv.hash is not there" in refused.stderr
    assert engine.find_image(remote) is None
    assert engine.find_image(local) is None
    _one_note_then_a_build(one, "is not this project's image")
    image = engine.find_image(local)
    assert image is not None
    assert image.labels[LABEL_HASH].startswith(local.rpartition(":")[2])


def test_a_project_without_a_name_is_found_from_a_folder_of_another_name(
    project: Callable[..., Project], plain: Registry, engine: Engine, tmp_path: Path
) -> None:
    mine = project(_profile(plain))
    text = (mine.folder / "robenv.yaml").read_text().replace(f"name: {mine.name}\n", "")
    (mine.folder / "robenv.yaml").write_text(f"{text}environment: {{FOR: {mine.name}}}\n")
    clone = Project(tmp_path / "cloned-elsewhere", mine.base_image)
    shutil.copy2(mine.folder / "robenv.yaml", clone.folder)
    try:
        pushed = mine.run("push", "--json").stdout
        content = json.loads(mine.run("plan", "--json").stdout)["content_hash"]
        assert f"{plain.address}/team/robenv:{content[:12]}" in pushed
        for image in engine.images({LABEL_HASH: content}):
            for tag in image.tags:
                engine.remove_image(tag)
        got = json.loads(clone.run("pull", "--json").stdout)
        assert [one["pulled"] for one in got] == [True]
    finally:
        for image in engine.images({LABEL_HASH: content}):
            for tag in image.tags:
                engine.remove_image(tag)
