"""What keeps a release from being started while another one runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from robenv.plan.container.exclusive import conflicting_use
from robenv.plan.models import Attachment, Network, Port, RunPlan
from tests.support.projects.run_plans import run_plan

LAN = Network("lan", "lan")


def published(*ports: Port, network_mode: str = "") -> RunPlan:
    return replace(run_plan(), ports=ports, network_mode=network_mode)


def addressed(network: Network, **addresses: str) -> RunPlan:
    return replace(run_plan(), networks=(Attachment(network, (), **addresses),))


WEB = Port("8080/tcp", "", "80")


@pytest.mark.parametrize(
    ("new", "old", "reasons"),
    [
        (run_plan(), run_plan(), ()),
        (published(WEB), published(WEB), ("port 80/tcp",)),
        (published(Port("9090/tcp", "127.0.0.1", "80")), published(WEB), ("port 80/tcp",)),
        (published(Port("8080/udp", "", "80")), published(WEB), ()),
        (published(WEB), published(Port("8080/tcp", "", "81")), ()),
        (published(WEB), run_plan(), ()),
        (published(Port("8080/tcp", "", "")), published(Port("8080/tcp", "", "")), ()),
        (published(Port("80-81/tcp", "", "80-81")), published(Port("9/tcp", "", "81")), ("port 81/tcp",)),
        (published(Port("8080/tcp", "", "80-89")), published(Port("8080/tcp", "", "80-89")), ()),
        (published(WEB, network_mode="host"), published(WEB, network_mode="host"), ()),
        (
            addressed(LAN, ipv4_address="10.0.0.5"),
            addressed(LAN, ipv4_address="10.0.0.5"),
            ("the address 10.0.0.5 in the network lan",),
        ),
        (
            addressed(LAN, ipv6_address="fd00::5"),
            addressed(LAN, ipv6_address="fd00::5"),
            ("the address fd00::5 in the network lan",),
        ),
        (addressed(LAN, ipv4_address="10.0.0.5"), addressed(LAN, ipv4_address="10.0.0.6"), ()),
        (addressed(LAN, ipv4_address="10.0.0.5"), addressed(Network("wan", "wan"), ipv4_address="10.0.0.5"), ()),
        (addressed(LAN), addressed(LAN), ()),
        (run_plan(), replace(run_plan(), pid="host"), ("its PID namespace (pid: host)",)),
        (replace(run_plan(), pid="host"), run_plan(), ()),
    ],
)
def test_why_the_old_one_has_to_stop_first(new: RunPlan, old: RunPlan, reasons: tuple[str, ...]) -> None:
    assert conflicting_use(new.to_json(), old.to_json()) == reasons


def test_a_release_of_a_robenv_that_stored_no_plan() -> None:
    assert conflicting_use(published(WEB).to_json(), {}) == ()
