"""A profile's ``ros`` settings, and combinations of network and middleware that list topics and carry no data. Pure.

Fast DDS takes two participants for neighbours, and speaks to them through shared memory alone, where their network
interfaces are the same: in one network with separate /dev/shm, or with files of another user's there, discovery works
and data goes nowhere. https://fast-dds.docs.eprosima.com/en/latest/docker/shm_docker.html; eProsima/Fast-DDS issues
2956, 3265, 5265, 5396. ROS's variables: https://docs.ros.org/en/rolling/Tutorials/Advanced/Improved-Dynamic-Discovery.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from robenv.plan.host.requirements import Grant
from robenv.plan.user import plan_user

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema.profile import Profile
    from robenv.profile.schema.run.keys import Run

_BY_RMW = (
    ("rmw_cyclonedds", "cyclonedds"),
    ("rmw_fastrtps", "fastdds"),
    ("rmw_connextdds", "connext"),
    ("rmw_zenoh", "zenoh"),
    ("rmw_gurumdds", "gurum"),
)
_BY_VARIABLE = (
    ("CYCLONEDDS_URI", "cyclonedds"),
    ("FASTDDS_BUILTIN_TRANSPORTS", "fastdds"),
    ("FASTDDS_DEFAULT_PROFILES_FILE", "fastdds"),
    ("FASTRTPS_DEFAULT_PROFILES_FILE", "fastdds"),
    ("ROS_DISCOVERY_SERVER", "fastdds"),
    ("ROS_DOMAIN_ID", "fastdds"),
)
"""What a setting means where no RMW_IMPLEMENTATION says; ROS 2's own choice is Fast DDS."""
_PROFILE_FILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
_NOT_SHARED = ("UDPV4", "UDPV6", "NONE")


def plan_middleware(profile: Profile, facts: Facts) -> Grant:
    return Grant(environment=tuple(_ros(profile).items()), notes=tuple(_notes(profile, facts)))


def asks_for_middleware(profile: Profile) -> bool:
    return bool(_middleware(_settings(profile)))


def _ros(profile: Profile) -> dict[str, str]:
    ros = profile.ros
    settings = {"RMW_IMPLEMENTATION": ros.rmw} if ros.rmw else {}
    return settings | ({"ROS_DOMAIN_ID": str(ros.domain_id)} if ros.domain_id is not None else {})


def _settings(profile: Profile) -> Mapping[str, str]:
    """The container's environment, as far as profiles say."""
    return {**profile.environment, **_ros(profile), **profile.run.environment}


def _middleware(settings: Mapping[str, str]) -> str:
    """Which one speaks; "" where nothing says that any does."""
    chosen = settings.get("RMW_IMPLEMENTATION", "")
    if chosen:
        return next((name for prefix, name in _BY_RMW if chosen.startswith(prefix)), "")
    return next((name for variable, name in _BY_VARIABLE if variable in settings), "")


def _notes(profile: Profile, facts: Facts) -> Iterator[str]:
    settings = _settings(profile)
    name = _middleware(settings)
    if not name:
        return
    run = profile.run
    if run.network_mode == "host":
        yield from _not_the_host(facts)
    if _shares_memory(name, settings):
        yield from _memory_apart(name, profile, facts)
    if _needs_multicast(name, settings) and _behind_a_bridge(profile):
        yield _BEYOND_THE_BRIDGE


def _behind_a_bridge(profile: Profile) -> bool:
    """Of a network of somebody else's it is not known."""
    run = profile.run
    if not run.networks:
        return run.network_mode in ("", "bridge", "default")
    used = [profile.networks[key] for key in run.networks]
    return all(not network.external and network.driver in ("", "bridge") for network in used)


def _not_the_host(facts: Facts) -> Iterator[str]:
    if not facts.engine.local:
        yield "network_mode: host is the network of the engine's machine: nodes of this one are not neighbours there"
    elif facts.engine.rootless:
        yield (
            "network_mode: host is the rootless engine's own network: nodes of this machine and of others are not "
            "discovered; name them as peers, or use an engine that is not rootless"
        )


def _shares_memory(name: str, settings: Mapping[str, str]) -> bool:
    """Whether data goes through shared memory between participants that take each other for neighbours.

    Cyclone DDS: only where a configuration enables iceoryx. Zenoh: not unless configured. Of Fast DDS with a file of
    profiles it is not known, and nothing is said.
    """
    if name == "fastdds":
        transports = settings.get("FASTDDS_BUILTIN_TRANSPORTS", "").partition("?")[0].upper()
        if transports:
            return transports not in _NOT_SHARED
        return not any(settings.get(variable) for variable in _PROFILE_FILES)
    if name == "cyclonedds":
        inline = "".join(settings.get("CYCLONEDDS_URI", "").split()).lower()
        return "<sharedmemory><enable>true" in inline or 'pubsubmessageexchangename="iox"' in inline
    return name == "connext"


def _memory_apart(name: str, profile: Profile, facts: Facts) -> Iterator[str]:
    run = profile.run
    shown = {"fastdds": "Fast DDS", "connext": "Connext", "cyclonedds": "iceoryx"}[name]
    way_out = "; or extend mixins/fastdds-udp" if name == "fastdds" else ""
    if not _one_memory(run):
        other = run.network_mode if run.network_mode.startswith("container:") else "host"
        yield (
            f"{shown} takes who is in the same network for a neighbour with whom it shares memory, and with "
            f"network_mode: {run.network_mode} and memory of its own this container would list topics and get no data: "
            f"add ipc: {other}{way_out}"
        )
    elif run.ipc == "host" and (uid := plan_user(profile.user, facts).uid) != facts.uid and not facts.engine.rootless:
        yield (
            f"{shown} shares memory between processes of one user: UID {uid} inside and your {facts.uid} on the host "
            f"would list each other's topics and get no data: take user.uid out{way_out}"
        )


def _one_memory(run: Run) -> bool:
    """Whether those in one network with this container are in one memory with it too."""
    if run.network_mode == "host":
        return run.ipc == "host"
    if run.network_mode.startswith("container:"):
        return run.ipc in (run.network_mode, "host")
    return True


def _needs_multicast(name: str, settings: Mapping[str, str]) -> bool:
    """Whether nodes are found by multicast, and those of other machines are wanted."""
    if name == "zenoh" or settings.get("ROS_DISCOVERY_SERVER") or settings.get("ROS_STATIC_PEERS"):
        return False
    if settings.get("ROS_LOCALHOST_ONLY") == "1" or "<peers" in settings.get("CYCLONEDDS_URI", "").lower():
        return False
    return settings.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "").upper() not in ("LOCALHOST", "OFF")


_BEYOND_THE_BRIDGE = (
    "multicast does not leave a bridge network, so nodes on other machines are not discovered: network_mode: host, a "
    "macvlan network, ROS_STATIC_PEERS or mixins/discovery-server reach them; ROS_AUTOMATIC_DISCOVERY_RANGE: LOCALHOST "
    "says that none are wanted"
)
