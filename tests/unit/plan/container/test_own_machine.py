"""What a container on the user's own engine has besides: a host name that people know it by, and proxies."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from robenv.host.facts import EngineFacts, Facts
from robenv.plan.container.own_machine import for_own_machine, host_name, redacted
from robenv.plan.models import Attachment, Network, RunPlan
from robenv.plan.names import LABEL_PLAN_JSON
from tests.support.projects.run_plans import run_plan

PROXY = "http://jane:sesame@proxy:3128"
FACTS = Facts(1000, 1000, "dev", "linux/amd64")
BEHIND = replace(FACTS, engine=EngineFacts(proxies=(("HTTP_PROXY", PROXY), ("http_proxy", PROXY))))


def _network(external: bool) -> Attachment:
    return Attachment(Network("lan", "lan", external=external), aliases=("arm",))


@pytest.mark.parametrize(
    ("plan", "hostname", "chroot"),
    [
        (run_plan(), "picker", ""),
        (run_plan(network_mode="none"), "picker", ""),
        (run_plan(network_mode="bridge"), "picker", ""),
        (run_plan(hostname="arm"), "arm", ""),
        (run_plan(hostname="arm", network_mode="host"), "arm", ""),
        (run_plan(network_mode="host"), "", "picker"),
        (run_plan(uts="host"), "", "picker"),
        (run_plan(network_mode="container:other"), "", "picker"),
        (run_plan(networks=(_network(external=False),)), "picker", ""),
        (run_plan(networks=(_network(external=True),)), "", "picker"),
        (run_plan(network_mode="host", environment=(("debian_chroot", "own"),)), "", "own"),
    ],
)
def test_the_prompt_says_which_project_it_is(plan: RunPlan, hostname: str, chroot: str) -> None:
    made = for_own_machine(plan, FACTS)
    assert (made.hostname, dict(made.environment).get("debian_chroot", "")) == (hostname, chroot)


def test_a_host_name_on_a_network_of_its_own_is_found_there() -> None:
    (made,) = for_own_machine(run_plan(networks=(_network(external=False),)), FACTS).networks
    assert made.aliases == ("arm", "picker")
    (other,) = for_own_machine(run_plan(networks=(_network(external=True),)), FACTS).networks
    assert other.aliases == ("arm",)


@pytest.mark.parametrize(
    ("project", "name"),
    [("picker", "picker"), ("my_robot.arm", "my-robot-arm"), ("-a-", "a"), ("x" * 80, "x" * 63), ("___", "")],
)
def test_names_of_projects_as_host_names(project: str, name: str) -> None:
    assert host_name(project) == name


def test_proxies_go_below_what_the_profile_says_and_nobody_reads_their_login() -> None:
    labelled = run_plan(labels=((LABEL_PLAN_JSON, "{}"),), environment=(("http_proxy", "http://own:1"), ("A", "x@y")))
    plan = for_own_machine(labelled, BEHIND)
    assert dict(plan.environment) == {"HTTP_PROXY": PROXY, "http_proxy": "http://own:1", "A": "x@y"}
    assert "sesame" not in dict(plan.labels)[LABEL_PLAN_JSON]
    assert json.loads(dict(plan.labels)[LABEL_PLAN_JSON])["hostname"] == "picker"
    shown = redacted(plan, {"A": "(hidden, from a.env)"})
    assert dict(shown.environment) == {
        "HTTP_PROXY": "http://…@proxy:3128",
        "http_proxy": "http://own:1",
        "A": "(hidden, from a.env)",
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("jane:sesame@proxy:3128", "…@proxy:3128"),
        ("socks5://jane:ses%40me@proxy", "socks5://…@proxy"),
        ("http://jane:s@s/s@proxy", "http://…@proxy"),
    ],
)
def test_logins_in_proxies(value: str, shown: str) -> None:
    plan = run_plan(environment=(("all_proxy", value),))
    assert redacted(plan, {}).environment == (("all_proxy", shown),)
