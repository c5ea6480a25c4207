"""What doctor says of the project here as a whole: what `up` would refuse, what does nothing, what is not allowed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.doctor.check import CheckContext, Finding
from robenv.doctor.project import project
from robenv.host.facts import EngineFacts, Facts, KernelFacts
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import plan_project
from robenv.project.trust import foreign_files

EVERYTHING = frozenset(("kernel", "distribution", "engine", "gpu", "devices", "session"))
FACTS = Facts(
    1000,
    1000,
    "someone",
    "linux/amd64",
    read=EVERYTHING,
    kernel=KernelFacts(cpus=(0, 1), memory=8 << 30),
    engine=EngineFacts(api_version="1.41"),
)
Make = Callable[[str], CheckContext]


@pytest.fixture
def patient(tmp_path: Path) -> Make:
    def make(profile: str) -> CheckContext:
        (tmp_path / "robenv.yaml").write_text(f"name: picker\nbase: {{image: x}}\n{profile}")
        return CheckContext(None, None, None, plan_project(resolve_project(find_project(tmp_path), {}), "linux/amd64"))

    return make


def test_no_project_is_no_finding() -> None:
    assert not list(project(CheckContext(None, None, None), FACTS))


def test_a_project_that_is_fine_says_who_is_inside(patient: Make) -> None:
    assert list(project(patient(""), FACTS)) == [Finding("user", "ok", "dev inside, UID 1000, GID 1000")]


@pytest.mark.parametrize(
    ("profile", "check", "message"),
    [
        ("gpu: required\n", "gpu", "robenv.yaml:3:6: a GPU is required, and this machine has no GPU"),
        ("display: required\n", "display", "robenv.yaml:3:10: this login session has no X11 or Wayland display"),
        ("devices: [ttyUSB7]\n", "devices", "robenv.yaml:3:11: there is no device /dev/ttyUSB7; "),
        ("run: {cpus: 64}\n", "run.cpus", "robenv.yaml:3:13: 64 processors are more than this machine has: 2; "),
    ],
)
def test_what_up_would_refuse_is_a_failure_with_its_place(
    patient: Make, profile: str, check: str, message: str
) -> None:
    (finding,) = project(patient(profile), FACTS)
    assert (finding.check, finding.status) == (check, "failure")
    assert finding.message.startswith(message)


@pytest.mark.parametrize(
    ("profile", "check", "word"),
    [
        ("run: {cap_add: [SYS_TIME]}\n", "capabilities", "cap_add SYS_TIME"),
        ("run: {mem_limit: 64mb}\n", "quotas", "mem_limit: not kept"),
        ("ros: {rmw: fastrtps}\nrun: {network_mode: host}\n", "middleware", "ipc: host"),
    ],
)
def test_what_will_do_nothing_is_a_warning(patient: Make, profile: str, check: str, word: str) -> None:
    facts = replace(FACTS, engine=replace(FACTS.engine, missing_limits=("MemoryLimit",)))
    warning, user = project(patient(profile), facts)
    assert (warning.check, warning.status, user.status) == (check, "warning", "ok")
    assert word in warning.message


def test_a_folder_that_cannot_be_written_to(patient: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = patient("")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    (finding,) = project(found, FACTS)
    assert (finding.status, finding.fix) == ("warning", f"sudo chown -R $USER {tmp_path}")


def test_powers_that_are_not_allowed_yet(patient: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_files, "own_uids", lambda: frozenset((54321,)))
    _, finding = project(patient("run: {network_mode: host}\n"), FACTS)
    assert (finding.check, finding.status, finding.fix) == ("trust", "warning", "robenv trust")
    assert "robenv.yaml asks for powers over this machine" in finding.message
