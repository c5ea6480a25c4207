"""What starts a command inside, by a real shell: what of the terminal the place can take, and nothing left behind."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from robenv.fast import launch
from robenv.fast.launch import SCRIPT, default_terminal_variables, describe_terminal, launcher, terminal_variables

SHELLS = [shell for shell in (["/bin/sh"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(shell[0])]
EMPTY = ("", "", "", "", "", "")


def _run(shell: list[str], given: tuple[str, ...], *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], **environ}
    argv = [*shell, "-c", SCRIPT, "robenv", *given, *command]
    return subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)


def _environment(shell: list[str], given: tuple[str, ...], **environ: str) -> dict[str, str]:
    done = _run(shell, given, "env", "-0", **environ)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


@pytest.fixture(params=SHELLS, ids=lambda shell: Path(shell[0]).name)
def shell(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    return found


def test_nothing_is_set_where_there_is_nothing_to_say(shell: list[str]) -> None:
    assert set(_environment(shell, EMPTY)) <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}


@pytest.mark.parametrize(
    ("wanted", "has", "found"),
    [
        ("xterm-kitty", ("xterm", "xterm-256color"), "xterm-256color"),
        ("xterm-kitty", ("xterm",), "xterm"),
        ("xterm-kitty", ("xterm-kitty",), "xterm-kitty"),
        ("dumb", (), "dumb"),
    ],
)
def test_a_terminal_that_is_described(
    shell: list[str], wanted: str, has: tuple[str, ...], found: str, tmp_path: Path
) -> None:
    for name in has:
        place = tmp_path / f".terminfo/{name[0]}/{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    places = "/etc/terminfo /lib/terminfo /usr/lib/terminfo /usr/share/terminfo"
    assert places in SCRIPT
    script = SCRIPT.replace(places, "")
    done = subprocess.run(
        [*shell, "-c", script, "robenv", wanted, *EMPTY[1:], "sh", "-c", "echo $TERM"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{found}\n"


@pytest.mark.parametrize(
    ("lang", "every", "own", "found"),
    [
        ("xx_XX.UTF-8", "", None, {"LANG": "C.UTF-8"}),
        ("xx_XX.UTF-8", "", "POSIX", {"LANG": "POSIX"}),
        ("xx_XX.UTF-8", "xx_XX.UTF-8", None, {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}),
        ("C.UTF-8", "xx_XX", None, {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}),
        ("C", "", "C.UTF-8", {"LANG": "C"}),
        ("", "C", None, {"LC_ALL": "C"}),
        ("x;echo no", "$(echo no)", None, {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}),
    ],
)
def test_a_locale_that_is_there(
    shell: list[str], lang: str, every: str, own: str | None, found: dict[str, str]
) -> None:
    environ = {} if own is None else {"LANG": own}
    made = _environment(shell, ("", lang, every, "", "", ""), **environ)
    assert {name: value for name, value in made.items() if name in ("LANG", "LC_ALL")} == found


def test_locales_of_the_place_are_asked_of_it(shell: list[str], tmp_path: Path) -> None:
    """By its own ``locale``, which knows them all; here by one that has German."""
    program = tmp_path / "locale"
    program.write_text("#!/bin/sh\ncase $LC_ALL in de_DE.UTF-8) ;; *) echo cannot >&2 ;; esac\n")
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    made = _environment(shell, ("", "de_DE.UTF-8", "fr_FR.UTF-8", "", "", ""), PATH=path)
    assert (made["LANG"], made["LC_ALL"]) == ("de_DE.UTF-8", "C.UTF-8")


@pytest.mark.parametrize(
    ("zone", "own", "found"),
    [
        ("Nowhere/Atlantis", None, None),
        ("Nowhere/Atlantis", "Nowhere/Atlantis", None),
        ("CET-1CEST", None, "CET-1CEST"),
        ("Nowhere/Atlantis", "Mars/Dome", "Mars/Dome"),
        ("", "Mars/Dome", "Mars/Dome"),
    ],
)
def test_a_time_zone_that_is_there(shell: list[str], zone: str, own: str | None, found: str | None) -> None:
    environ = {} if own is None else {"TZ": own}
    assert _environment(shell, ("", "", "", zone, "", ""), **environ).get("TZ") == found


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("no-such-program", 127, "robenv: no-such-program: not found in the container\n"),
        ("./no-such-program", 127, "robenv: ./no-such-program: not found in the container\n"),
        ("/etc", 126, "robenv: /etc: is a directory in the container\n"),
        ("/etc/passwd", 126, "robenv: /etc/passwd: not executable in the container\n"),
    ],
)
def test_a_command_that_cannot_be_run(shell: list[str], command: str, code: int, said: str) -> None:
    done = _run(shell, EMPTY, command, "an argument")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_arguments_and_exit_codes_pass_unchanged(shell: list[str]) -> None:
    done = _run(
        shell, EMPTY, "sh", "-c", 'printf "%s|" "$0" "$@"; exit 7', "-x", "", "two words", "--", "$HOME", "a\nb"
    )
    assert (done.returncode, done.stdout) == (7, "-x||two words|--|$HOME|a\nb|")


def test_the_terminal_has_its_size_from_the_start(shell: list[str]) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    argv = [*shell, "-c", SCRIPT, "robenv", "", "", "", "", "41", "173", "stty", "size"]
    done = subprocess.run(argv, stdin=slave, capture_output=True, text=True, check=True)
    os.close(master)
    os.close(slave)
    assert done.stdout == "41 173\n"


def test_what_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "foot", "COLORTERM": "truecolor", "LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launch, "current_size", lambda: (41, 173))
    assert launcher(tty=True)[4:] == ("foot", "de_DE.UTF-8", "", "Asia/Tokyo", "41", "173")
    assert launcher(tty=False)[4:] == ("foot", "de_DE.UTF-8", "", "Asia/Tokyo", "", "")
    assert terminal_variables(tty=True) == {"COLORTERM": "truecolor", "TZ": "Asia/Tokyo"}
    assert terminal_variables(tty=False) == {"TZ": "Asia/Tokyo", "LINES": "41", "COLUMNS": "173"}
    assert default_terminal_variables(tty=True) == {"TERM": "foot", "LANG": "de_DE.UTF-8"}
    assert default_terminal_variables(tty=False) == {"LANG": "de_DE.UTF-8"}
    monkeypatch.setattr(launch, "current_size", lambda: None)
    assert launcher(tty=False)[4] == "", "there is no terminal at all"
    assert terminal_variables(tty=False) == {"TZ": "Asia/Tokyo"}
    assert launcher(tty=False, far=True)[7] == "", "a robot has a time zone of its own"
    assert "TZ" not in terminal_variables(tty=True, far=True)


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC"])
def test_utc_needs_no_word(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    assert launch.local_timezone() == ""


@pytest.mark.parametrize(
    ("environ", "own", "said"),
    [
        ({"TZ": "Asia/Tokyo", "LANG": "C"}, {"TZ": "UTC"}, "TZ Asia/Tokyo, LANG C, where the image has them"),
        ({"LC_ALL": "C"}, {"TZ": "Europe/Berlin"}, "TZ Europe/Berlin, LC_ALL C, where the image has them"),
        ({}, {}, "TZ America/Lima, where the image has it"),
    ],
)
def test_what_a_command_gets_in_words(
    environ: dict[str, str], own: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TZ", "LANG", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launch, "local_timezone", lambda: "America/Lima")
    assert describe_terminal(own) == said
