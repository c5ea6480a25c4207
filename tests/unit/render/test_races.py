"""What lies in the workspace may be swapped by a container that has it, at any moment of a render."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.errors import OperationFailed, ProfileError
from robenv.plan.models import BuildPlan, FileCopy, Group
from robenv.render import context_stream, render
from robenv.render.content_hash import content_hash
from robenv.render.stream import write_context
from tests.support.projects.plans import at, plan_of

SECRET = b"a private key of the host"
ROUNDS = 200


@contextmanager
def _flipping(first: Path, second: Path, shown: Path) -> Iterator[None]:
    """Puts the one and the other at ``shown``, by turns, until it is over."""
    over = threading.Event()

    def flip() -> None:
        while not over.is_set():
            for one in (first, second):
                one.rename(shown)
                shown.rename(one)

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _rendered(plan: BuildPlan) -> bytes:
    """All that any of the ways out of a context gives; b"" where one of them notices."""
    try:
        rendered = render(plan)
        return b"".join(context_stream(rendered)) + content_hash(plan, rendered).encode()
    except (ProfileError, OperationFailed):
        return b""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A folder of the project's, a link to one with a secret, and where the two change places."""
    outside, project = tmp_path / "outside", tmp_path / "project"
    for folder, text in ((outside, SECRET), (project / "real", b"public")):
        (folder / "deep").mkdir(parents=True)
        for number in range(5):
            (folder / f"{number}").write_bytes(text)
            (folder / "deep" / f"{number}").write_bytes(text)
    (project / "lead").symlink_to(outside)
    (project / "source").mkdir()
    return project / "real", project / "lead", project / "source" / "d"


def _plan(source: Path, *confined: Path) -> BuildPlan:
    file = FileCopy("files/1", str(source), "/opt/x", location=at(9))
    plan = plan_of(Group("p", files=(file,)), directory=str(source.parent))
    return replace(plan, confined=tuple(map(str, confined)))


def test_a_folder_inside_a_source_that_becomes_a_link_is_never_followed(folders: tuple[Path, Path, Path]) -> None:
    real, lead, shown = folders
    plan = _plan(shown.parent)
    with _flipping(real, lead, shown):
        found = [_rendered(plan) for _ in range(ROUNDS)]
    assert not [one for one in found if SECRET in one]
    real.rename(shown)
    assert b"public" in _rendered(plan)


def test_the_source_of_a_confined_profile_never_leads_out_of_its_folder(folders: tuple[Path, Path, Path]) -> None:
    real, lead, shown = folders
    plan = _plan(shown, shown.parent)
    with _flipping(real, lead, shown):
        found = [_rendered(plan) for _ in range(ROUNDS)]
    assert not [one for one in found if SECRET in one]
    real.rename(shown)
    assert b"public" in _rendered(plan)


def test_where_a_link_led_when_it_was_judged_is_what_is_read(tmp_path: Path) -> None:
    for name, text in (("first", b"public"), ("outside", SECRET)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_bytes(text)
    link = tmp_path / "link"
    link.symlink_to("first")
    rendered = render(_plan(link))
    link.unlink()
    link.symlink_to("outside")
    sent = b"".join(context_stream(rendered))
    assert b"public" in sent and SECRET not in sent


def _swap_the_folder(folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.symlink_to("outside")


def _swap_the_file(folder: Path) -> None:
    (folder / "f").unlink()
    (folder / "f").symlink_to(folder.with_name("outside") / "f")


def _swap_for_a_pipe(folder: Path) -> None:
    (folder / "f").unlink()
    os.mkfifo(folder / "f")


@pytest.mark.parametrize("swap", [_swap_the_folder, _swap_the_file, _swap_for_a_pipe])
def test_what_is_swapped_between_the_look_and_the_reading_is_refused(
    tmp_path: Path, swap: Callable[[Path], None]
) -> None:
    for name, text in (("project/d", b"public"), ("project/outside", SECRET)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "f").write_bytes(text)
    project = tmp_path / "project"
    rendered = render(_plan(project / "d"))
    for place in (project / "outside" / "f", project / "d" / "f"):
        os.utime(place, ns=(1, 1))
    swap(project / "d")
    with pytest.raises(OperationFailed, match="changed while it was being sent"):
        b"".join(context_stream(rendered))
    with pytest.raises(OperationFailed, match="changed while it was being sent"):
        write_context(rendered, tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path for path in written if SECRET in path.read_bytes()]


def test_a_confined_source_that_leads_out_says_so(tmp_path: Path) -> None:
    (tmp_path / "profile").mkdir()
    (tmp_path / "outside").write_bytes(SECRET)
    (tmp_path / "profile" / "f").symlink_to("../outside")
    with pytest.raises(ProfileError) as caught:
        render(_plan(tmp_path / "profile" / "f", tmp_path / "profile"))
    assert "leads out of the profile's own folder" in caught.value.problems[0].message


def test_a_folder_swapped_in_the_moment_it_is_listed_is_not_followed(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lead, shown = folders
    real.rename(shown)
    listed, original = [], os.scandir

    def swapping(place: int | str | Path) -> Iterator[os.DirEntry[str]]:
        listed.append(place)
        if len(listed) == 2:
            shown.rename(real)
            lead.rename(shown)
        return original(place)

    monkeypatch.setattr(os, "scandir", swapping)
    assert SECRET not in _rendered(_plan(shown.parent))
    assert len(listed) >= 2
