"""What doctor says of the engine, and of one that does not answer."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.doctor import engine
from robenv.doctor.check import CheckContext, Finding
from robenv.doctor.examine import examine
from robenv.engine.protocol import EngineInfo
from robenv.engine.transport.endpoint import engine_unreachable, find_endpoint
from robenv.errors import EngineUnreachable

GB = 10**9


def patient(endpoint: str = "unix:///var/run/docker.sock", root: str = "/", **raw: Any) -> CheckContext:
    info = EngineInfo(endpoint, "Docker Engine", "28.5.2", "1.51", "linux/amd64", "overlay2", root, True, raw)
    return CheckContext(None, info, None)


def test_a_check_that_may_not_look_hides_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def shut(patient: CheckContext) -> list[Finding]:
        return [Finding("disk", "ok", str(Path("/nobody/enters").stat()))]

    def denied(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    shut.__name__ = "disk"
    monkeypatch.setattr(Path, "stat", denied)
    monkeypatch.setattr(engine, "disk", shut)
    findings = examine(CheckContext(None, None, engine_unreachable(OSError("refused"))))
    assert Finding("disk", "failure", "this check could not look: [Errno 13] Permission denied: '/nobody/enters'") in (
        findings
    )
    assert any(finding.check == "engine" for finding in findings)


def test_the_disk_of_a_folder_that_is_shut_to_this_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of an engine with userns-remap: /var/lib/docker/100000.100000, which only root enters."""

    def usage(path: Path) -> Any:
        if len(Path(path).parts) > 3:
            raise PermissionError(13, "Permission denied", str(path))
        return shutil._ntuple_diskusage(50 * GB, 0, 50 * GB)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    (found,) = engine.disk(patient(root="/var/lib/docker/100000.100000"))
    assert found == Finding("disk", "ok", "50 GB free in /var/lib/docker/100000.100000")


@pytest.mark.parametrize(
    ("endpoint", "root"),
    [("ssh://robot", "/"), ("tcp://robot:2376", "/"), ("unix:///var/run/docker.sock", "/nosuch/folder")],
)
def test_nothing_is_said_of_a_disk_that_is_not_here(endpoint: str, root: str) -> None:
    assert list(engine.disk(patient(endpoint, root))) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["name=seccomp,profile=default"], []),
        (["name=selinux"], ["SELinux: containers that use your files run with label=disable"]),
        (["name=userns"], ["userns-remap: containers that use your files run with userns_mode: host"]),
        (["name=rootless"], ["rootless: you are root inside, and what root makes there is yours here"]),
    ],
)
def test_what_holds_on_this_engine(options: list[str], said: list[str]) -> None:
    assert [one.message for one in engine.security(patient(SecurityOptions=options))] == said


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("tcp://127.0.0.1:1", "Is DOCKER_HOST right? It says tcp://127.0.0.1:1."),
        ("unix:///nosuch.sock", "Is DOCKER_HOST right? It says unix:///nosuch.sock."),
        ("ssh://robot", "This must work without a question: `ssh"),
        ("nonsense", "It looks like unix:///var/run/docker.sock"),
    ],
)
def test_an_engine_of_ones_own_choice_is_not_started_here(
    monkeypatch: pytest.MonkeyPatch, host: str, said: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    try:
        error = engine_unreachable(OSError("refused"), find_endpoint({"DOCKER_HOST": host}))
    except EngineUnreachable as wrong:
        error = wrong
    (found,) = engine.reachable(CheckContext(None, None, error))
    assert said in found.message and not found.fix


def test_why_files_are_built_without_buildkit() -> None:
    info = patient(SecurityOptions=["name=userns"]).info
    assert info is not None
    (found,) = engine.buildkit(CheckContext(None, replace(info, buildkit=False), None))
    assert found.message.startswith("before Docker 26 it gives copied files to nobody under userns-remap: ")
