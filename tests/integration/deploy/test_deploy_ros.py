"""A talker on one robot, a listener on another: ROS of Debian's archive, from profile to messages across."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project
from tests.support.robots.releases import eventually
from tests.support.robots.robots import Robot, Yard

pytestmark = [pytest.mark.engine, pytest.mark.long]

_PROFILE = """\
user: {{uid: 1000, gid: 1000}}
apt: {{packages: [python3-rosnode, python3-rostopic, python3-rosmaster, python3-rospy, python3-std-msgs]}}
files: [{{source: nodes, target: /opt/nodes}}]
environment: {{ROS_MASTER_URI: "http://{talker}:11311"}}
run: {{network_mode: host, stop_grace_period: 2s}}
deploy:
  command: [sh, /opt/nodes/start, "{talker}"]
  healthcheck: {{{check}, interval: 1s, timeout: 10s, retries: {retries}}}
"""
_START = """\
export ROS_IP=$(hostname -I | cut -d' ' -f1)
if [ "$ROS_IP" = "$1" ]; then
  rosmaster --core &
  exec python3 -u /opt/nodes/talker.py
fi
while :; do timeout 20 rostopic echo -n 3 /chatter; sleep 0.5; done
"""
_TALKER = """\
import rospy
from std_msgs.msg import String
rospy.init_node("talker")
topic, rate = rospy.Publisher("chatter", String, queue_size=1), rospy.Rate(5)
while not rospy.is_shutdown():
    topic.publish("hello WORD")
    rate.sleep()
"""


@pytest.fixture
def robots(yard: Yard, docker_api: Any, base_image: str) -> Iterator[list[Robot]]:
    with ExitStack() as stack:
        made = []
        for name in ("talker", "listener"):
            made.append(yard.robot(name=f"robenvtest-{name}-{secrets.token_hex(2)}"))
            stack.callback(yard.remove, made[-1])
            made[-1].engine.copy_image(docker_api, base_image)
        yield made


def test_messages_across(yard: Yard, robots: list[Robot], docker_api: Any, base_image: str, tmp_path: Path) -> None:
    talker, listener = robots

    def profile(check: str, retries: int = 12) -> str:
        return _PROFILE.format(talker=talker.address, check=check, retries=retries)

    project = Project(tmp_path / "project", base_image, profile("ros_topic: /chatter"))
    yard.inventory(project.folder / "robots.yaml", *robots)
    nodes = project.folder / "nodes"
    nodes.mkdir()
    (nodes / "start").write_text(_START)

    def hears(word: str) -> bool:
        return f'data: "hello {word}"' in project.run("logs", "-r", listener.name, "-n", "4").stdout

    try:
        for word in ("one", "two"):
            (nodes / "talker.py").write_text(_TALKER.replace("WORD", word))
            print(project.run("deploy", "--all", timeout=500).stdout)
            eventually(lambda word=word: hears(word))
        project.run("rollback", "--all")
        eventually(lambda: hears("one"))

        (nodes / "talker.py").write_text(_TALKER.replace("WORD", "three"))
        project.write(profile("ros_node: /nobody", retries=2))
        failed = project.run("deploy", talker.name, check=1, timeout=500)
        assert "health check" in failed.stderr
        eventually(lambda: hears("one"))
        project.write(profile("ros_node: /talker"))
        project.run("deploy", talker.name, timeout=500)
        eventually(lambda: hears("three"))
    finally:
        project.close(docker_api)
