"""DDS for real: two containers of one profile find each other and carry data, and do not across two domains.

``ddsperf`` is Cyclone DDS's own program, from Debian. It exits with 0 only where what it was told to expect has come.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
TOOLS = "apt: {packages: [cyclonedds-tools]}\n"
BRIDGE = "networks: {lan: }\nrun: {networks: [lan]}\n"
HOST = "run: {network_mode: host, ipc: host}\n"
SUBSCRIBE = "ddsperf -i $ROS_DOMAIN_ID -D %d -Qmaxwait:%d -Qminmatch:1 -Qsamples:10 sub"
PUBLISH = "ddsperf -i $ROS_DOMAIN_ID -D %d pub 20Hz"


def domain() -> int:
    """One that other tests beside this one are not likely to speak in; up to 101 Linux leaves their ports alone."""
    return secrets.randbelow(100) + 1


def carries(subscriber: Project, publisher: Project, seconds: int) -> bool:
    """Whether samples come from a throw-away container of one project to the running one of the other."""
    subscriber.run("up", "-d")
    listening = subscriber.start(
        *("exec", "--", "sh", "-c", SUBSCRIBE % (seconds, seconds)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    publisher.run("run", "--", "sh", "-c", PUBLISH % seconds)
    output, _ = listening.communicate(timeout=120)
    assert "participant" in output, output
    return listening.returncode == 0


@pytest.mark.parametrize("mixin", ["cyclonedds", "cyclonedds-udp"])
def test_two_containers_on_a_bridge_of_their_own(project: Make, mixin: str) -> None:
    mine = project(f"extends: [mixins/{mixin}]\n{TOOLS}{BRIDGE}ros: {{domain_id: {domain()}}}\n")
    said = mine.run("up", "-d").stderr
    assert "multicast does not leave a bridge network" in said
    told = mine.run("exec", "--", "printenv", "CYCLONEDDS_URI", "RMW_IMPLEMENTATION").stdout.split()
    assert told == [f"file:///etc/robenv/{mixin}.xml", "rmw_cyclonedds_cpp"]
    assert carries(mine, mine, 8)


def test_over_the_hosts_network_and_not_across_domains(project: Make) -> None:
    number = domain()
    first = project(f"{TOOLS}{HOST}ros: {{domain_id: {number}}}\n")
    same = project(f"{TOOLS}{HOST}ros: {{domain_id: {number}}}\nuser: {{uid: 1000, gid: 1000}}\n")
    other = project(f"{TOOLS}{HOST}ros: {{domain_id: {number % 100 + 1}}}\n")
    assert carries(first, same, 8)
    assert not carries(first, other, 6)
