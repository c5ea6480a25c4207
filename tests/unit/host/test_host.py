"""The questions of a Host, asked of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robenv.host.facts import SECTIONS, DeviceNode
from robenv.host.host import Host, HostRecorder, LocalHost
from robenv.host.probes.facts import read_facts
from robenv.host.record import record
from robenv.host.recorded import RecordedHost

HERE = LocalHost()


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one \xff\ntwo\n")
    (tmp_path / "b").write_text("280\n")
    (tmp_path / "folder").mkdir()
    assert HERE.read(f"{tmp_path}/a") == "one \ufffd\ntwo\n"
    assert HERE.line(f"{tmp_path}/a", "tw") == "two"
    assert HERE.line(f"{tmp_path}/a", "x") is None
    assert HERE.texts(f"{tmp_path}/*") == {f"{tmp_path}/a": "one \ufffd\ntwo\n", f"{tmp_path}/b": "280\n"}
    assert HERE.glob(f"{tmp_path}/[bf]*") == (f"{tmp_path}/b", f"{tmp_path}/folder")
    assert HERE.holding(f"{tmp_path}/?", "280") == (f"{tmp_path}/b",)
    assert HERE.read(f"{tmp_path}/folder") is None
    assert HERE.read(f"{tmp_path}/none") is None
    assert HERE.line(f"{tmp_path}/none", "") is None
    assert HERE.link(f"{tmp_path}/a") is None


def test_a_huge_file_is_read_no_further(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    assert len(HERE.read(f"{tmp_path}/huge") or "") == 1 << 20


def test_kinds(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/socket")
        kinds = [HERE.kind(f"{tmp_path}/{name}") for name in ("", "file", "link", "broken", "fifo", "socket", "none")]
    assert kinds == ["folder", "file", "file", "", "fifo", "socket", ""]
    assert HERE.kind("/dev/null") == "char"
    assert HERE.kind("a\0b") == ""
    assert HERE.link(f"{tmp_path}/link") == "file"


def test_who_listens(tmp_path: Path) -> None:
    path = f"{tmp_path}/socket"
    assert not HERE.listens(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        assert not HERE.listens(path)
        server.listen(0)
        # A queue that is full: somebody is there, and busy.
        assert [HERE.listens(path) for _ in range(4)] == [True] * 4
    assert not HERE.listens(path)
    assert not HERE.listens("/" + "x" * 200)


def test_nodes(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    status = Path("/dev/null").stat()
    here = DeviceNode("/dev/null", "char", 1, 3, status.st_gid, status.st_mode & 0o7777)
    assert HERE.node("/dev/null") == here
    linked = HERE.node(f"{tmp_path}/link")
    assert linked is not None
    assert (linked.path, linked.target, linked.minor) == (f"{tmp_path}/link", "/dev/null", 3)
    assert HERE.node(f"{tmp_path}") is None
    assert HERE.node(f"{tmp_path}/none") is None


def test_the_tree_of_this_machines_devices() -> None:
    nodes, others = HERE.tree("/dev")
    found = {node.path: node for node in nodes}
    assert (found["/dev/null"].major, found["/dev/null"].minor) == (1, 3)
    assert not [path for path in found if path.startswith(("/dev/char/", "/dev/block/", "/dev/shm/"))]
    assert not {"/dev/stdin", "/dev/stdout", "/dev/fd"} & set(found)
    assert not [path for path in others if path in found]
    for node in nodes:
        status = HERE.node(node.path)
        # Others may take theirs away meanwhile.
        assert status in (node, None)


def test_a_tree_of_links_and_other_things(tmp_path: Path) -> None:
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "loop").symlink_to("loop")
    (tmp_path / "by-id" / "out").symlink_to("/dev/null")
    (tmp_path / "file").touch()
    nodes, others = HERE.tree(str(tmp_path))
    assert nodes == ()
    assert others == (f"{tmp_path}/by-id/", f"{tmp_path}/file")
    assert HERE.tree(f"{tmp_path}/none") == ((), ())


def test_commands() -> None:
    assert HERE.run("sh", "-c", "echo $0; exit 3") == (3, "sh\n")
    assert HERE.run("no-such-command-at-all") is None


def test_who_and_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBENV_TEST_VARIABLE", "x")
    assert HERE.variable("ROBENV_TEST_VARIABLE") == "x"
    assert HERE.variable("ROBENV_TEST_NO_VARIABLE") == ""
    assert HERE.user()[:2] == (os.geteuid(), os.getegid())
    assert HERE.uname()[2] == os.uname().machine


class Spy(Host):
    """Notes what is asked, of a machine with nothing on it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._empty = RecordedHost({"uname": ["", "", ""]})

    def ask(self, verb: str, *arguments: str) -> Any:
        self.asked.append((verb, *arguments))
        return self._empty.ask(verb, *arguments)


def test_only_what_is_wanted_is_read() -> None:
    basic = Spy()
    read_facts("linux/amd64", host=basic)
    assert basic.asked == [("user",), ("variable", "TZ"), ("link", "/etc/localtime"), ("read", "/etc/timezone")]
    places = {
        "kernel": ("/proc/", "/sys/", "/run/WSL"),
        "distribution": ("/etc/os-release", "/usr/lib/os-release"),
        "engine": (),
        "devices": ("/dev", "/proc/devices", "/etc/group", "/sys/class/net/", "/run/udev"),
    }
    for section, allowed in places.items():
        spy = Spy()
        read_facts("linux/amd64", wanted=frozenset({section}), host=spy)
        asked = [question[1] for question in spy.asked[len(basic.asked) :] if len(question) > 1]
        assert [path for path in asked if not path.startswith(allowed)] == [], section


def test_no_probe_runs_a_command() -> None:
    spy = Spy()
    read_facts("linux/amd64", wanted=frozenset(SECTIONS), host=spy)
    assert "run" not in {question[0] for question in spy.asked}


def test_a_recorder_keeps_all_but_the_session() -> None:
    machine = {"uname": ["6.1", "", "x86_64"], "variables": {"DISPLAY": "host:0"}, "reached": ["host:6000"]}
    recorder = HostRecorder(RecordedHost(machine))
    facts = read_facts("linux/amd64", wanted=frozenset({"kernel", "session"}), host=recorder)
    assert facts.session.x11
    assert recorder.answers[("uname",)] == ["6.1", "", "x86_64"]
    assert not [question for question in recorder.answers if question[0] in ("variable", "user")]


def test_this_machine_recorded_is_this_machine() -> None:
    wanted = frozenset(SECTIONS) - {"devices"}  # other tests make nodes meanwhile
    recorded = RecordedHost(record(HERE))
    assert read_facts("arm64", wanted=wanted, host=recorded) == read_facts("arm64", wanted=wanted)
    assert recorded.node("/dev/null") == HERE.node("/dev/null")


def test_a_recording_names_nobody_but_the_user() -> None:
    document = record(RecordedHost({"uname": ["", "", ""], "files": {"/etc/group": "dialout:x:20:jane,joe\n"}}))
    assert document["files"]["/etc/group"] == "dialout:x:20:\n"


def test_the_quick_ways_imports_are_light() -> None:
    program = (
        "import sys\n"
        "import robenv.host.host, robenv.fast.replay, robenv.host.probes.session\n"
        "heavy = {'dataclasses', 'pathlib', 'subprocess', 'inspect', 'yaml', 'pydantic', 'robenv.host.facts'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
