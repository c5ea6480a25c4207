"""The lock with real registries, real git and real engines: nothing moves until `update`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import docker
import pytest

from robenv.catalog.platforms import normalize
from robenv.engine.protocol import BuildRequest, Engine
from robenv.project.planned import plan_project, resolve
from robenv.render import context_stream, render
from tests.support.engines.second_engine import SecondEngine
from tests.support.images.building import context
from tests.support.images.snapshots import Snapshots
from tests.support.projects.project import Project
from tests.support.servers.registry import PASSWORD, Registry, cable

pytestmark = pytest.mark.engine

COLLEAGUE = 61235


@pytest.fixture(scope="module")
def bases(docker_api: Any, base_image: str) -> Iterator[Bases]:
    made = Bases(docker_api, base_image)
    yield made
    made.close()


class Bases:
    """A registry with a base whose tag moves. One for all tests, since packing the base takes long."""

    def __init__(self, api: Any, base_image: str) -> None:
        self._api = api
        self._base = base_image
        self.registry = Registry(login=True, tls=True).start()
        self._made: set[str] = set()

    def push(self, engine: Engine, name: str, mark: str) -> str:
        """Moves ``name:stable`` to the base with /mark in it; its reference. The engine keeps nothing of it."""
        reference = f"{self.registry.address}/{name}:stable"
        wanted = BuildRequest(reference, normalize(engine.info().platform), {}, buildkit=False)
        list(engine.build(wanted, context(f"FROM {self._base}\nCOPY mark /mark\n", mark=mark.encode())))
        with self.registry.trusted():
            answer = self._api.push(reference, auth_config={"username": "robenvtest", "password": PASSWORD})
        assert "errorDetail" not in answer, answer
        engine.remove_image(reference)
        self._made.add(name)
        return reference

    def forget(self) -> None:
        """Removes what the engine has of the registry's."""
        for image in self._api.images():
            for one in (*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())):
                if one.startswith(f"{self.registry.address}/"):
                    with suppress(docker.errors.ImageNotFound):  # a containerd store's go with their last tag
                        self._api.remove_image(one, force=True)

    def close(self) -> None:
        self.forget()
        self.registry.close()


@pytest.fixture(autouse=True)
def _forget(bases: Bases) -> Iterator[None]:
    yield
    bases.forget()


