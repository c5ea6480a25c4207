"""What mmdebstrap is asked for, how it is run and ended, what its failures mean; and mirrors, from a real server."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.bases import mmdebstrap
from robenv.bases.apt_archive import probe_sources
from robenv.bases.mmdebstrap import AptSource, Recipe, arguments, find_keyrings, mmdebstrap_error, plan_recipe
from robenv.catalog.suites import Keyring
from robenv.errors import DiskFull, HostRequirementMissing, OperationFailed, ProfileError, RobenvError
from robenv.plan.image.mirrors import MirrorRule, Mirrors
from robenv.plan.models import Bootstrap

DATE = "Date: Sat, 17 May 2025 09:49:13 UTC\n"
SECONDS = 1747475353


def _bootstrap(
    suite: str = "bookworm", mirror: str = "", platform: str = "linux/amd64", **more: tuple[str, ...]
) -> Bootstrap:
    return Bootstrap(suite, mirror, more.get("components", ()), "minbase", more.get("include", ()), platform)


def _lines(wanted: Bootstrap) -> list[str]:
    return [source.line for source in plan_recipe(wanted).sources]


def test_debian_comes_with_updates_and_security() -> None:
    assert _lines(_bootstrap()) == [
        "deb http://deb.debian.org/debian bookworm main",
        "deb http://deb.debian.org/debian bookworm-updates main",
        "deb http://deb.debian.org/debian-security bookworm-security main",
    ]
    assert not any(source.optional for source in plan_recipe(_bootstrap()).sources)


def test_ubuntu_for_arm64_comes_from_ports() -> None:
    assert _lines(_bootstrap("noble", platform="linux/arm64")) == [
        "deb http://ports.ubuntu.com/ubuntu-ports noble main universe",
        "deb http://ports.ubuntu.com/ubuntu-ports noble-updates main universe",
        "deb http://ports.ubuntu.com/ubuntu-ports noble-security main universe",
    ]


def test_a_mirror_of_ones_own_may_lack_updates_and_keeps_security_beside() -> None:
    recipe = plan_recipe(_bootstrap(mirror="http://mirror.lab/debian/"))
    assert [source.url for source in recipe.sources] == [
        "http://mirror.lab/debian",
        "http://mirror.lab/debian",
        "http://mirror.lab/debian-security",
    ]
    assert [source.optional for source in recipe.sources] == [False, True, True]


def test_a_snapshot_may_be_past_its_date() -> None:
    recipe = plan_recipe(_bootstrap(mirror="http://snapshot.debian.org/archive/debian/20250520T000000Z"))
    assert recipe.sources[2].url == "http://snapshot.debian.org/archive/debian-security/20250520T000000Z"
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in arguments(recipe, (), recipe.sources)
    assert '--aptopt=Acquire::Check-Valid-Until "false"' not in arguments(plan_recipe(_bootstrap()), (), ())


def test_a_folder_as_the_mirror_is_copied_from() -> None:
    assert _lines(_bootstrap("local", mirror="file:///srv/debian"))[0] == "deb copy:///srv/debian local main"


def test_an_unknown_suite_needs_a_mirror() -> None:
    with pytest.raises(ProfileError) as caught:
        plan_recipe(_bootstrap("bokworm"))
    assert caught.value.hint == "Did you mean bookworm?"
    recipe = plan_recipe(_bootstrap("vendor", mirror="http://vendor.example/apt", components=("main", "extra")))
    assert [source.line for source in recipe.sources] == ["deb http://vendor.example/apt vendor main extra"]


def test_the_arguments_hold_everything_in_its_place() -> None:
    recipe = plan_recipe(_bootstrap(platform="linux/arm/v7", include=("ca-certificates", "python3")))
    command = arguments(recipe, ("/k.gpg",), recipe.sources)
    end = command.index("--")
    assert {"--variant=minbase", "--architectures=armhf", "--keyring=/k.gpg", "--format=tar"} < set(command[:end])
    assert {"--include=ca-certificates", "--include=python3"} < set(command[:end])
    assert command[end + 1 :] == ["bookworm", "-", *(source.line for source in recipe.sources)]
    assert all(option.startswith("--") for option in command[1:end])
    assert """--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname\"""" in command


def test_titles_name_the_distribution_and_the_platform() -> None:
    assert plan_recipe(_bootstrap()).title == "base debian bookworm (linux/amd64)"
    assert plan_recipe(_bootstrap("vendor", mirror="http://v.example/")).title == "base vendor (linux/amd64)"


def test_a_missing_keyring_names_its_package() -> None:
    recipe = plan_recipe(_bootstrap())
    gone = Keyring("/nowhere/keyring.gpg", "some-keyring", "some-keyring")
    lacking = Recipe(recipe.bootstrap, "amd64", recipe.sources, (gone,), False, "debian")
    with pytest.raises(HostRequirementMissing) as caught:
        find_keyrings(lacking)
    assert "sudo apt-get install some-keyring" in caught.value.hint


def test_a_missing_mmdebstrap_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostRequirementMissing) as caught:
        mmdebstrap.find_mmdebstrap()
    assert "sudo apt-get install mmdebstrap" in caught.value.hint


@pytest.mark.parametrize(
    ("output", "kind", "hint"),
    [
        ("E: write failed: No space left on device", DiskFull, "Free some space"),
        (
            "E: arm64 can neither be executed natively nor via qemu user emulation with binfmt_misc",
            HostRequirementMissing,
            "qemu-user",
        ),
        ("E: install arch-test for foreign architecture support", HostRequirementMissing, "arch-test"),
        ("E: newuidmap failed", HostRequirementMissing, "the way out"),
        (
            "E: unable to pick chroot mode automatically (use --mode for manual selection)",
            HostRequirementMissing,
            "the way out",
        ),
        ("W: GPG error: NO_PUBKEY 0123", OperationFailed, "keyring"),
        ("E: Unable to locate package nope", OperationFailed, "bookworm"),
    ],
)
def test_what_its_last_words_mean(output: str, kind: type[RobenvError], hint: str) -> None:
    error = mmdebstrap_error(output, plan_recipe(_bootstrap()), "/cache", lambda: ("what was seen", "the way out"))
    assert type(error) is kind
    assert ("(what was seen)" in error.message) is ("the way out" in error.hint)
    assert hint in error.hint
    assert error.details == output
    assert "base debian bookworm (linux/amd64)" in error.message


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A mirror's address, and its folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: _Handler(*args, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


def _release(folder: Path, suite: str, text: str, name: str = "InRelease") -> None:
    (folder / "dists" / suite).mkdir(parents=True)
    (folder / "dists" / suite / name).write_text(text)


def test_the_newest_source_tells_the_time(mirror: tuple[str, Path]) -> None:
    url, folder = mirror
    _release(folder, "stable", "-----BEGIN PGP SIGNED MESSAGE-----\n\nOrigin: x\n" + DATE)
    _release(folder, "stable-updates", DATE.replace("2025", "2024"), name="Release")
    sources = (AptSource(url, "stable", (), False), AptSource(url, "stable-updates", (), True))
    assert probe_sources(sources) == (sources, SECONDS)
    assert probe_sources(sources[1:])[1] < SECONDS


def test_what_a_mirror_may_lack_is_left_out(mirror: tuple[str, Path]) -> None:
    url, folder = mirror
    _release(folder, "stable", DATE)
    here, gone = AptSource(url, "stable", (), False), AptSource(url, "stable-updates", (), True)
    assert probe_sources((here, gone)) == ((here,), SECONDS)


def test_a_folder_is_a_mirror_too(tmp_path: Path) -> None:
    _release(tmp_path, "stable", DATE)
    here, gone = (AptSource(f"file://{tmp_path}", suite, (), True) for suite in ("stable", "gone"))
    assert probe_sources((here, gone)) == ((here,), SECONDS)


def test_a_suite_that_must_be_there(mirror: tuple[str, Path]) -> None:
    with pytest.raises(OperationFailed, match="has no suite stable"):
        probe_sources((AptSource(mirror[0], "stable", (), False),))


def test_a_mirror_that_does_not_answer() -> None:
    with pytest.raises(OperationFailed, match=r"archive http://no-such-host\.invalid does not answer") as caught:
        probe_sources((AptSource("http://no-such-host.invalid", "stable", (), True),))
    assert "base.bootstrap.mirror" in caught.value.hint


def test_a_date_that_is_none(mirror: tuple[str, Path]) -> None:
    _release(mirror[1], "stable", "Date: tomorrow\n")
    with pytest.raises(OperationFailed, match="tomorrow"):
        probe_sources((AptSource(mirror[0], "stable", (), False),))


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others make bases at the same time, and have theirs in the common one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def _temporary_folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("robenv-base-*")}


def _run(script: str, tar: Path, said: list[str]) -> None:
    mmdebstrap.run([sys.executable, "-c", script], plan_recipe(_bootstrap()), tar, SECONDS, said.append)


def test_its_output_is_the_tar_and_its_words_are_told(tmp_path: Path) -> None:
    said: list[str] = []
    script = (
        "import os, sys; print('tar', end=''); print('I: one', file=sys.stderr);"
        "print(os.environ['SOURCE_DATE_EPOCH'], os.path.isdir(os.environ['TMPDIR']), file=sys.stderr)"
    )
    _run(script, tmp_path / "tar", said)
    assert (tmp_path / "tar").read_text() == "tar"
    assert said == ["I: one\n", f"{SECONDS} True\n"]


def test_what_it_leaves_in_its_temp_folder_goes(tmp_path: Path) -> None:
    before = _temporary_folders()
    script = "import os; open(os.environ['TMPDIR'] + '/left', 'w').close(); raise SystemExit(3)"
    with pytest.raises(OperationFailed):
        _run(script, tmp_path / "tar", [])
    assert _temporary_folders() == before


@pytest.mark.parametrize("stubborn", [False, True])
def test_an_interrupt_ends_it_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setattr(mmdebstrap, "_PATIENCE", 1.0)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    script = (
        f"{ignore}import subprocess, sys;"
        "child = subprocess.Popen(['sleep', '1000']); print(child.pid, file=sys.stderr, flush=True); child.wait()"
    )
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    before = _temporary_folders()
    with pytest.raises(KeyboardInterrupt):
        mmdebstrap.run([sys.executable, "-c", script], plan_recipe(_bootstrap()), tmp_path / "tar", 0, interrupt)
    _await_end(pids[0])
    assert _temporary_folders() == before


def _await_end(pid: int) -> None:
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the child outlived the interrupt")


def test_nothing_is_removed_through_a_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mmdebstrap that was killed may leave this machine's own folders mounted below its temp folder."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    (folder / "kept").touch()
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(folder))
    monkeypatch.setattr(Path, "read_text", lambda path: f"tmpfs {folder}/dev tmpfs rw 0 0\n")
    with mmdebstrap._temporary():
        pass
    monkeypatch.undo()
    assert (folder / "kept").exists()
    shutil.rmtree(folder)


def test_a_mirror_is_asked_and_the_root_keeps_the_real_addresses() -> None:
    turns = (
        MirrorRule("http://deb.debian.org/debian/", "http://lab/d/", "/keys/lab.asc"),
        MirrorRule("http://security.debian.org/", "http://lab/s/"),
    )
    recipe = plan_recipe(_bootstrap(), Mirrors(apt=turns))
    plain = plan_recipe(_bootstrap())
    assert recipe.sources[0].line == "deb http://lab/d bookworm main"
    assert [source.lasting for source in recipe.sources] == [source.line for source in plain.sources]
    assert "/keys/lab.asc" in [keyring.path for keyring in recipe.keyrings]
    hook = next(argument for argument in arguments(recipe, (), recipe.sources) if "-hook=" in argument)
    assert r"s|^deb http://lab/d bookworm main$|deb http://deb.debian.org/debian bookworm main|" in hook
    assert "sources.list" not in "".join(arguments(plain, (), plain.sources))
