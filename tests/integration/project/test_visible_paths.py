"""Engines that see this machine's folders otherwise than this machine does; their words come before any build."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import Engine
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.containers.visible_paths import check_visible
from robenv.project.facts import facts_for
from robenv.project.image.staging_names import is_staging
from robenv.project.planned import plan_project
from scripts import own_root
from tests.support.engines.second_engine import SecondEngine
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

STEP = "steps: [{name: n, run: echo built > /built}]\n"


class OtherView(SecondEngine):
    """In a mount namespace of its own, as Docker from the snap: ``place`` is another, empty one there, and has a folder
    ``known``."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self._place = place

    @property
    def command(self) -> list[str]:
        own = ["unshare", "--net", *own_root.prefix(), "unshare", "--mount"]
        script = (
            'mount -t tmpfs tmpfs "$0" && mkdir "$0/known" && touch -d "2001-01-01" "$0/known" && exec dockerd "$@"'
        )
        return [*own, "sh", "-c", script, str(self._place), *self.options]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="robenvtest-view-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def other(place: Path) -> Iterator[SecondEngine]:
    engine = OtherView(place)
    try:
        yield engine.start()
    finally:
        engine.close()


def _project(folder: Path, engine: SecondEngine, base: str, profile: str = "") -> Project:
    made = Project(folder, base, STEP + profile)
    made.environ["DOCKER_HOST"] = engine.url
    return made


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hidden", "the engine does not see {}, though it is here"),
        ("known", "the engine has another folder at {} than"),
    ],
)
@pytest.mark.parametrize("command", [("up", "-d"), ("run", "--", "true")])
def test_a_workspace_that_the_engine_does_not_see(
    other: SecondEngine, place: Path, base_image: str, name: str, said: str, command: tuple[str, ...]
) -> None:
    """Also on an engine that has no image at all yet."""
    mine = _project(place / name, other, base_image)
    done = mine.run(*command, check=6)
    assert said.format(mine.folder) in done.stderr and "is Docker from the snap" in done.stderr
    assert "Building" not in done.stderr
    api = other.api()
    assert not api.containers(all=True) and not api.images(all=True) and not api.volumes()["Volumes"]


def test_no_folder_is_left_for_what_the_engine_does_not_see(
    other: SecondEngine, place: Path, base_image: str, tmp_path: Path
) -> None:
    wanted = place / "unseen"
    wanted.mkdir()
    mine = _project(tmp_path / "here", other, base_image, f"run: {{volumes: ['{wanted}/new:/e']}}\n")
    done = mine.run("up", "-d", check=6)
    assert f"the engine does not see {wanted}" in done.stderr
    assert not list(wanted.iterdir())


@pytest.fixture
def other_tmp() -> Iterator[SecondEngine]:
    """An engine with a /tmp of its own, so without the sockets of X displays."""
    sockets = Path("/tmp/.X11-unix")
    made = not sockets.exists()
    sockets.mkdir(exist_ok=True)
    engine = OtherView(Path("/tmp"))
    try:
        yield engine.start()
    finally:
        engine.close()
        if made:
            with suppress(OSError):  # a display of another test's may be there by now
                sockets.rmdir()


def test_a_display_that_the_engine_does_not_see(
    other_tmp: SecondEngine, docker_api: Any, place: Path, base_image: str
) -> None:
    other_tmp.copy_image(docker_api, base_image)
    mine = _project(place / "auto", other_tmp, base_image, "display: auto\n")
    (mine.folder / "seen").write_text("seen\n")
    done = mine.run("up", "--", "sh", "-c", "cat seen; ls -d /tmp/.X11-unix || echo none")
    assert done.stdout == "seen\nnone\n"
    assert "the engine does not see /tmp/.X11-unix, though it is here: the container has no display" in done.stderr
    assert "`display: none` silences this" in done.stderr
    again = mine.run("up", "--", "cat", "seen")
    assert (again.stdout, again.stderr) == ("seen\n", "")
    mine.write(STEP + "display: x11\n")
    assert "the engine does not see /tmp/.X11-unix" in mine.run("up", "-d", check=6).stderr


def test_the_look_holds_no_image_of_others(
    engine: Engine, base_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could remove it meanwhile. What a killed look leaves has a name that the next `clean` knows."""
    (tmp_path / "robenv.yaml").write_text(f"name: robenvtest-look\nbase: {{image: {base_image}}}\n")
    planned = plan_project(resolve_project(find_project(tmp_path), {}), engine.info().platform)
    facts = facts_for(engine, planned)
    create, images = engine.create_container, []

    def watched(name: str, request: dict[str, Any], *rest: Any) -> str:
        images.append(request["Image"])
        return create(name, request, *rest)

    monkeypatch.setattr(engine, "create_container", watched)
    check_visible(engine, planned.container(facts, planned.grant(facts)))
    (image,) = images
    assert is_staging(image)
    assert engine.find_image(image) is None


def test_a_workspace_that_both_see(docker_api: Any, base_image: str, tmp_path: Path) -> None:
    mine = Project(tmp_path / "seen", base_image)
    try:
        os.utime(mine.folder, (1, 1))
        mine.run("up", "-d")
    finally:
        mine.close(docker_api)
