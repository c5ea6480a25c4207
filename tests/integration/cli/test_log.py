"""What the log has of real commands: requests, programs and decisions, and nothing secret."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

SECRET = "hunter2"
LOGIN = base64.b64encode(f"jane:{SECRET}".encode()).decode()
PROXY = f"http://jane:{SECRET}@127.0.0.1:9"


def test_the_log_of_real_commands(docker_api: Any, base_image: str, tmp_path: Path) -> None:
    profile = f"environment: {{MY_VARIABLE: {SECRET}}}\nsteps: [{{name: s, run: 'echo {SECRET} > /made'}}]\n"
    mine = Project(tmp_path / "project", base_image, profile)
    try:
        config = tmp_path / "docker"
        config.mkdir()
        settings = {"auths": {"registry.invalid": {"auth": LOGIN}}, "proxies": {"default": {"ftpProxy": PROXY}}}
        (config / "config.json").write_text(json.dumps(settings))
        file = tmp_path / "log"
        mine.environ |= {"DOCKER_CONFIG": str(config), "ROBENV_LOG": str(file), "ftp_proxy": PROXY}
        mine.run("up", "-d")
        mine.run("exec", "true")
        mine.write(
            "environment: {MY_VARIABLE: other-hunter2, hunter: hunter2}\nrun: {command: [sleep, infinity, hunter2]}\n"
        )
        mine.run("plan")
        mine.run("up", "-d", "--recreate", check=None)
        mine.write("extends: ['git+https://127.0.0.1:9/team.git@main#p']\n")
        mine.run("plan", check=None)
        mine.write("")
        mine.run("-vv", "ps")
        mine.run("doctor", "--report", check=None)
        mine.run("down", "--volumes")
        mine.run("exec", "true", check=None)
        text = file.read_text()
        for word in (SECRET, LOGIN):
            assert word not in text
        for expected in (
            "run git ",
            "https://127.0.0.1:9/team.git",
            "engine at ",
            f"image robenv/{mine.name}:",
            "is built for linux/",
            "not by the fast path: ",
        ):
            assert expected in text, expected
        assert re.search(r"engine POST /v[0-9.]+/containers/create\?", text)
        records = [line.split(" ", 2)[2] for line in text.splitlines()]
        assert any(record.startswith("engine POST /exec/") for record in records), "the fast path logs its requests too"
        begun = [record.removesuffix(" …") for record in records if record.endswith(" …")]
        ended = [record.partition(": ")[0] for record in records if record.endswith(" ms")]
        assert sorted(begun) == sorted(ended)
    finally:
        mine.close(docker_api)


def test_v_shows_decisions_and_vv_requests(docker_api: Any, base_image: str, tmp_path: Path) -> None:
    mine = Project(tmp_path / "project", base_image)
    try:
        quiet = mine.run("up", "-d").stderr
        assert "engine GET" not in quiet
        shown = mine.run("-v", "up", "-d").stderr
        assert f"container {mine.plan()['container']} (running): join it: its plan is the present one\n" in shown
        assert "engine GET" not in shown
        assert "engine GET /version: 200 " in mine.run("-vv", "ps").stderr
        mine.environ["ROBENV_LOG"] = str(tmp_path / "absent" / "log")
        refused = mine.run("ps", check=2).stderr
        assert refused == (
            f"error: the log {tmp_path}/absent/log cannot be written: No such file or directory (ROBENV_LOG)\n"
        )
    finally:
        mine.close(docker_api)
