"""Commands that write into the project, in which a command in the container has put links: they lead nowhere."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tests.support.projects.command_line import Robenv

TRIES = 200


@pytest.fixture
def victim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user's outside of the project, with a file."""
    made = tmp_path_factory.mktemp("home")
    (made / "Dockerfile").write_text("# Made by robenv, it says\n")
    (made / "compose.yaml").write_text("# Made by robenv, it says\n")
    return made


@pytest.fixture(autouse=True)
def _project(tmp_path: Path) -> None:
    (tmp_path / "robenv.yaml").write_text(
        "name: picker\nbase: {image: ubuntu:24.04}\nfiles: [{source: notes, target: /notes}]\n"
    )
    (tmp_path / "notes/deep").mkdir(parents=True)
    (tmp_path / "notes/deep/one").write_text("1\n")


def there(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() if one.is_file() else "" for one in folder.rglob("*")}


@pytest.mark.parametrize(
    ("command", "link"),
    [
        (("render", "-o", "out"), "out"),
        (("render", "-o", "a/out"), "a"),
        (("export", "compose"), "compose"),
        (("export", "compose", "--force"), "compose"),
        (("export", "devcontainer"), ".devcontainer"),
        (("export", "devcontainer", "-o", "a/b"), "a/b"),
        (("export", "dockerfile", "-o", "a/docker"), "a"),
    ],
)
def test_a_folder_that_is_a_link_is_refused(
    tmp_path: Path, victim: Path, robenv: Robenv, command: tuple[str, ...], link: str
) -> None:
    before = there(victim)
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(victim)
    done = robenv(*command)
    assert (done.code, there(victim)) == (1, before), done.stderr
    assert f"cannot write {tmp_path / link}: it is a link, to {victim}" in done.stderr
    assert "name the folder that it leads to" in done.stderr


def test_a_folder_elsewhere_is_the_users_own_to_name(tmp_path: Path, victim: Path, robenv: Robenv) -> None:
    (victim / "link").symlink_to(victim / "out")
    (victim / "out").mkdir()
    assert robenv("render", "-o", str(victim / "link")).code == 0
    assert (victim / "out/Dockerfile").is_file()


@pytest.mark.parametrize("name", ["Dockerfile", "files", "files/1", "files/1/deep", "files/1/deep/one"])
def test_a_link_in_what_was_written_before_is_replaced(tmp_path: Path, victim: Path, robenv: Robenv, name: str) -> None:
    assert robenv("render", "-o", "out").code == 0
    names = [one.relative_to(tmp_path / "out") for one in (tmp_path / "out").rglob("*")]
    copied = next(str(name) for name in names if len(name.parts) == 2 and name.parts[0] == "files")
    place = tmp_path / "out" / name.replace("files/1", copied)
    place.rename(place.with_name("aside"))
    before = there(victim)
    place.symlink_to(victim / "Dockerfile" if name in ("Dockerfile", "files/1/deep/one") else victim)
    assert robenv("render", "-o", "out").code == 0
    assert there(victim) == before
    assert not place.is_symlink()


def test_a_folder_that_becomes_a_link_while_it_is_written(tmp_path: Path, victim: Path, robenv: Robenv) -> None:
    before, over = there(victim), threading.Event()
    out, numbers = tmp_path / "out", count()
    exchanged = 0

    def exchange() -> None:
        nonlocal exchanged
        while not over.is_set():
            for folder in (out, out / "files"):
                with suppress(OSError):
                    folder.rename(tmp_path / f"aside{next(numbers)}")
                with suppress(OSError):
                    folder.symlink_to(victim)
                    exchanged += 1
                    folder.unlink()
            time.sleep(0)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        codes = {robenv("render", "-o", "out").code for _ in range(TRIES)}
    finally:
        over.set()
        thread.join()
    assert there(victim) == before
    assert codes <= {0, 1} and exchanged


@pytest.mark.parametrize("target", ["new", "Dockerfile"])
def test_init_writes_through_no_link(tmp_path: Path, victim: Path, robenv: Robenv, target: str) -> None:
    (tmp_path / "robenv.yaml").unlink()
    (tmp_path / "robenv.yaml").symlink_to(victim / target)
    before = there(victim)
    assert "already exists" in robenv("init", "debian/bookworm").stderr
    assert robenv("init", "debian/bookworm", "--force").code == 0
    assert there(victim) == before
    assert not (tmp_path / "robenv.yaml").is_symlink()
