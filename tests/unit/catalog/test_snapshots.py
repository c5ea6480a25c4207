"""Where the past of package archives is, and the script that leads an image's sources there, run by the real sed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from robenv.catalog.snapshots import snapshot_script, snapshot_url

MOMENT = "20261101T000000Z"
DEBIAN = f"http://snapshot.debian.org/archive/debian/{MOMENT}"
SECURITY = f"http://snapshot.debian.org/archive/debian-security/{MOMENT}"
UBUNTU = f"http://snapshot.ubuntu.com/ubuntu/{MOMENT}"

ADDRESSES = [
    ("http://deb.debian.org/debian", DEBIAN),
    ("https://deb.debian.org/debian/", DEBIAN),
    ("http://ftp.de.debian.org/debian", DEBIAN),
    ("http://deb.debian.org/debian-security", SECURITY),
    ("http://security.debian.org/debian-security/", SECURITY),
    ("http://security.debian.org", SECURITY),
    ("http://archive.ubuntu.com/ubuntu/", UBUNTU),
    ("http://de.archive.ubuntu.com/ubuntu", UBUNTU),
    ("http://security.ubuntu.com/ubuntu/", UBUNTU),
    ("http://ports.ubuntu.com/ubuntu-ports/", UBUNTU),
]
OTHERS = [
    "http://packages.ros.org/ros2/ubuntu",
    "https://mirror.example.org/debian",
    "http://deb.debian.org.example.org/debian",
    "http://debXdebian.org/debian",
    DEBIAN,
]


@pytest.mark.parametrize(("url", "past"), ADDRESSES)
def test_each_archive_has_its_past(url: str, past: str) -> None:
    assert snapshot_url(url, MOMENT) == past


@pytest.mark.parametrize("url", OTHERS)
def test_of_others_nobody_keeps_the_past(url: str) -> None:
    assert snapshot_url(url, MOMENT) == ""


class Etc:
    """An /etc/apt of the test's own, over which the script runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "apt/sources.list.d").mkdir(parents=True)
        (folder / "apt/apt.conf.d").mkdir()

    def run(self) -> None:
        script = snapshot_script(MOMENT).replace("/etc/", f"{self.folder}/")
        subprocess.run(["/bin/bash", "-euo", "pipefail", "-c", script], check=True)

    def after(self, name: str, text: str) -> str:
        path = self.folder / "apt" / name
        path.write_text(text)
        self.run()
        return path.read_text()


@pytest.fixture
def etc(tmp_path: Path) -> Etc:
    return Etc(tmp_path / "etc")


@pytest.mark.parametrize(("url", "past"), ADDRESSES)
def test_a_line_of_a_sources_list(etc: Etc, url: str, past: str) -> None:
    text = f"# deb {url} old main\ndeb [signed-by=/k.gpg] {url} bookworm main contrib\n"
    assert etc.after("sources.list", text).splitlines()[1] == f"deb [signed-by=/k.gpg] {past} bookworm main contrib"


def test_a_deb822_file(etc: Etc) -> None:
    text = (
        "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Types: deb\nURIs: http://deb.debian.org/debian-security\nSuites: bookworm-security\nComponents: main\n"
    )
    expected = text.replace("http://deb.debian.org/debian-security", SECURITY)
    expected = expected.replace("http://deb.debian.org/debian\n", f"{DEBIAN}\n")
    assert etc.after("sources.list.d/debian.sources", text) == expected


@pytest.mark.parametrize("url", OTHERS[:4])
def test_other_archives_stay(etc: Etc, url: str) -> None:
    assert etc.after("sources.list.d/other.list", f"deb {url} bookworm main\n") == f"deb {url} bookworm main\n"


def test_it_may_run_twice_and_where_there_is_nothing(etc: Etc) -> None:
    etc.run()
    once = etc.after("sources.list", "deb http://deb.debian.org/debian bookworm main\n")
    etc.run()
    assert (etc.folder / "apt/sources.list").read_text() == once
    assert "Check-Valid-Until" in (etc.folder / "apt/apt.conf.d/90robenv-snapshot").read_text()
