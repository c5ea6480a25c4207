"""``--builder ssh://…``: a second engine behind a real sshd, a stand-in for a machine of another architecture."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from robenv.transfer.remote_save import SiftedSave
from robenv.transfer.send import send_image
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import small_image
from tests.support.images.tiny import tiny_images
from tests.support.projects.project import Project
from tests.support.servers.site.authority import Authority
from tests.support.servers.site.packages import Package
from tests.support.servers.site.web import Signer, Web, bridge, publish
from tests.support.servers.ssh_server import SshServer

pytestmark = pytest.mark.engine

AMD, ARM = "linux/amd64", "linux/arm64"
BASE = f"robenvtest-builder-base:{os.getpid()}"
BIG = 400_000
"""Random bytes, which cannot be packed away."""


@pytest.fixture(scope="module")
def second() -> Iterator[SecondEngine]:
    made = SecondEngine()
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def server(second: SecondEngine) -> Iterator[SshServer]:
    made = SshServer(second.url)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def there(second: SecondEngine) -> Iterator[Engine]:
    """The builder's engine, without SSH."""
    opened = connect(second.environment)
    yield opened
    opened.close()


@pytest.fixture(scope="module", autouse=True)
def _base(engine: Engine) -> Iterator[None]:
    """On this engine alone, and in no registry."""
    with tiny_images(engine, {AMD: BASE}):
        yield


@pytest.fixture(scope="module")
def small(docker_api: Any, base_image: str) -> str:
    return small_image.ensure(docker_api)


@pytest.fixture
def mine(project: Callable[..., Project], server: SshServer, there: Engine) -> Iterator[Project]:
    made = project(base=BASE)
    made.environ["PATH"] = server.environment["PATH"]
    (made.folder / "first").write_bytes(os.urandom(BIG))
    (made.folder / "second").write_bytes(os.urandom(BIG))
    made.write("files: [{source: first, target: /first}]\n")
    yield made
    for image in there.images():
        there.remove_image(image.id, force=True)


def _tags(engine: Engine, one: Project) -> list[str]:
    return [tag for image in engine.images({"robenv.project": one.name}) for tag in image.tags]


def test_it_is_built_there_and_brought_here(mine: Project, server: SshServer, engine: Engine, there: Engine) -> None:
    done = mine.run("build", "--builder", server.url)
    assert f"building for {AMD} natively on {server.url}, since --builder names it" in done.stderr
    assert _tags(engine, mine) == [done.stdout.strip()]
    assert _tags(there, mine) == []
    assert there.find_image(BASE) is not None, "no registry has it: it came from here"
    (built,) = engine.images({"robenv.project": mine.name})
    assert built.labels["robenv.hash"].startswith(done.stdout.strip().rpartition(":")[2])
    again = mine.run("build", "--builder", server.url)
    assert (again.stdout, again.stderr) == (done.stdout, "")
    engine.remove_image(built.id, force=True)
    assert mine.run("build").stdout == done.stdout, "the hash knows of no builder"


def test_left_there(mine: Project, server: SshServer, engine: Engine, there: Engine) -> None:
    (entry,) = json.loads(mine.run("build", "--builder", server.url, "--no-load", "--json").stdout)
    assert (entry["platform"], entry["built"]) == (AMD, True)
    assert (_tags(engine, mine), _tags(there, mine)) == ([], [entry["image"]])
    (again,) = json.loads(mine.run("build", "--builder", server.url, "--no-load", "--json").stdout)
    assert again["built"] is False
    fetched = mine.run("build", "--builder", server.url)
    assert "is on" in fetched.stderr
    assert _tags(engine, mine) == _tags(there, mine) == [entry["image"]]
    assert "--builder ssh://HOST" in mine.run("build", "--no-load", check=2).stderr


def _fetch(mine: Project, server: SshServer, engine: Engine, there: Engine, folder: Path) -> int:
    """Builds and fetches; the bytes that came over the link."""
    tag = mine.run("build", "--builder", server.url, "--no-load").stdout.strip()
    save = SiftedSave(there, server.url)
    send_image(there, engine, tag, tag, compress=False, save=save, spool_folder=folder)
    shutil.rmtree(folder)
    return save.received


