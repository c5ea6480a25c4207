"""ROS's settings, and what is said of networks in which topics are listed and carry no data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.host.facts import EngineFacts, Facts
from robenv.plan.container.run import plan_run
from robenv.plan.host.host import plan_host
from robenv.plan.host.middleware import plan_middleware
from robenv.plan.host.requirements import Grant
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved

FACTS = Facts(uid=1000, gid=1000, user_name="jane", platform="linux/amd64")
NEIGHBOURS, USERS, BRIDGE = "memory of its own", "processes of one user", "multicast does not leave a bridge"

BRIDGED = "base: {image: 'ros:noetic'}\nextends: [ros/noetic, mixins/ros1-bridge]\nplatforms: [linux/amd64]"


def resolved(folder: Path, profile: str) -> Resolved:
    base = "" if "base:" in profile else "base: {image: debian:bookworm}\n"
    (folder / "robenv.yaml").write_text(f"name: picker\n{base}{profile}\n")
    return resolve_project(find_project(folder), {})


def granted(folder: Path, profile: str, facts: Facts = FACTS) -> Grant:
    return plan_middleware(resolved(folder, profile).profile, facts)


@pytest.mark.parametrize(
    ("rmw", "value"),
    [
        ("cyclonedds", "rmw_cyclonedds_cpp"),
        ("rmw_cyclonedds_cpp", "rmw_cyclonedds_cpp"),
        ("fastrtps", "rmw_fastrtps_cpp"),
        ("fastrtps_dynamic", "rmw_fastrtps_dynamic_cpp"),
        ("connextdds", "rmw_connextdds"),
        ("zenoh", "rmw_zenoh_cpp"),
        ("gurumdds", "rmw_gurumdds_cpp"),
    ],
)
def test_rmw(tmp_path: Path, rmw: str, value: str) -> None:
    assert granted(tmp_path, f"ros: {{rmw: {rmw}}}").environment == (("RMW_IMPLEMENTATION", value),)


def test_a_domain_of_zero_is_one(tmp_path: Path) -> None:
    assert granted(tmp_path, "ros: {domain_id: 0}").environment == (("ROS_DOMAIN_ID", "0"),)
    assert granted(tmp_path, "") == Grant()


def test_what_run_says_itself_goes_before(tmp_path: Path) -> None:
    found = resolved(tmp_path, "ros: {domain_id: 7, rmw: zenoh}\nrun: {environment: {ROS_DOMAIN_ID: '9'}}")
    grant = plan_host(found.profile, FACTS)
    environment = dict(plan_run(found, "image", FACTS, content_hash="0" * 64, grant=grant).environment)
    assert environment == {"ROS_DOMAIN_ID": "9", "RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}


def test_a_middleware_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        resolved(tmp_path, "ros: {rmw: cyclondds}")
    (problem,) = caught.value.problems
    assert problem.hint == "did you mean `cyclonedds`?"


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        # nothing of ROS 2 or DDS
        ("run: {network_mode: host}", []),
        ("environment: {ROS_MASTER_URI: 'http://robot:11311'}", []),
        # ROS 2's own choice is Fast DDS, with shared memory
        ("ros: {domain_id: 7}\nrun: {network_mode: host}", [NEIGHBOURS]),
        ("ros: {rmw: fastrtps}\nrun: {network_mode: host}", [NEIGHBOURS]),
        ("ros: {rmw: fastrtps}\nrun: {network_mode: host, ipc: shareable}", [NEIGHBOURS]),
        ("ros: {rmw: fastrtps}\nrun: {network_mode: host, ipc: host}", []),
        ("ros: {rmw: fastrtps}\nuser: {uid: 1001}\nrun: {network_mode: host, ipc: host}", [USERS]),
        ("ros: {rmw: fastrtps}\nrun: {network_mode: 'container:sim'}", [NEIGHBOURS]),
        ("ros: {rmw: fastrtps}\nrun: {network_mode: 'container:sim', ipc: 'container:sim'}", []),
        ("ros: {rmw: connextdds}\nrun: {network_mode: host}", [NEIGHBOURS]),
        ("extends: [mixins/fastdds]", []),
        ("extends: [mixins/fastdds]\nrun: {ipc: private}", [NEIGHBOURS]),
        # without shared memory
        ("extends: [mixins/fastdds-udp]\nrun: {network_mode: host}", []),
        ("environment: {FASTDDS_BUILTIN_TRANSPORTS: 'UDPv4?max_msg_size=1MB'}\nrun: {network_mode: host}", []),
        ("environment: {FASTDDS_BUILTIN_TRANSPORTS: LARGE_DATA}\nrun: {network_mode: host}", [NEIGHBOURS]),
        ("environment: {FASTDDS_DEFAULT_PROFILES_FILE: /etc/own.xml}\nrun: {network_mode: host}", []),
        ("extends: [mixins/cyclonedds]\nrun: {network_mode: host}", []),
        ("extends: [mixins/zenoh]\nrun: {network_mode: host}", []),
        # iceoryx
        (
            "environment: {CYCLONEDDS_URI: '<Domain><SharedMemory> <Enable>true</Enable></SharedMemory></Domain>'}\n"
            "run: {network_mode: host}",
            [NEIGHBOURS],
        ),
        # beyond a bridge
        ("ros: {domain_id: 7}", [BRIDGE]),
        ("ros: {rmw: cyclonedds}\nrun: {network_mode: bridge}", [BRIDGE]),
        ("ros: {rmw: cyclonedds}\nnetworks: {lan: }\nrun: {networks: [lan]}", [BRIDGE]),
        (
            "ros: {rmw: cyclonedds}\nnetworks: {lan: {driver: macvlan, driver_opts: {parent: eth0}}}\n"
            "run: {networks: [lan]}",
            [],
        ),
        ("ros: {rmw: cyclonedds}\nnetworks: {lan: {external: true}}\nrun: {networks: [lan]}", []),
        ("ros: {domain_id: 7}\nrun: {environment: {ROS_AUTOMATIC_DISCOVERY_RANGE: LOCALHOST}}", []),
        ("ros: {domain_id: 7}\nrun: {environment: {ROS_LOCALHOST_ONLY: 1}}", []),
        ("ros: {domain_id: 7}\nrun: {environment: {ROS_STATIC_PEERS: 10.0.0.7}}", []),
        ("extends: [mixins/discovery-server]", []),
        # the ROS 2 side of a bridge
        (f"{BRIDGED}\nrun: {{network_mode: host}}", []),
        (f"{BRIDGED}\nros: {{domain_id: 7}}", [BRIDGE]),
        ("ros: {rmw: zenoh}", []),
        ("ros: {rmw: cyclonedds}\nrun: {network_mode: none}", []),
    ],
)
def test_what_lists_topics_and_carries_no_data(tmp_path: Path, profile: str, said: list[str]) -> None:
    notes = granted(tmp_path, profile).notes
    assert len(notes) == len(said)
    assert all(words in note for words, note in zip(said, notes, strict=True))


def test_the_way_out_leads_to_silence(tmp_path: Path) -> None:
    (note,) = granted(tmp_path, "ros: {rmw: fastrtps}\nrun: {network_mode: host}").notes
    assert "add ipc: host; or extend mixins/fastdds-udp" in note
    (note,) = granted(tmp_path, "ros: {rmw: fastrtps}\nrun: {network_mode: 'container:sim'}").notes
    assert "add ipc: container:sim" in note


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (EngineFacts(local=False), "the engine's machine"),
        (EngineFacts(rootless=True), "rootless engine's own network"),
        (EngineFacts(), ""),
    ],
)
def test_whose_host_it_is(tmp_path: Path, engine: EngineFacts, said: str) -> None:
    profile = "extends: [mixins/cyclonedds]\nrun: {network_mode: host}"
    notes = granted(tmp_path, profile, replace(FACTS, engine=engine)).notes
    assert [said in note for note in notes] == [True] * bool(said)
