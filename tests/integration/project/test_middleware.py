"""DDS for real: two containers of one profile find each other and carry data, and do not across two domains.

``ddsperf`` is Cyclone DDS's own program, from Debian. It exits with 0 only where what it was told to expect has come.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable

import pytest

from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
TOOLS = "apt: {packages: [cyclonedds-tools]}\n"
BRIDGE = "networks: {lan: }\nrun: {networks: [lan]}\n"
HOST = "run: {network_mode: host, ipc: host}\n"
SECONDS = 6
SUBSCRIBE = f"ddsperf -i $ROS_DOMAIN_ID -D {SECONDS} -Qmaxwait:{SECONDS} -Qminmatch:1 -Qsamples:10 sub"
PUBLISH = "ddsperf -i $ROS_DOMAIN_ID pub 20Hz"


def domain() -> int:
    """One that other tests beside this one are not likely to speak in; up to 101 Linux leaves their ports alone."""
    return secrets.randbelow(100) + 1


def carries(subscriber: Project, publisher: Project, tries: int) -> bool:
    """Whether samples come from a throw-away container of one project to the running one of the other."""
    subscriber.run("up", "-d")
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    publishing = publisher.start("run", "--", "sh", "-c", PUBLISH, **streams)
    try:
        assert publishing.stdout is not None and publishing.stdout.readline(), "it speaks once it runs"
        for _ in range(tries):
            listening = subscriber.run("exec", "--", "sh", "-c", SUBSCRIBE, check=None)
            assert "participant" in listening.stdout, listening.stdout
            if listening.returncode == 0:
                return True
        return False
    finally:
        publishing.terminate()
        publishing.communicate(timeout=120)


@pytest.mark.parametrize("mixin", ["cyclonedds", "cyclonedds-udp"])
def test_two_containers_on_a_bridge_of_their_own(project: Make, mixin: str) -> None:
    mine = project(f"extends: [mixins/{mixin}]\n{TOOLS}{BRIDGE}ros: {{domain_id: {domain()}}}\n")
    said = mine.run("up", "-d").stderr
    assert "multicast does not leave a bridge network" in said
    told = mine.run("exec", "--", "printenv", "CYCLONEDDS_URI", "RMW_IMPLEMENTATION").stdout.split()
    assert told == [f"file:///etc/robenv/{mixin}.xml", "rmw_cyclonedds_cpp"]
    assert carries(mine, mine, 10)


def test_over_the_hosts_network_and_not_across_domains(project: Make) -> None:
    number = domain()
    first = project(f"{TOOLS}{HOST}ros: {{domain_id: {number}}}\n")
    same = project(f"{TOOLS}{HOST}ros: {{domain_id: {number}}}\nuser: {{uid: 1000, gid: 1000}}\n")
    other = project(f"{TOOLS}{HOST}ros: {{domain_id: {number % 100 + 1}}}\n")
    assert carries(first, same, 10)
    assert not carries(first, other, 1)
