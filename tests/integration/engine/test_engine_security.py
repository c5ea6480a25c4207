"""An engine that says it has SELinux, by a way to it that says so: no kernel here enforces labels."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.store_engines import Way
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

SECCOMP = b'"name=seccomp,profile=default"'
SELINUX = b'"name=selinux"'


class Labelling(Way):
    """Changes one word of what the engine says, in its length."""

    def _hand_on(self, one: socket.socket, other: socket.socket, direction: str) -> None:
        while data := one.recv(1 << 16):
            if direction == "down":
                data = data.replace(SECCOMP, SELINUX.ljust(len(SECCOMP)))
            other.sendall(data)


def test_with_selinux_the_container_may_use_the_users_files(docker_api: Any, base_image: str, tmp_path: Path) -> None:
    mine = Project(tmp_path / "work", base_image)
    try:
        with Labelling("/var/run/docker.sock") as way:
            mine.environ["DOCKER_HOST"] = way.url
            assert "label=disable" in mine.run("plan").stdout
            assert "ok       engine security: SELinux" in mine.run("doctor", check=None).stdout
            told = mine.run("up", "-d").stderr
            assert "the engine enforces SELinux labels" in told
            (made,) = docker_api.containers(filters={"label": f"robenv.project={mine.name}"})
            assert "label=disable" in docker_api.inspect_container(made["Id"])["HostConfig"]["SecurityOpt"]
            assert "replacing" not in mine.run("up", "-d").stderr
    finally:
        mine.close(docker_api)
