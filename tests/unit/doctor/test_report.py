"""The archive for a bug report has what one wants to know, and nothing that a profile may keep secret."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from robenv.doctor.check import Finding
from robenv.doctor.report import report_files, write_report
from robenv.engine.protocol import EngineInfo
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import plan_project
from robenv.project.preview import preview_up
from robenv.util import log

SECRET = "hunter2"
PROFILE = """
name: arm
base: {image: "debian:12"}
environment: {MY_VARIABLE: hunter2}
image: {args: {AN_ARGUMENT: hunter2}, labels: {a.label: hunter2}, command: echo hunter2}
steps:
  - {name: a step, run: echo hunter2}
run:
  command: [sh, -c, echo hunter2]
  labels: {another.label: hunter2}
  healthcheck: {test: echo hunter2}
  environment: {RUN_VARIABLE: hunter2}
  sysctls: {net.core.somaxconn: "10"}
  logging: {driver: syslog, options: {tag: hunter2}}
  volumes:
    - {type: bind, source: /srv, target: /srv}
deploy: {command: echo hunter2}
"""
BUG = """robenv 1.0, Python 3.11.7

Traceback (most recent call last):
  File "robenv/x.py", line 1, in f
    raise ValueError(value)
ValueError: it is hunter2
    hunter2
hunter2

Before it:
2026-01-01T00:00:00.000Z 17 run true
"""
RAW = {"HttpProxy": "http://jane:hunter2@proxy", "Name": "hunter2", "CgroupVersion": "2"}
ENGINE = EngineInfo("unix:///x", "Docker Engine", "28.5", "1.51", "linux/amd64", "overlay2", "/x", True, RAW)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "robenv.yaml").write_text(PROFILE)
    planned = plan_project(resolve_project(find_project(tmp_path), {}), "linux/amd64")
    (tmp_path / "logs").mkdir()
    for number in range(5):
        (tmp_path / f"logs/bug-{number}.log").write_text(BUG)
    (tmp_path / "logs/build-arm.log").write_text(SECRET)
    log.start()
    log.decision("a decision about https://jane:hunter2@host/")
    findings = [Finding("proxy", "warning", "the proxy http://jane:hunter2@proxy does not answer")]
    return report_files(findings, ENGINE, preview_up(None, planned).to_json(), tmp_path / "logs")


def test_no_secret_and_no_value_of_a_variable_is_in_it(files: dict[str, str]) -> None:
    assert [name for name, text in files.items() if SECRET in text] == []


def test_what_a_bug_report_wants_is_in_it(files: dict[str, str]) -> None:
    assert {"robenv", "python", "system", "docker"} <= set(json.loads(files["versions.json"]))
    assert json.loads(files["engine.json"])["version"] == "28.5"
    assert json.loads(files["engine.json"])["CgroupVersion"] == "2"
    assert files["doctor.txt"] == "warning: proxy: the proxy http://***@proxy does not answer\n"
    assert "a decision about https://***@host/" in files["log.txt"]
    assert [name for name in files if name.startswith("bug-")] == ["bug-4.log", "bug-3.log", "bug-2.log"]
    assert files["bug-4.log"].splitlines() == [
        "robenv 1.0, Python 3.11.7",
        "Traceback (most recent call last):",
        '  File "robenv/x.py", line 1, in f',
        "    raise ValueError(value)",
        "ValueError",
        "Before it:",
        "2026-01-01T00:00:00.000Z 17 run true",
    ]
    plan = json.loads(files["plan.json"])
    assert plan["run"]["sysctls"] == ["net.core.somaxconn"]
    assert {"MY_VARIABLE"} <= {
        name for stage in plan["stages"] for group in stage["groups"] for name in group["environment"]
    }
    assert "RUN_VARIABLE" in plan["run"]["environment"]
    assert {"kind": "bind", "read_only": False, "source": "/srv", "target": "/srv"} in plan["run"]["mounts"]
    assert any(group["steps"] == ["a step"] for stage in plan["stages"] for group in stage["groups"])


def test_only_its_user_can_read_the_archive(tmp_path: Path, files: dict[str, str]) -> None:
    write_report(tmp_path / "report.tar.gz", files)
    assert (tmp_path / "report.tar.gz").stat().st_mode & 0o777 == 0o600
    with tarfile.open(tmp_path / "report.tar.gz") as tar:
        assert sorted(tar.getnames()) == sorted(f"robenv-report/{name}" for name in files)
