"""Debian's RViz out of a container: Qt, OpenGL by Mesa, and ROS, on a real X server, as a user who is not root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine.desktop import Desktop, until
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

UID = 4713
"""Of nobody, so that a login's folder can be made for it."""
PROFILE = """
apt: {packages: [rviz, python3-roslaunch, libgl1-mesa-dri]}
display: required
gpu: auto
environment: {ROS_MASTER_URI: "http://localhost:11311"}
"""
BACKGROUND = b"\x30\x30\x30"
"""What RViz's scene is drawn on, as three bytes of a pixel of xwd's."""


def _drawn(desktop: Desktop) -> int:
    """How many pixels are the scene's; 0 where the picture failed, as it does of a window that changes meanwhile."""
    try:
        return desktop.output("xwd", "-root", "-silent").count(BACKGROUND)
    except subprocess.CalledProcessError:
        return 0


@pytest.mark.timeout(1200)
def test_rviz_draws_its_scene(docker_api: Any, base_image: str, tmp_path: Path) -> None:
    desktop = Desktop(UID)
    project = Project(tmp_path / "project", base_image, PROFILE)
    try:
        os.chown(project.folder, UID, UID)
        tmp_path.chmod(0o777)
        desktop.start_x()
        desktop.follow(project)
        project.run("up", "-d", user=UID, timeout=900)
        master = desktop.robenv(project, "exec", "--", "roscore")
        # RViz that has to wait for its master crashes once in fifty times, by itself.
        answers = ("exec", "--", "rosparam", "get", "/run_id")
        until(lambda: project.run(*answers, user=UID, check=None).returncode == 0, master, timeout=120)
        rviz = desktop.robenv(project, "exec", "--", "rviz")
        try:
            until(lambda: '"default.rviz' in desktop.windows(), rviz, timeout=120)
            until(lambda: _drawn(desktop) > 20_000, rviz, timeout=60)
            listed = docker_api.top(project.plan(UID)["container"], "-eo pid,uid,comm")["Processes"]
            assert [str(UID), "rviz"] in [process[1:] for process in listed]
        finally:
            desktop.end(rviz)
            desktop.end(master)
    finally:
        project.close(docker_api)
        desktop.close()
