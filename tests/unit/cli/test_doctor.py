"""What `robenv doctor --fix` runs, asks and leaves alone. The commands are stubs that note how they were called."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from robenv.doctor import examine
from robenv.doctor.check import CheckContext, Finding
from tests.support.projects.command_line import Robenv

FINE = Finding("engine", "ok", "answers")
LACKING = Finding("tool", "warning", "not there", "sudo apt-get install -y tool", safe=True)
UNSAFE = Finding("group", "warning", "not in it", "sudo usermod -aG docker $USER && newgrp docker")
HOPELESS = Finding("cpu", "warning", "too old")
BROKEN = Finding("engine", "failure", "does not answer")


class Machine:
    """Its apt-get notes its arguments and installs ``tool``, or fails; its sudo notes that it was asked."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "programs"
        self.log = folder / "calls"
        self.programs.mkdir()
        self.program("apt-get", f'echo "out of apt-get"; : >"{folder}/installed"')
        self.program("sudo", 'exec "$@"')
        self.installed = folder / "installed"
        self.findings = [FINE, LACKING]

    def program(self, name: str, does: str) -> None:
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >>"{self.log}"\n{does}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def examine(self, patient: CheckContext) -> list[Finding]:
        return [finding for finding in self.findings if finding is not LACKING or not self.installed.exists()]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{made.programs}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(examine, "examine", made.examine)
    return made


def test_yes_runs_what_is_safe_and_looks_again(machine: Machine, robenv: Robenv) -> None:
    done = robenv("doctor", "--fix", "--yes")
    assert machine.calls() == ["sudo apt-get install -y tool", "apt-get install -y tool"]
    assert done.code == 0
    assert done.stdout == "ok       engine: answers\n"
    assert "tool: running sudo apt-get install -y tool" in done.stderr
    assert "out of apt-get" in done.stderr


def test_root_needs_no_sudo(machine: Machine, robenv: Robenv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (machine.programs / "sudo").unlink()
    assert "\n           apt-get install -y tool\n" in robenv("doctor").stdout
    assert robenv("doctor", "--fix", "--yes").code == 0
    assert machine.calls() == ["apt-get install -y tool"]


def test_without_sudo_the_command_is_named(machine: Machine, robenv: Robenv, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.programs / "sudo").unlink()
    monkeypatch.setenv("PATH", str(machine.programs))
    done = robenv("doctor", "--fix", "--yes")
    assert done.code == 1
    assert "tool: not mended: sudo cannot be run (No such file or directory); this mends it: sudo apt" in done.stderr
    assert machine.calls() == []


def test_a_command_that_fails(machine: Machine, robenv: Robenv) -> None:
    machine.program("apt-get", "echo no such package >&2; exit 100")
    done = robenv("doctor", "--fix", "--yes")
    assert done.code == 1
    assert "no such package" in done.stderr
    assert "tool: not mended: `sudo apt-get install -y tool` ended with exit code 100" in done.stderr
    assert "warning  tool: not there" in done.stdout


def test_a_failure_counts_more_than_a_command_that_fails(machine: Machine, robenv: Robenv) -> None:
    machine.program("apt-get", "exit 100")
    machine.findings = [BROKEN, LACKING]
    assert robenv("doctor", "--fix", "--yes").code == 6


def test_what_is_not_safe_is_only_named(machine: Machine, robenv: Robenv) -> None:
    machine.findings = [FINE, UNSAFE, HOPELESS]
    done = robenv("doctor", "--fix", "--yes")
    assert (done.code, machine.calls()) == (0, [])
    assert f"group: for you to run: {UNSAFE.fix}" in done.stderr
    assert "cpu" not in done.stderr


def test_where_nobody_can_be_asked_nothing_runs(machine: Machine, robenv: Robenv) -> None:
    done = robenv("doctor", "--fix")
    assert (done.code, machine.calls()) == (0, [])
    assert "nobody is here to ask; with --yes: sudo apt-get install -y tool" in done.stderr


def test_without_fix_nothing_runs(machine: Machine, robenv: Robenv) -> None:
    assert robenv("doctor").code == 0
    refused = robenv("doctor", "--yes")
    assert refused.code == 2
    assert "--yes is for --fix" in refused.stderr
    assert machine.calls() == []


def test_json_stays_alone_on_stdout(machine: Machine, robenv: Robenv) -> None:
    done = robenv("doctor", "--fix", "--yes", "--json")
    assert [load["check"] for load in json.loads(done.stdout)] == ["engine"]
    assert "out of apt-get" in done.stderr


@pytest.mark.parametrize(("answer", "runs"), [("y", True), ("n", False), ("", False)])
def test_asks_on_a_terminal(tmp_path: Path, answer: str, runs: bool) -> None:
    machine = Machine(tmp_path)
    near, far = pty.openpty()
    os.write(near, f"{answer}\n".encode() * 9)
    environ = {**os.environ, "PATH": str(machine.programs), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    robenv = subprocess.Popen(
        [sys.executable, "-m", "robenv", "doctor", "--fix"], stdin=far, stdout=far, stderr=far, env=environ
    )
    os.close(far)
    shown = b""
    try:
        while piece := os.read(near, 65536):
            shown += piece
    except OSError:  # the far end is closed
        pass
    os.close(near)
    assert robenv.wait(timeout=60) == 6  # there is no engine
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert f"mmdebstrap: run `{sudo}apt-get install -y mmdebstrap`?" in shown.decode()
    assert ("apt-get install -y mmdebstrap" in machine.calls()) is runs
    assert ("mmdebstrap: left as it is" in shown.decode()) is not runs