def test_only_layers_that_are_not_here_come_over_the_link(
    mine: Project, server: SshServer, engine: Engine, there: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", server.environment["PATH"])
    whole = _fetch(mine, server, engine, there, tmp_path / "spool")
    assert BIG < whole < 1.5 * BIG
    mine.write("files: [{source: first, target: /first}, {source: second, target: /second}]\n")
    assert BIG < _fetch(mine, server, engine, there, tmp_path / "spool") < 1.5 * BIG
    mine.write("files: [{source: first, target: /first}, {source: robenv.yaml, target: /third}]\n")
    assert 0 < _fetch(mine, server, engine, there, tmp_path / "spool") < 100_000
    assert len(_tags(engine, mine)) == 3


def test_without_python_on_the_builder_all_comes(
    mine: Project, second: SecondEngine, engine: Engine, there: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("docker", "sh"):
        (programs / name).symlink_to(str(shutil.which(name)))
    bare = SshServer(second.url, str(programs))
    try:
        bare.start()
        monkeypatch.setenv("PATH", bare.environment["PATH"])
        mine.environ["PATH"] = bare.environment["PATH"]
        assert _fetch(mine, bare, engine, there, tmp_path / "spool") == 0
    finally:
        bare.close()
    assert len(_tags(engine, mine)) == 1


def test_a_builder_of_another_architecture_is_refused(mine: Project, server: SshServer) -> None:
    refused = mine.run("up", "--platform", ARM, "--builder", server.url, "--", "true", check=2)
    assert f"{server.url} is {AMD}: it does not run {ARM} by itself" in refused.stderr


def test_of_several_platforms_it_builds_its_own(
    mine: Project, server: SshServer, engine: Engine, there: Engine
) -> None:
    other = f"robenvtest-builder-arm:{os.getpid()}"
    with tiny_images(engine, {ARM: other}):
        mine.write(f"per_platform: {{{ARM}: {{base: {{image: '{other}'}}}}}}\n")
        done = mine.run("build", "--platform", f"{AMD},{ARM}", "--builder", server.url)
        assert done.stderr.count(f"natively on {server.url}") == 1
        assert _tags(there, mine) == []
        assert sorted(_tags(engine, mine)) == sorted(done.stdout.split())
        assert {image.platform for image in engine.images({"robenv.project": mine.name})} == {AMD, ARM}


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("orin", 2, "is no builder"),
        ("tcp://127.0.0.1:2375", 2, "is no builder"),
        ("ssh://", 2, "host"),
        ("ssh://someone:secret@host", 2, "a password may not stand there"),
        ("ssh://127.0.0.1:1", 4, "No engine answers at ssh://127.0.0.1:1 (--builder)"),
    ],
)
def test_what_is_no_builder(mine: Project, url: str, code: int, words: str) -> None:
    refused = mine.run("build", "--builder", url, check=code)
    assert words in refused.stderr


def test_a_failed_build_there_leaves_nothing(mine: Project, server: SshServer, engine: Engine, there: Engine) -> None:
    mine.write("steps: [{name: breaks, run: exit 3}]\n")
    failed = mine.run("build", "--builder", server.url, check=None)
    assert failed.returncode == 5, failed.stderr
    assert _tags(engine, mine) == _tags(there, mine) == []


def test_up_on_what_a_builder_made(mine: Project, server: SshServer, small: str) -> None:
    mine.base_image = small
    mine.write("steps: [{name: mark, run: 'echo made > /made'}]\n")
    done = mine.run("up", "--builder", server.url, "--", "cat", "/made")
    assert done.stdout == "made\n"
    assert f"natively on {server.url}" in done.stderr


def test_interrupted_while_the_builder_builds(mine: Project, server: SshServer, small: str, there: Engine) -> None:
    mark = f"96{os.getpid()}"
    mine.base_image = small
    mine.write(f"steps: [{{name: wait, run: 'sleep {mark}'}}]\n")
    process = mine.start("build", "--builder", server.url, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert _until(lambda: _sleeps(mark))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert _until(lambda: not _sleeps(mark))
    assert _tags(there, mine) == []


def _sleeps(mark: str) -> bool:
    done = subprocess.run(["pgrep", "-fx", f"sleep {mark}"], check=False, capture_output=True)
    return done.returncode == 0


def _until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_its_own_mmdebstrap_makes_the_base(
    mine: Project, server: SshServer, there: Engine, engine: Engine, tmp_path: Path
) -> None:
    """Of the variant that only unpacks, which is quick; so nothing runs in it."""
    mirror = "http://deb.debian.org/debian"
    recipe = f"{{suite: bookworm, mirror: {mirror}, variant: extract, include: [busybox-static]}}"
    (mine.folder / "robenv.yaml").write_text(f"name: {mine.name}\nbase: {{bootstrap: {recipe}}}\n")
    done = mine.run("build", "--builder", server.url)
    assert f"making the base on {server.url} too" in done.stderr
    assert "made here" not in done.stderr
    assert "running apt-get update" in done.stderr
    assert _tags(engine, mine) == [done.stdout.strip()]
    assert [image for image in there.images() if image.labels.get("robenv.role") == "base"]


def test_it_takes_the_key_and_the_authority_of_a_mirror(
    mine: Project, server: SshServer, engine: Engine, docker_api: Any, tmp_path: Path
) -> None:
    host = bridge(docker_api)
    authority = Authority(tmp_path)
    web, signer = Web(host, authority.server(host)), Signer()
    try:
        tool = Package("robenvtest-tool", files={"usr/bin/robenvtest-tool": "#!/bin/sh\n"})
        publish(web, signer, "lab/debian", "bookworm", (tool,))
        recipe = "{suite: bookworm, mirror: 'http://archive.robenvtest.example/debian', variant: extract, "
        recipe += "include: [robenvtest-tool]}"
        profile = f"name: {mine.name}\nbase: {{bootstrap: {recipe}}}\nmirrors:\n"
        (mine.folder / "robenv.yaml").write_text(
            f"{profile}  apt: {{archive.robenvtest.example: {{url: {web.address}/lab, key: {signer.key}}}}}\n"
            f"  ca: {authority.certificate}\n"
        )
        done = mine.run("build", "--builder", server.url)
        assert f"making the base on {server.url} too" in done.stderr
        assert "made here" not in done.stderr
        assert any(path.endswith("robenvtest-tool_all.deb") for path in web.asked)
        assert _tags(engine, mine) == [done.stdout.strip()]
        assert not list(Path("/tmp").glob("robenv-lent-*")), "what was lent is gone"
    finally:
        web.close()
        signer.close()


def test_this_very_engine_needs_no_transfer(mine: Project, engine: Engine) -> None:
    own = SshServer(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    try:
        own.start()
        mine.environ["PATH"] = own.environment["PATH"]
        done = mine.run("build", "--builder", own.url)
        assert "Fetching" not in done.stderr
        assert _tags(engine, mine) == [done.stdout.strip()]
    finally:
        own.close()