@pytest.fixture
def locked(project: Callable[..., Project], bases: Bases, tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Makes projects on a base of the registry, whose certificate is known and whose login the user has."""
    config = tmp_path / "docker"
    bases.registry.log_in(config)

    def make(base: str, profile: str = "") -> Project:
        one = project(profile, base)
        one.environ["DOCKER_CONFIG"] = str(config)
        return one

    with bases.registry.trusted():
        yield make


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that another user can reach: git asks access(2), for which no capability counts."""
    folder = Path(tempfile.mkdtemp(prefix="robenvtest-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _lock(project: Project) -> str:
    return (project.folder / "robenv.lock").read_text()


def _image(project: Project) -> str:
    image: str = project.plan()["image"]
    return image


def test_nothing_changes_until_update(bases: Bases, locked: Callable[..., Project], engine: Engine) -> None:
    base = bases.push(engine, "moving", "one")
    one = locked(base, "environment: {A: b}\n")
    assert "there is no robenv.lock" in one.run("up", "--locked", "-d", check=3).stderr
    assert "does not have" in one.run("lock", "--check", check=3).stderr
    said = one.run("lock").stdout
    assert said.startswith(f"{base} linux/amd64: nothing → ")
    first = _lock(one)
    assert "sha256:" in first
    one.run("lock", "--check")
    assert "@sha256:" in one.run("render").stdout
    before = one.run("render").stdout
    assert one.run("up", "--locked", "--", "cat", "/mark").stdout == "one"

    bases.push(engine, "moving", "two")
    assert "up to date" in one.run("lock").stderr
    assert (_lock(one), one.run("render").stdout) == (first, before)
    one.run("build", "--no-cache", "--locked")
    assert one.run("run", "--", "cat", "/mark").stdout == "one"

    moved = one.run("update", "--dry-run").stdout
    assert moved.startswith(f"{base} linux/amd64: ")
    assert (moved.count("\n"), "nothing" in moved, _lock(one)) == (1, False, first)
    assert "robenv.lock pins nothing that is called jammy" in one.run("update", "jammy", check=2).stderr
    assert one.run("update", "moving").stdout == moved
    assert _lock(one) != first
    assert one.run("up", "--locked", "--", "cat", "/mark").stdout == "two"
    assert "nothing has moved" in one.run("update").stderr

    one.write("environment: {A: c}\nstages: {tools: {base: {image: 'debian:12'}}}\n")
    refused = one.run("build", "--locked", check=3).stderr
    assert "robenv.lock does not have debian:12 for linux/amd64" in refused
    assert "`robenv lock` brings it up to date" in refused


def test_the_classic_builder_takes_a_digest_too(
    bases: Bases, locked: Callable[..., Project], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = locked(bases.push(engine, "classic", "classic"))
    one.run("lock")
    one.run("build")  # brings the base, as a build by the classic builder would find it
    planned = plan_project(resolve(one.folder, None, os.environ), "linux/amd64")
    rendered = render(planned.build, buildkit=False)
    tag = f"robenv/{one.name}:classic"
    wanted = BuildRequest(tag, "linux/amd64", {"robenv.project": one.name}, buildkit=False)
    list(engine.build(wanted, context_stream(rendered)))
    built, base = engine.find_image(tag), engine.find_image(planned.build.bases[0].reference)
    assert built is not None
    assert base is not None
    assert built.layers[: len(base.layers)] == base.layers


def test_a_base_that_is_gone_from_the_registry_but_on_the_engine(
    bases: Bases, locked: Callable[..., Project], engine: Engine
) -> None:
    one = locked(bases.push(engine, "gone", "gone"))
    one.run("lock")
    one.run("build")
    bases.registry.stop()
    try:
        one.write("environment: {A: other}\n")
        assert one.run("run", "--locked", "--", "cat", "/mark").stdout == "gone"
        bases.forget()
        one.write("environment: {A: another}\n")
        refused = one.run("build", check=1).stderr
        assert "could not reach the registry" in refused
    finally:
        bases.registry.start()


def test_a_wrong_password_and_an_unknown_certificate(
    bases: Bases, project: Callable[..., Project], engine: Engine, tmp_path: Path
) -> None:
    one = project("", bases.push(engine, "secret", "secret"))
    config = tmp_path / "wrong"
    one.environ["DOCKER_CONFIG"] = str(config)
    unknown = one.run("lock", check=1).stderr
    assert f"/etc/docker/certs.d/{bases.registry.address}/ca.crt" in unknown
    with bases.registry.trusted():
        assert "wants a login" in one.run("lock", check=1).stderr
        bases.registry.log_in(config, "wrong")
        for command in ("lock", "update", "build"):
            said = one.run(command, check=1).stderr
            errors = [line for line in said.splitlines() if line.startswith("error:")]
            assert len(errors) == 1
            assert "refused the credentials" in errors[0]
            assert f"docker login {bases.registry.address}" in said
    assert not (one.folder / "robenv.lock").exists()


@pytest.mark.graph_driver  # a containerd store tells of every image a digest, as of those that came from a registry
def test_a_base_that_no_registry_has(project: Callable[..., Project], base_image: str) -> None:
    one = project()
    done = one.run("lock")
    assert f"{base_image} is in no registry, only on this engine: it cannot be held fast" in done.stderr
    assert "one that no registry has cannot be held fast" in one.run("lock", "--check", check=3).stderr
    nowhere = project("", "127.0.0.1:9/robenvtest-none:1")
    assert "could not reach the registry" in nowhere.run("lock", check=1).stderr


class Upstream:
    """Somebody's repository of profiles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(self.folder)]
        subprocess.run(["git", *who, *arguments], check=True, capture_output=True)

    def release(self, text: str) -> None:
        (self.folder / "arm.yaml").write_text("files: [{source: text, target: /text}]\n")
        (self.folder / "text").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", text)
        self.git("tag", "--force", "v1")


@pytest.mark.parametrize("by", ["build", "pull"])
def test_a_clone_on_another_engine_as_another_user(
    bases: Bases,
    locked: Callable[..., Project],
    engine: Engine,
    second_engine: Callable[..., SecondEngine],
    everybodys: Path,
    by: str,
) -> None:
    upstream = Upstream(everybodys / "profiles")
    upstream.release("one\n")
    base = bases.push(engine, f"clone-{by}", "base\n")
    registry = f"registry: {bases.registry.address}/team\n" if by == "pull" else ""
    mine = locked(base, f"{registry}extends: 'git+file://{upstream.folder}@v1#arm'\n")
    # Whose the repository is matters to git, for one on the same machine.
    settings = everybodys / "gitconfig"
    settings.write_text("[safe]\n\tdirectory = *\n")
    mine.environ["GIT_CONFIG_GLOBAL"] = str(settings)
    mine.run("lock")
    if by == "pull":
        mine.run("push")
    image = _image(mine)
    bases.push(engine, f"clone-{by}", "moved\n")
    upstream.release("two\n")

    second = second_engine()
    clone, home = everybodys / "clone", everybodys / "home"
    shutil.copytree(mine.folder, clone)
    home.mkdir()
    for folder in (clone, *clone.iterdir(), home):
        shutil.chown(folder, COLLEAGUE, COLLEAGUE)
    there: dict[str, Any] = {
        "cwd": clone,
        "user": COLLEAGUE,
        "env": {**mine.environ, "DOCKER_HOST": second.url, "XDG_CACHE_HOME": str(home / "cache"), "HOME": str(home)},
    }
    untrusting = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    with cable(second):
        refused = mine.run("up", "--locked", check=3, **{**there, "env": {**there["env"], **untrusting}}).stderr
        assert "git config --global --add safe.directory" in refused
        up = mine.run("up", "--locked", "--", "sh", "-c", "cat /mark /text; id -u; touch new", **there)
        assert up.stdout == f"base\none\n{COLLEAGUE}\n"
        assert (by == "build") == ("Building" in up.stderr)
        assert json.loads(mine.run("plan", "--json", **there).stdout)["image"] == image
        upstream.folder.rename(everybodys / "gone")
        bases.registry.stop()
        try:
            again = mine.run("up", "--recreate", "--locked", "--", "cat", "/mark", "/text", **there)
            assert again.stdout == "base\none\n"
            assert "there is no such repository" in mine.run("update", check=3, **there).stderr
        finally:
            bases.registry.start()
        (everybodys / "gone").rename(upstream.folder)
        moved = mine.run("update", **there).stdout.splitlines()
        assert len(moved) == 2
        assert moved[0].startswith(f"file://{upstream.folder}@v1: ")
        assert moved[1].startswith(f"{base} linux/amd64: ")
        updated = mine.run("up", "--", "cat", "/mark", "/text", **there)
        assert updated.stdout == "moved\ntwo\n"


@pytest.mark.graph_driver
def test_packages_by_snapshot(project: Callable[..., Project], docker_api: Any, tmp_path: Path) -> None:
    """With a stand-in for snapshot.debian.org, whose paths it answers with the present archive."""
    (bridge,) = docker_api.inspect_network("bridge")["IPAM"]["Config"]
    # An engine that has made the bridge itself tells its address from its next start on.
    snapshots = Snapshots(bridge.get("Gateway") or str(ip_network(bridge["Subnet"])[1]))
    config = tmp_path / "docker"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"proxies": {"default": {"httpProxy": snapshots.address}}}))
    one = project("apt: {snapshot: locked, packages: [hello]}\nsteps: [{name: look, run: cat /etc/apt/sources.list}]\n")
    one.environ["DOCKER_CONFIG"] = str(config)
    try:
        one.run("lock")
        moment = _lock(one).rpartition("snapshot: ")[2].strip()
        built = one.run("build")
    finally:
        snapshots.close()
    assert f"deb http://snapshot.debian.org/archive/debian/{moment} bookworm main" in built.stderr
    # The packages themselves may be in the builder's cache of apt's.
    assert any("/main/binary-" in path for path in snapshots.asked)
    assert all(path.startswith(f"http://snapshot.debian.org/archive/debian/{moment}/") for path in snapshots.asked)
    assert "apt snapshot" in one.run("update", "--dry-run", "apt").stdout
    assert moment in _lock(one)
