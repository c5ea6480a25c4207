"""Networks of a profile's own, on a real engine: made, used, replaced, removed; a macvlan on a real cable."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import docker
import pytest

from tests.support.projects.project import Project
from tests.support.servers.lan import Lan

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
ADDRESSES = "cat /proc/net/fib_trie | grep -B1 'host LOCAL' | grep -oE '[0-9.]{7,}' | sort -u"
RESOLVES = "getent hosts {name}"


def networks_of(mine: Project, api: Any) -> dict[str, Any]:
    listed = api.networks(filters={"label": f"robenv.project={mine.name}"})
    return {network["Name"].partition("_")[2]: network for network in listed}


@pytest.fixture
def shared(docker_api: Any) -> Iterator[str]:
    """A network of somebody else's, and its name."""
    name = f"robenvtest-{secrets.token_hex(4)}"
    docker_api.create_network(name)
    yield name
    with suppress(docker.errors.NotFound):
        docker_api.remove_network(name)


def subnet() -> tuple[str, str]:
    """One of TEST-NET-3's (RFC 5737) and an address in it."""
    block = secrets.randbelow(16) * 16
    return f"203.0.113.{block}/28", f"203.0.113.{block + 9}"


def test_made_before_the_container_and_removed_by_down(project: Make, docker_api: Any) -> None:
    net, address = subnet()
    mine = project(
        "networks:\n"
        f"  lan: {{ipam: {{config: [{{subnet: {net}}}]}}, labels: {{team: arm}}}}\n"
        "  shut: {internal: true}\n"
        "  unused:\n"
        f"run:\n  networks: {{lan: {{ipv4_address: {address}, aliases: [gripper]}}, shut: }}\n"
    )
    assert address in mine.run("up", "--", "sh", "-c", ADDRESSES).stdout.split()
    made = networks_of(mine, docker_api)
    assert set(made) == {"lan", "shut"}
    assert made["lan"]["Labels"]["team"] == "arm"
    assert made["shut"]["Internal"] is True
    before = made["lan"]["Id"]
    # Another of the same environment is on both too, with an address of its own, and finds the first by its alias.
    found = mine.run("run", "--", "sh", "-c", f"{ADDRESSES}; {RESOLVES.format(name='gripper')}").stdout.split()
    assert found.count(address) == 1
    assert found[-2:] == [address, "gripper"]
    mine.run("up", "--recreate", "-d")
    assert networks_of(mine, docker_api)["lan"]["Id"] == before
    removed = mine.run("down").stdout.split()
    assert {name.partition("_")[2] for name in removed} == {"", "lan", "shut"}
    assert networks_of(mine, docker_api) == {}


def test_made_anew_when_the_profile_changes(project: Make, docker_api: Any) -> None:
    mine = project("networks: {lan: {}}\nrun: {networks: [lan]}\n")
    mine.run("up", "-d")
    mine.write("networks: {lan: {internal: true}}\nrun: {networks: [lan]}\n")
    done = mine.run("up", "-d")
    named = f"aliases ['{mine.name}']"  # by which others on the network find it
    assert f"_lan: bridge {named} → bridge internal {named}" in done.stderr
    assert networks_of(mine, docker_api)["lan"]["Internal"] is True
    mine.write()
    mine.run("up", "-d")
    assert mine.plan()["run"]["networks"] == []


def test_one_that_somebody_else_is_on_stays(project: Make, docker_api: Any, base_image: str) -> None:
    mine = project("networks: {lan: {}}\nrun: {networks: [lan]}\n")
    mine.run("up", "-d")
    name = networks_of(mine, docker_api)["lan"]["Name"]
    config = docker_api.create_host_config(network_mode=name)
    guest = docker_api.create_container(
        base_image, ["sleep", "600"], host_config=config, name=f"robenvtest-{secrets.token_hex(4)}"
    )
    try:
        docker_api.start(guest)
        mine.write("networks: {lan: {internal: true}}\nrun: {networks: [lan]}\n")
        refused = mine.run("up", "-d", check=1)
        assert "cannot be replaced: it is in use" in refused.stderr
        assert "robenvtest-" in refused.stderr
        assert name not in mine.run("down").stdout
        assert set(networks_of(mine, docker_api)) == {"lan"}
    finally:
        docker_api.remove_container(guest, force=True)
    assert name in mine.run("down").stdout


