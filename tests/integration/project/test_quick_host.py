"""The quick way in, where a plan depends on the machine: it steps aside when the machine is another."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.machine.device_nodes import TERMINAL, device_nodes
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]


def _imported(mine: Project) -> set[str]:
    """The modules that `up -- true` imports."""
    environ = {**mine.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    lines = mine.run("up", "--", "true", env=environ).stderr.splitlines()
    return {line.rsplit("|", 1)[-1].strip() for line in lines}


def _quick(mine: Project) -> bool:
    return "typer" not in _imported(mine)


def _quick_soon(mine: Project) -> bool:
    """Other tests may make devices at this moment, which the quick way has to take for a change."""
    return any(_quick(mine) for _ in range(4))


def test_a_device_that_appears_is_given_by_the_next_up(project: Make) -> None:
    node = f"/dev/robenvtest-{secrets.token_hex(4)}"
    mine = project(f"devices: [{{by: {node}, optional: true}}]")
    time.sleep(1.1)  # a file this fresh is not trusted to be unchanged
    mine.run("up", "-d")
    assert _quick_soon(mine)
    with device_nodes() as nodes:
        nodes.node(node, TERMINAL)
        assert not _quick(mine)
        mine.run("up", "--", "test", "-c", node)
        assert _quick_soon(mine)
    assert not _quick(mine)
    mine.run("up", "--", "test", "!", "-e", node)


def test_another_ssh_agent_is_as_good_and_a_dead_one_is_not(project: Make, tmp_path: Path) -> None:
    mine = project("ssh_agent: auto")
    paths = [f"{tmp_path}/{name}" for name in ("one", "two")]
    servers = [socket.socket(socket.AF_UNIX) for _ in paths]
    for path, server in zip(paths, servers, strict=True):
        server.bind(path)
        server.listen()
    time.sleep(1.1)
    mine.environ["SSH_AUTH_SOCK"] = paths[0]
    mine.run("up", "-d")
    assert _quick(mine)
    mine.environ["SSH_AUTH_SOCK"] = paths[1]
    assert _quick(mine)
    servers[1].close()
    assert not _quick(mine)
    servers[0].close()


def test_a_profile_that_wants_nothing_of_the_host_reads_nothing_of_it(project: Make) -> None:
    mine = project()
    time.sleep(1.1)
    mine.run("up", "-d")
    imported = _imported(mine)
    assert "robenv.fast.client" in imported
    assert not {"robenv.host.host", "robenv.fast.replay", "robenv.host.probes.session", "typer"} & imported
