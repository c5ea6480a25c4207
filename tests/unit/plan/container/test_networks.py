"""From ``networks`` and ``run.networks`` to what the engine is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.host.facts import Facts
from robenv.plan.container.create_request import create_request
from robenv.plan.container.diff import describe, diff_plans
from robenv.plan.container.networks import endpoint_request, network_request
from robenv.plan.container.run import plan_run
from robenv.plan.models import Network, RunPlan
from robenv.plan.names import LABEL_NETWORK
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project

FACTS = Facts(uid=1000, gid=1000, user_name="jane", platform="linux/amd64")
LAN = """
networks:
  lan:
    driver: macvlan
    driver_opts: {parent: eth0}
    ipam:
      config: [{subnet: 192.168.7.0/24, gateway: 192.168.7.1, ip_range: 192.168.7.128/25, aux_addresses: {plc: 192.168.7.200}}]
    labels: {team: arm}
  own:
  unused:
  theirs: {external: true, name: plant}
"""  # fmt: skip  # noqa: E501


@pytest.fixture
def plan(tmp_path: Path) -> RunPlan:
    return planned(tmp_path, "run: {networks: {lan: {ipv4_address: 192.168.7.130, aliases: [arm]}, own: , theirs: }}\n")


def planned(folder: Path, run: str, networks: str = LAN) -> RunPlan:
    (folder / "robenv.yaml").write_text(f"name: picker\nbase: {{image: debian:bookworm}}\n{networks}\n{run}")
    return plan_run(resolve_project(find_project(folder), {}), "image", FACTS, content_hash="0" * 64)


def test_only_what_the_container_is_on_and_by_names_of_the_projects_own(plan: RunPlan) -> None:
    assert [network.network.name for network in plan.networks] == [f"{plan.name}_lan", f"{plan.name}_own", "plant"]
    assert [network.network.driver for network in plan.networks] == ["macvlan", "bridge", ""]
    assert plan.networks[2].network == Network("plant", "theirs", external=True)


def test_the_container_is_created_on_the_first(plan: RunPlan) -> None:
    body = create_request(plan)
    first = f"{plan.name}_lan"
    endpoint = {"Aliases": ["arm"], "IPAMConfig": {"IPv4Address": "192.168.7.130"}}
    assert body["HostConfig"]["NetworkMode"] == first
    assert body["NetworkingConfig"] == {"EndpointsConfig": {first: endpoint}}
    assert endpoint_request(plan.networks[1]) == {}
    assert "NetworkingConfig" not in create_request(replace(plan, networks=plan.networks[1:]))


def test_a_network_as_the_engine_is_asked_for_it(plan: RunPlan) -> None:
    body = network_request(plan.networks[0].network, plan)
    labels = body.pop("Labels")
    assert body == {
        "Name": f"{plan.name}_lan",
        "CheckDuplicate": True,
        "Driver": "macvlan",
        "Options": {"parent": "eth0"},
        "IPAM": {
            "Driver": "default",
            "Config": [
                {
                    "Subnet": "192.168.7.0/24",
                    "IPRange": "192.168.7.128/25",
                    "Gateway": "192.168.7.1",
                    "AuxiliaryAddresses": {"plc": "192.168.7.200"},
                }
            ],
        },
        "Internal": False,
        "Attachable": False,
        "EnableIPv6": False,
    }
    assert labels.items() >= {"team": "arm", "robenv.project": "picker", "robenv.directory": plan.directory}.items()


def test_the_label_tells_networks_made_otherwise_apart(plan: RunPlan) -> None:
    network = plan.networks[1].network
    digests = {
        network_request(one, plan)["Labels"][LABEL_NETWORK]
        for one in (network, replace(network, internal=True), replace(network, options=(("a", "b"),)), network)
    }
    assert len(digests) == 3


def test_a_list_and_a_mapping_mean_the_same(tmp_path: Path, plan: RunPlan) -> None:
    listed = planned(tmp_path, "run: {networks: [own, theirs]}\n")
    assert listed.networks == plan.networks[1:]


def test_what_changed_is_told(tmp_path: Path, plan: RunPlan) -> None:
    other = planned(tmp_path, "run: {networks: [own]}\n", "networks: {own: {internal: true}}\n")
    said = [describe(change) for change in diff_plans(plan.to_json(), other.to_json())]
    assert f"network {plan.name}_own: bridge → bridge internal" in said
    assert "network plant: removed, was external" in said
    assert diff_plans(plan.to_json(), plan.to_json()) == ()


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("networks: {a: {}}\nrun: {networks: [a], network_mode: host}", "exclude each other"),
        ("networks: {lan: {}}\nrun: {networks: [lna]}", "there is no network `lna`"),
        ("networks: {a: {external: true, driver: bridge}}", "somebody else's"),
        ("networks: {a: {driver: macvlan}}", "needs the host's interface"),
        ("networks: {a: {driver: host}}", "no driver of a network of one's own"),
        ("networks: {a: {ipam: {config: [{subnet: 10.0.0.1/24}]}}}", "not a subnet"),
        ("networks: {a: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.1.1}]}}}", "does not lie in the subnet"),
        ("networks: {a: {ipam: {config: [{subnet: 10.0.0.0/24, gateway: 'fe80::1'}]}}}", "does not lie in the subnet"),
        ("networks: {a: {ipam: {config: [{gateway: 10.0.1.1}]}}}", "`subnet` is missing"),
        ("networks: {a: {}}\nrun: {networks: {a: {ipv4_address: 10.0.0.7}}}", "needs a subnet"),
        (
            "networks: {a: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}\nrun: {networks: {a: {ipv4_address: 10.0.1.7}}}",
            "lies in none of its subnets",
        ),
        ("networks: {a: {ipv4_address: 10.0.0.7}}", "unknown key"),
        ("networks: [lan]", "expected a mapping"),
        ("networks: {'a b': {}}", "is not the name of a network"),
    ],
)
def test_refused_at_its_place(tmp_path: Path, profile: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        planned(tmp_path, profile, "")
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.location is not None
    assert problem.location.line > 2
