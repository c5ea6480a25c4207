"""`save` and `load`: from one engine to another one that reaches no network at all."""

from __future__ import annotations

import json
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from tests.support.engines.newer_engine import NewerEngine
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import small_image
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

_FILES = {
    "common.yaml": "environment: {COMMON: 'yes'}\n",
    "config/cyclone.xml": "<x/>\n",
    "config/deep/tool.sh": "#!/bin/sh\necho tool\n",
    "limits.json": '{"defaultAction": "SCMP_ACT_ALLOW"}',
    ".env": "TOKEN=open-sesame\n",
    "robenv.local.yaml": "run: {environment: {SECRET: open-sesame}}\n",
    "secret.env": "PASSWORD=open-sesame\n",
    "src/main.py": "print('not part of the profile')\n",
}


class Saved:
    """A project with files, a profile from git and secrets; saved once for all tests."""

    def __init__(self, project: Project, upstream: Path, file: Path) -> None:
        self.project, self.upstream, self.file = project, upstream, file


def _git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(folder)]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def saved(docker_api: Any, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    top = tmp_path_factory.mktemp("saved")
    upstream = top / "profiles"
    (upstream / "ros").mkdir(parents=True)
    (upstream / "ros/base.yaml").write_text("files: [{source: from-git.txt, target: /from-git.txt}]\n")
    (upstream / "ros/from-git.txt").write_text("git\n")
    _git(upstream, "init", "--quiet", "--initial-branch=main")
    _git(upstream, "add", "--all")
    _git(upstream, "commit", "--quiet", "-m", "one")
    _git(upstream, "tag", "v1")
    profile = (
        f"extends: ['git+file://{upstream}@v1#ros/base', ./common.yaml]\n"
        "files: [{source: config, target: /etc/thing}]\n"
        "steps: [{name: mark, run: date +%N > /made}]\n"
        "run: {env_file: [{path: secret.env, required: false}], security_opt: ['seccomp=limits.json']}\n"
    )
    project = Project(top / "project", base_image, profile)
    for name, text in _FILES.items():
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (project.folder / "config/deep/tool.sh").chmod(0o755)
    (project.folder / "config/link.xml").symlink_to("cyclone.xml")
    file = top / "site.robenv"
    done = project.run("save", str(file))
    assert "secret.env (run.env_file) may hold secrets and is not in the file" in done.stderr
    assert "the image depends on" not in done.stderr
    yield Saved(project, upstream, file)
    project.close(docker_api)


@pytest.fixture
def site(second_engine: Callable[..., SecondEngine]) -> SecondEngine:
    """An engine in a network that has nothing else in it."""
    return second_engine()


def _at(site: SecondEngine, folder: Path) -> dict[str, Any]:
    """How to run robenv there: with a cache of its own, and no way to any other machine."""
    folder.mkdir(exist_ok=True)
    environment = {**site.environment, "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}
    return {"cwd": folder, "env": environment}


def _names(file: Path) -> list[str]:
    with file.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as plain:
        return tarfile.open(fileobj=plain, mode="r|").getnames()


def test_what_is_in_the_file(saved: Saved, engine: Engine) -> None:
    names = _names(saved.file)
    project = [name.removeprefix("project/") for name in names if name.startswith("project/")]
    assert sorted(project) == [
        "common.yaml", "config/cyclone.xml", "config/deep/tool.sh", "config/link.xml", "limits.json", "robenv.lock",
        "robenv.yaml",
    ]  # fmt: skip
    assert names[0] == "robenv.json"
    assert names[-1] == "digest.json"
    assert [name for name in names if name.startswith("git/")] == ["git/0.pack"]
    with saved.file.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as plain:
        while piece := plain.read(1 << 20):
            assert b"open-sesame" not in piece
    (image,) = engine.images({"robenv.project": saved.project.name})
    assert len(image.tags) == 1, "the staging name must not stay"
    assert not list(saved.file.parent.glob("*.new"))


def _up_without_a_network(saved: Saved, site: SecondEngine, folder: Path) -> None:
    there = _at(site, folder)
    away = saved.upstream.with_name("away")
    saved.upstream.rename(away)
    try:
        done = saved.project.run("load", str(saved.file), "--to", "picker", **there)
        there["cwd"] = folder / "picker"
        script = "cat /made /from-git.txt; sh /etc/thing/deep/tool.sh; readlink /etc/thing/link.xml; echo $COMMON"
        up = saved.project.run("up", "--", "sh", "-c", script, **there)
    finally:
        away.rename(saved.upstream)
    made = saved.project.run("run", "--", "cat", "/made").stdout
    assert up.stdout == f"{made}git\ntool\ncyclone.xml\nyes\n"
    assert "Building" not in up.stderr
    assert "another image" not in done.stderr
    engine = connect(site.environment)
    names = [tag for image in engine.images({"robenv.project": saved.project.name}) for tag in image.tags]
    assert names == [done.stdout.strip()]
    saved.project.run("down", "--volumes", **there)
    saved.project.run("save", "back.robenv", **there)
    engine.remove_image(names[0])
    assert saved.project.run("load", "back.robenv", **there).stdout.strip() == names[0]
    engine.remove_image(names[0])
    assert engine.images({"robenv.project": saved.project.name}) == []
    engine.close()


def test_up_at_a_site_with_no_network(saved: Saved, site: SecondEngine, tmp_path: Path) -> None:
    _up_without_a_network(saved, site, tmp_path / "site")
    assert not list(tmp_path.rglob("*.new"))


def test_up_at_a_site_with_a_newer_engine(saved: Saved, newer_engine: NewerEngine, tmp_path: Path) -> None:
    _up_without_a_network(saved, newer_engine, tmp_path / "site")


def _refused(saved: Saved, file: Path, code: int = 1, *options: str) -> str:
    return saved.project.run("load", str(file), *options, check=code).stderr


def test_files_that_are_none(saved: Saved, tmp_path: Path) -> None:
    assert "there is no" in _refused(saved, tmp_path / "absent")
    other = tmp_path / "other"
    other.write_text("name: picker\n")
    assert "is no file that `robenv save` wrote" in _refused(saved, other)
    foreign = tmp_path / "foreign"
    foreign.write_bytes(zstandard.compress(b"\0" * 10240))
    assert "not whole" in _refused(saved, foreign)


def test_a_file_that_is_not_whole(saved: Saved, engine: Engine, tmp_path: Path) -> None:
    before = _of_the_project(saved, engine)
    whole = saved.file.read_bytes()
    for size in (1, 100, len(whole) // 2, len(whole) - 1000):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:size])
        said = _refused(saved, cut, 1, "--to", str(tmp_path / "to"))
        assert "is not whole" in said or size < 4
        assert not (tmp_path / "to").exists()
    broken = tmp_path / "broken"
    middle = len(whole) // 2
    broken.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    said = _refused(saved, broken, 1, "--to", str(tmp_path / "to"))
    assert "is damaged" in said or "is not whole" in said
    assert "copy it again" in said
    assert not list(tmp_path.glob("to*"))
    assert _of_the_project(saved, engine) == before


def _of_the_project(saved: Saved, engine: Engine) -> set[tuple[str, ...]]:
    """What the engine has of it by name; others' images come and go beside it."""
    tags = [image.tags for image in engine.images()]
    return {own for own in tags if any(saved.project.name in tag for tag in own)}


def test_another_platform(saved: Saved) -> None:
    said = _refused(saved, saved.file, 2, "--platform", "linux/arm64")
    assert "has the image for linux/amd64, not for linux/arm64" in said
    assert "robenv save --platform linux/arm64" in said


def test_a_folder_that_is_taken(saved: Saved, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "is there already, and not empty" in _refused(saved, saved.file, 2, "--to", str(tmp_path))
    assert (tmp_path / "file").read_text() == "mine"


def test_no_room_for_the_image(saved: Saved, second_engine: Callable[..., SecondEngine], tmp_path: Path) -> None:
    small = second_engine(data_size=60 << 20)
    there = _at(small, tmp_path / "site")
    done = saved.project.run("load", str(saved.file), "--to", "picker", check=1, **there)
    assert "no space left on device" in done.stderr
    assert "robenv clean" in done.stderr
    assert not (tmp_path / "site/picker").exists()
    engine = connect(small.environment)
    assert engine.images() == []
    engine.close()


def test_no_room_for_the_file(saved: Saved, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(disk)], check=True)
    try:
        done = saved.project.run("save", str(disk / "site.robenv"), check=1)
        assert f"{disk}/site.robenv cannot be written" in done.stderr
        assert "No space left" in done.stderr
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    missing = saved.project.run("save", str(tmp_path / "none/site.robenv"), check=1)
    assert "cannot be written" in missing.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_save_that_is_killed_leaves_no_file(saved: Saved, engine: Engine, tmp_path: Path, number: int) -> None:
    file = tmp_path / "site.robenv"
    process = saved.project.start("save", str(file), stderr=subprocess.DEVNULL)
    _until(lambda: any(path.stat().st_size > 100_000 for path in tmp_path.glob("*.new")))
    process.send_signal(number)
    process.wait(30)
    assert not file.exists()
    assert number == signal.SIGKILL or not list(tmp_path.iterdir())
    saved.project.run("save", str(file))
    (image,) = engine.images({"robenv.project": saved.project.name})
    assert len(image.tags) == 1, "the next one tidies up what a killed one has left"
    assert list(tmp_path.iterdir()) == [file]


def test_a_load_that_is_killed_leaves_nothing_half_made(saved: Saved, site: SecondEngine, tmp_path: Path) -> None:
    there = _at(site, tmp_path / "site")
    process = saved.project.start("load", str(saved.file), "--to", "picker", stderr=subprocess.DEVNULL, **there)
    # The engine unpacks into a folder of its own before it registers anything.
    _until(lambda: any((site.folder / "data/tmp").glob("docker-import-*/*")))
    process.kill()
    process.wait(30)
    assert not (tmp_path / "site/picker").exists()
    engine = connect(site.environment)
    assert [tag for image in engine.images() for tag in image.tags if not tag.startswith("robenv/saved:")] == []
    engine.close()
    saved.project.run("load", str(saved.file), "--to", "picker", **there)
    assert (tmp_path / "site/picker/robenv.yaml").is_file()
    assert not list((tmp_path / "site").glob("*.new")), "the next one tidies up what a killed one has left"


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_files_elsewhere_are_refused(project: Callable[..., Project], tmp_path: Path) -> None:
    one = project("extends: ../outside.yaml\n")
    (one.folder.parent / "outside.yaml").write_text("environment: {A: b}\n")
    done = one.run("save", str(tmp_path / "file"), check=2)
    assert "outside.yaml lies outside of" in done.stderr
    one.write("files: [{source: .env, target: /env}]\n")
    (one.folder / ".env").write_text("A=b\n")
    assert "carries no .env" in one.run("save", str(tmp_path / "file"), check=2).stderr


def test_an_image_that_names_no_command(
    project: Callable[..., Project], engine: Engine, docker_api: Any, tmp_path: Path
) -> None:
    one = project("", small_image.ensure(docker_api))
    one.run("save", str(tmp_path / "file"))
    (image,) = engine.images({"robenv.project": one.name})
    engine.remove_image(image.id)
    assert one.run("load", str(tmp_path / "file")).stdout.strip() == image.tags[0]


def test_the_same_image_saved_and_loaded_twice_at_once(saved: Saved, engine: Engine, tmp_path: Path) -> None:
    def at_once(*commands: tuple[str, ...]) -> None:
        running = [
            saved.project.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for command in commands
        ]
        for process in running:
            said = process.communicate(timeout=120)[1]
            assert process.returncode == 0, said

    files = [str(tmp_path / name) for name in ("one", "two", "three")]
    at_once(*(("save", file) for file in files))
    (image,) = engine.images({"robenv.project": saved.project.name})
    assert len(image.tags) == 1, "no staging name stays"
    at_once(*(("load", file, "--to", f"{file}.d") for file in files))
    at_once(*(("load", files[0], "--to", f"{file}.e") for file in files))
    (again,) = engine.images({"robenv.project": saved.project.name})
    assert again.tags == image.tags, "no staging name stays"


def test_json(saved: Saved, tmp_path: Path) -> None:
    told = json.loads(saved.project.run("save", "--json", str(tmp_path / "file")).stdout)
    assert told["images"][0]["platform"] == "linux/amd64"
    assert told["size"] == (tmp_path / "file").stat().st_size
    planned = json.loads(saved.project.run("load", "--json", str(tmp_path / "file")).stdout)
    assert planned["images"] == [f"robenv/{saved.project.name}:{told['images'][0]['content_hash'][:12]}"]
