"""What SELinux, userns-remap and a rootless engine make of a project's container: profiles are really resolved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robenv.host.facts import EngineFacts, Facts
from robenv.plan.host.host import plan_host
from robenv.plan.host.requirements import Grant
from robenv.plan.models import DEV, RUN, RunPlan
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import PlannedProject, plan_notes, plan_project

SELINUX = EngineFacts(security_options=("name=seccomp,profile=default", "name=selinux"))
REMAPPED = EngineFacts(security_options=("name=seccomp,profile=default", "name=userns"))
PLAIN = EngineFacts(security_options=("name=seccomp,profile=default",))
ROOTLESS = EngineFacts(security_options=("name=rootless",), rootless=True)
FACTS = Facts(1000, 1000, "someone", "linux/amd64", read=frozenset(("engine",)))


def planned(folder: Path, profile: str, purpose: str = DEV) -> PlannedProject:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "robenv.yaml").write_text(f"name: picker\nbase: {{image: x}}\n{profile}")
    return plan_project(resolve_project(find_project(folder), {}), "linux/amd64", purpose)


def planned_run(project: PlannedProject, engine: EngineFacts, facts: Facts = FACTS) -> tuple[RunPlan, tuple[str, ...]]:
    """The container, and what is said of it."""
    facts = replace(facts, engine=engine)
    grant = plan_host(project.resolved.profile, facts)
    plan = project.container(facts, grant)
    return plan, plan_notes(project.resolved.profile, facts, grant, plan)


@pytest.mark.parametrize(
    ("engine", "profile", "options", "said"),
    [
        (SELINUX, "", ("no-new-privileges", "label=disable"), 1),
        (SELINUX, "run: {volumes: ['/srv:/srv:z']}", ("no-new-privileges", "label=disable"), 1),
        (SELINUX, "run: {security_opt: ['label=disable']}", ("label=disable", "no-new-privileges"), 0),
        (SELINUX, "run: {security_opt: ['label=type:spc_t']}", ("label=type:spc_t", "no-new-privileges"), 0),
        (SELINUX, "run: {privileged: true}", (), 0),
        (PLAIN, "", ("no-new-privileges",), 0),
    ],
)
def test_selinux_lets_the_container_use_unlabelled_files(
    tmp_path: Path, engine: EngineFacts, profile: str, options: tuple[str, ...], said: int
) -> None:
    plan, notes = planned_run(planned(tmp_path, profile), engine)
    assert plan.security_opt == options
    assert sum("SELinux" in note for note in notes) == said


@pytest.mark.parametrize(
    ("engine", "profile", "mode", "said"),
    [
        (REMAPPED, "", "host", 1),
        (REMAPPED, "run: {userns_mode: host}", "host", 0),
        (PLAIN, "", "", 0),
        (PLAIN, "run: {userns_mode: host}", "host", 0),
    ],
)
def test_an_engine_that_maps_users_leaves_the_user_their_own_files(
    tmp_path: Path, engine: EngineFacts, profile: str, mode: str, said: int
) -> None:
    plan, notes = planned_run(planned(tmp_path, profile), engine)
    assert plan.userns_mode == mode
    assert [note for note in notes if "userns-remap" in note] == [
        "the engine remaps user IDs (userns-remap), which makes your files nobody's inside: the container runs with "
        "userns_mode: host, so dev inside is UID 1000 of the host"
    ] * said


@pytest.mark.parametrize(
    ("run", "mode"),
    [
        ("", ""),
        ("network_mode: host", "host"),
        ("pid: host", "host"),
        ("privileged: true", "host"),
        ("volumes: ['/srv/maps:/maps']", "host"),
        ("volumes: ['maps:/maps']", ""),
    ],
)
def test_what_shares_nothing_with_the_host_keeps_the_engines_protection(tmp_path: Path, run: str, mode: str) -> None:
    project = planned(tmp_path, f"run_image: {{build: make, install: /opt/picker}}\nrun: {{{run}}}", RUN)
    assert planned_run(project, REMAPPED)[0].userns_mode == mode
    assert ("label=disable" in planned_run(project, SELINUX)[0].security_opt) == ("/srv/maps" in run)


def test_the_hosts_ipc_is_out_of_a_rootless_engines_reach(tmp_path: Path) -> None:
    profile = planned(tmp_path, "run: {ipc: host}").resolved.profile
    (requirement,) = plan_host(profile, replace(FACTS, engine=ROOTLESS)).unmet
    assert requirement.path == ("run", "ipc") and "rootless" in requirement.message
    assert plan_host(profile, replace(FACTS, engine=PLAIN)) == Grant()


def test_the_hosts_network_is_another_one_on_rootless_docker(tmp_path: Path) -> None:
    project = planned(tmp_path, "run: {network_mode: host}\n")
    (note,) = planned_run(project, ROOTLESS)[1]
    assert note.startswith("run.network_mode: host is not this machine's network on rootless Docker")
    assert planned_run(project, replace(ROOTLESS, podman=True))[1] == ()
    assert planned_run(project, PLAIN)[1] == ()


@pytest.mark.parametrize(
    ("device", "engine", "unmet"),
    [
        ("/dev/zero:/dev/arm", ROOTLESS, 1),
        ("/dev/zero", ROOTLESS, 0),
        ("/dev/zero:/dev/arm", replace(ROOTLESS, podman=True), 0),
        ("/dev/zero:/dev/arm", PLAIN, 0),
    ],
)
def test_a_device_under_another_name_on_a_rootless_engine(
    tmp_path: Path, device: str, engine: EngineFacts, unmet: int
) -> None:
    profile = planned(tmp_path, f"run: {{devices: ['{device}']}}").resolved.profile
    assert len(plan_host(profile, replace(FACTS, engine=engine)).unmet) == unmet
