"""What doctor says of a login; X server and agent are stand-ins that speak the first words of their protocols."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from robenv.doctor import session
from robenv.doctor.check import CheckContext, Finding
from robenv.host.recorded import RecordedHost
from robenv.host.session.handshake import agent_keys, display_answer
from robenv.host.session.xauthority import Cookie, DisplayAddress

GOOD = Cookie(65535, b"", b"1", b"MIT-MAGIC-COOKIE-1", b"good cookie 16 b")


def patient(*root: Path, **asked: Any) -> CheckContext:
    keys = {"display": "none", "audio": "none", "ssh_agent": "none", "git": False, **asked}
    resolved = SimpleNamespace(profile=SimpleNamespace(**keys))
    project: Any = SimpleNamespace(resolved=resolved, files=SimpleNamespace(root=root[0] if root else None))
    return CheckContext(None, None, None, project)


def host(**variables: str) -> RecordedHost:
    return RecordedHost({"user": [1000, 1000, "ann"], "variables": variables})


def words(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(finding.status, finding.message) for finding in findings]


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts a server of one address that answers each connection with what a function makes of its first bytes."""
    with ExitStack() as stack:

        def start(listener: socket.socket, answer: Any) -> None:
            stack.callback(listener.close)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            listener.listen()

            def run() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection:
                        connection.sendall(answer(connection.recv(4096)))

            threading.Thread(target=run, daemon=True).start()

        yield start


def test_nobody_asked_and_nothing_is_wrong() -> None:
    for check in (session.display, session.sound, session.agent):
        assert [*check(CheckContext(None, None, None), host())] == []
        assert [*check(patient(), host())] == []
    assert [*session.git(patient())] == []


def test_what_is_asked_for_and_absent_is_a_warning() -> None:
    for check, key in ((session.display, "display"), (session.sound, "audio"), (session.agent, "ssh_agent")):
        (finding,) = check(patient(**{key: "auto"}), host())
        assert finding.status == "warning"
    assert finding.fix


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER", "PIPEWIRE_REMOTE", "SSH_AUTH_SOCK"])
def test_what_is_wrong_is_told_even_unasked_with_what_mends_it(variable: str) -> None:
    checks = (session.display, session.sound, session.agent)
    found = [finding for check in checks for finding in check(patient(), host(**{variable: "/gone"}))]
    ((message, fix),) = [(finding.message, finding.fix) for finding in found]
    assert message.startswith(f"{variable} is ")
    assert fix.startswith(("export ", "unset ", "eval "))


def test_an_x_server_is_asked_itself(serve: Any) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    serve(listener, lambda request: b"\1" if GOOD.data in request and GOOD.protocol in request else b"\0")
    display = DisplayAddress("127.0.0.1", listener.getsockname()[1] - 6000)
    assert display_answer(display, GOOD) is True
    assert display_answer(display, GOOD._replace(data=b"another")) is False
    assert display_answer(display, None) is False
    assert display_answer(DisplayAddress("", 64999), GOOD) is None


def test_an_agent_is_asked_for_its_keys(serve: Any, tmp_path: Path) -> None:
    for name, answer in (
        ("two", b"\0\0\0\5\x0c\0\0\0\2"),
        ("none", b"\0\0\0\5\x0c\0\0\0\0"),
        ("other", b"HTTP/1.1 400"),
    ):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / name))
        serve(listener, lambda request, answer=answer: answer if request == b"\0\0\0\1\x0b" else b"")

    def told(name: str) -> tuple[str, str]:
        path = str(tmp_path / name)
        machine = RecordedHost({"variables": {"SSH_AUTH_SOCK": path}, "listening": [path]})
        (finding,) = session.agent(patient(), machine)
        return finding.status, finding.fix

    assert [agent_keys(str(tmp_path / name)) for name in ("two", "none", "other", "gone")] == [2, 0, None, None]
    assert told("two") == ("ok", "")
    assert told("none") == ("warning", "ssh-add")
    assert told("other")[1].endswith("ssh-add")


def test_a_git_configuration_that_git_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gitconfig").write_text("broken[\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (finding,) = session.git(patient(tmp_path, git=True))
    assert finding.status == "warning"
    assert f"bad config line 1 in file {tmp_path}/gitconfig" in finding.message


def test_who_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    fixes = [finding.fix for finding in session.git(patient(tmp_path, git=True))]
    assert len(fixes) == 2
    for fix in fixes:
        subprocess.run(fix, shell=True, check=True)
    (finding,) = session.git(patient(tmp_path, git=True))
    assert (finding.status, finding.message) == ("ok", "Your Name <you@example.org>")
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = session.git(patient(tmp_path, git=True))
    assert finding.fix.endswith("install git")