def test_one_that_was_pruned_away_is_made_anew(project: Make, docker_api: Any) -> None:
    mine = project("networks: {lan: {}}\nrun: {networks: [lan]}\n")
    mine.run("up", "-d")
    mine.run("stop")
    docker_api.remove_network(networks_of(mine, docker_api)["lan"]["Id"])  # as `docker network prune` would
    planned = json.loads(mine.run("plan", "--json").stdout)
    assert planned["action"] == "replace it"
    (reason,) = planned["changes"]
    assert reason.startswith("network ") and reason.endswith("lan: it no longer exists")
    assert f"changed: {reason}\n" in mine.run("up", "-d").stderr
    assert set(networks_of(mine, docker_api)) == {"lan"}


def test_somebody_elses_is_used_and_left(project: Make, docker_api: Any, shared: str) -> None:
    mine = project(f"networks: {{plant: {{external: true, name: {shared}}}}}\nrun: {{networks: [plant]}}\n")
    mine.run("up", "-d")
    assert shared not in mine.run("down").stdout
    assert docker_api.networks(names=[shared])


def test_somebody_elses_that_is_missing_is_told_before_the_build(project: Make, docker_api: Any) -> None:
    name = f"robenvtest-{secrets.token_hex(4)}"
    mine = project(f"networks: {{plant: {{external: true, name: {name}}}}}\nrun: {{networks: [plant]}}\n")
    for command in (["up"], ["run", "true"]):
        done = mine.run(*command, check=1)
        assert f"`docker network create {name}`" in done.stderr
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})


def test_a_name_that_is_taken(project: Make, shared: str) -> None:
    mine = project(f"networks: {{lan: {{name: {shared}}}}}\nrun: {{networks: [lan]}}\n")
    assert "external: true" in mine.run("up", check=1).stderr


def test_macvlan_on_a_real_cable(project: Make, docker_api: Any) -> None:
    with Lan() as lan:
        mine = project(
            "networks:\n"
            "  lan:\n"
            "    driver: macvlan\n"
            f"    driver_opts: {{parent: {lan.parent}}}\n"
            f"    ipam: {{config: [{{subnet: {lan.subnet}, gateway: {lan.gateway}}}]}}\n"
            f"run: {{networks: {{lan: {{ipv4_address: {lan.free}}}}}}}\n"
        )
        # Somebody answers on the wire: a closed port refuses at once, where nobody is there it would time out.
        reach = f"timeout 5 bash -c 'exec 3<>/dev/tcp/{lan.address}/9' 2>&1"
        done = mine.run("up", "--", "sh", "-c", f"{ADDRESSES}; {reach}", check=1)
        assert lan.free in done.stdout.split()
        assert "Connection refused" in done.stdout
        mine.run("down")
        assert networks_of(mine, docker_api) == {}


def test_a_parent_that_is_not_there(project: Make, docker_api: Any) -> None:
    mine = project("networks: {lan: {driver: macvlan, driver_opts: {parent: robenvnone}}}\nrun: {networks: [lan]}\n")
    done = mine.run("up", check=6)
    assert "robenvnone, which the engine's machine does not have" in done.stderr
    assert not docker_api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})


def test_a_subnet_that_is_taken(project: Make) -> None:
    net, _ = subnet()
    profile = f"networks: {{lan: {{ipam: {{config: [{{subnet: {net}}}]}}}}}}\nrun: {{networks: [lan]}}\n"
    first, second = project(profile), project(profile)
    first.run("up", "-d")
    assert "overlaps with another network's" in second.run("up", check=1).stderr


def test_a_driver_that_is_not_there(project: Make) -> None:
    mine = project("networks: {lan: {driver: robenvnone}}\nrun: {networks: [lan]}\n")
    assert "no network driver robenvnone" in mine.run("up", check=6).stderr


@pytest.mark.parametrize(("mode", "interfaces"), [("none", {"lo"}), ("bridge", {"lo", "eth0"})])
def test_modes(project: Make, mode: str, interfaces: set[str]) -> None:
    mine = project(f"run: {{network_mode: {mode}}}")
    listed = mine.run("run", "--", "ls", "/sys/class/net").stdout.split()
    assert {name for name in listed if not name.startswith(("tun", "gre", "ip", "sit", "erspan"))} == interfaces


def test_the_hosts_own_network(project: Make) -> None:
    with Lan() as lan:
        assert (
            lan.parent in project("run: {network_mode: host}").run("run", "--", "ls", "/sys/class/net").stdout.split()
        )
