"""The network of build steps: the host's, none, and an engine without a bridge of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.engines.second_engine import SecondEngine
from tests.support.projects.project import Project

_STEP = "steps: [{name: look, run: 'grep -v inter- /proc/net/dev | cut -d: -f1 > /interfaces; ls /sys/class/net'}]\n"


def test_steps_run_in_the_network_that_is_asked_for(project: Callable[..., Project], docker_api: Any) -> None:
    """The host's has the bridge itself; none has nothing but a loopback."""
    made = project(_STEP)
    hashes = set()
    for network, there, away in (("host", "docker0", ""), ("none", "lo", "eth0"), ("default", "eth0", "docker0")):
        made.write(f"{_STEP}build: {{network: {network}}}\n")
        made.run("build")
        hashes.add(made.plan()["content_hash"])
        said = made.run("run", "--", "cat", "/interfaces").stdout.split()
        assert there in said and away not in said, network
        (image,) = docker_api.images(filters={"label": f"robenv.project={made.name}"})
        docker_api.remove_image(image["Id"], force=True)
    assert len(hashes) == 1, "the image is the same"


def test_an_engine_without_a_bridge_says_so_and_builds_on_the_hosts_network(
    project: Callable[..., Project], second_engine: Callable[..., SecondEngine], base_image: str
) -> None:
    engine = second_engine(options=("--bridge", "none"), image=base_image)
    made = project(_STEP)
    made.environ |= {"DOCKER_HOST": engine.url}
    done = made.run("build", check=5)
    assert "no bridge network to run steps in: `build: {network: host}`" in done.stderr
    assert done.stderr.count("network bridge not found") <= 2, "in the plain lines and in the error"
    assert "Built " not in done.stderr
    findings = {load["check"]: load for load in json.loads(made.run("doctor", "--json", check=None).stdout)}
    assert findings["bridge network"]["status"] == "warning"

    made.write(f"{_STEP}build: {{network: host}}\n")
    made.run("build")
    for command in ("up", "run"):
        done = made.run(command, "--", "ls", "/sys/class/net")
        assert done.stdout == "lo\n"
        assert "has no bridge network, so the container has none: `run: {network_mode: host}`" in done.stderr
    made.write(f"{_STEP}build: {{network: host}}\nrun: {{network_mode: host}}\n")
    assert made.run("up", "--", "echo", "here").stdout == "here\n"
    made.run("down", "--volumes")
