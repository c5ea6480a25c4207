"""What Podman makes of a project's container, and what it cannot have: profiles are really resolved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robenv.host.facts import EngineFacts, Facts, GpuFacts, NvidiaGpu, SessionFacts
from robenv.plan.host.host import plan_host
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import PlannedProject, plan_project

PODMAN = EngineFacts(api_version="1.41", podman=True)
FACTS = Facts(1000, 1000, "someone", "linux/amd64", read=frozenset(("engine",)))


def planned(folder: Path, profile: str) -> PlannedProject:
    (folder / "robenv.yaml").write_text(f"name: picker\nbase: {{image: x}}\n{profile}")
    return plan_project(resolve_project(find_project(folder), {}), "linux/amd64")


@pytest.mark.parametrize(
    ("missing", "profile", "said"),
    [
        ((), "", ()),
        (("catatonit",), "", ("there is no catatonit",)),
        (("catatonit",), "run: {init: false}", ()),
        (("slirp4netns",), "", ("there is no slirp4netns",)),
        (("pasta", "/dev/net/tun"), "", ("there is no pasta", "/dev/net/tun")),
        (("pasta", "/dev/net/tun"), "run: {network_mode: host}", ()),
    ],
)
def test_what_a_container_cannot_start_without_is_missing_before_the_build(
    tmp_path: Path, missing: tuple[str, ...], profile: str, said: tuple[str, ...]
) -> None:
    project = planned(tmp_path, profile)
    for engine in (replace(PODMAN, podman_lacks=missing), replace(PODMAN, podman=False, podman_lacks=missing)):
        unmet = plan_host(project.resolved.profile, replace(FACTS, engine=engine)).unmet
        wanted = said if engine.podman else ()
        assert len(unmet) == len(wanted)
        assert all(
            words in requirement.message and requirement.hint for words, requirement in zip(wanted, unmet, strict=True)
        )


@pytest.mark.parametrize(
    ("missing", "profile", "said"),
    [
        ("systemd", "run: {healthcheck: {test: ls}}", "run.healthcheck: never run"),
        ("systemd", "run: {healthcheck: {disable: true}}", ""),
        ("ulimits", "run: {ulimits: {nofile: 9}}", "run.ulimits: not kept"),
        ("ulimits", "", ""),
        ("aardvark-dns", "networks: {lan: {}}\nrun: {networks: [lan]}", "run.networks: containers do not find each"),
        ("aardvark-dns", "", ""),
    ],
)
def test_what_it_leaves_away_is_said(tmp_path: Path, missing: str, profile: str, said: str) -> None:
    engine = replace(PODMAN, podman_lacks=(missing,))
    notes = plan_host(planned(tmp_path, profile).resolved.profile, replace(FACTS, engine=engine)).notes
    assert len(notes) == bool(said) and all(note.startswith(said) for note in notes)


def test_a_gpu_that_it_would_leave_away_is_missing(tmp_path: Path) -> None:
    gpu = GpuFacts(nvidia_driver="550", nvidia=(NvidiaGpu(0),), nvidia_toolkit=True, nvidia_hook=True)
    profile = planned(tmp_path, "gpu: required").resolved.profile
    unmet = plan_host(profile, replace(FACTS, engine=PODMAN, gpu=gpu)).unmet
    assert ["Podman" in requirement.message for requirement in unmet] == [True]
    assert not plan_host(profile, replace(FACTS, engine=replace(PODMAN, podman=False), gpu=gpu)).unmet


@pytest.mark.parametrize(
    ("engine", "options"), [(PODMAN, "U,mode=0700"), (EngineFacts(), "uid=1000,gid=1000,mode=0700")]
)
def test_the_runtime_folder_is_the_users(tmp_path: Path, engine: EngineFacts, options: str) -> None:
    project = planned(tmp_path, "display: auto")
    facts = replace(FACTS, engine=engine, session=SessionFacts(folder="/run/user/1000/robenv"))
    plan = project.container(facts, plan_host(project.resolved.profile, facts))
    assert [dict(mount.options)["options"] for mount in plan.mounts if mount.kind == "tmpfs"] == [options]
