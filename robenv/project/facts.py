"""The facts that a project's plan depends on, read when it is planned."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from robenv.engine.protocol import Engine, EngineInfo
from robenv.engine.transport.docker_config import config_folder, proxy_variables
from robenv.host.facts import EngineFacts, Facts
from robenv.host.host import Host
from robenv.host.probes.facts import read_facts
from robenv.plan.host.host import wanted_facts
from robenv.plan.host.podman import NETWORK_HELPERS, ULIMITS
from robenv.plan.host.quotas import CONTROLLERS, LIMITS_OF_INFO
from robenv.project.identity import place_of
from robenv.project.planned import PlannedProject


def facts_for(engine: Engine | None, planned: PlannedProject, host: Host | None = None) -> Facts:
    """Of this machine and ``engine``; None plans as if an engine of this machine were there that tells nothing.

    ``host``: what to read the machine by, such as a Recorder; None reads this machine.
    """
    info = engine.info() if engine is not None else None
    known = replace(engine_facts(info), proxies=_proxies(info)) if info else EngineFacts()
    platform = info.platform if info else planned.build.platform
    wanted = wanted_facts(planned.resolved.profile)
    files = planned.resolved.files
    facts = read_facts(platform, rootless=known.rootless, wanted=wanted, engine=known, host=host)
    return replace(facts, place=place_of(files) if files else None, own_groups=_own_groups(info, known))


def _own_groups(info: EngineInfo | None, engine: EngineFacts) -> tuple[int, ...]:
    """Of the process, without the one that opens the engine's socket, which is as good as root. Elsewhere, and where
    the engine maps IDs, the same numbers are other groups."""
    mapped = engine.rootless or any(option.startswith("name=userns") for option in engine.security_options)
    if mapped or (info is not None and not engine.local):
        return ()
    others = {0, os.getegid(), *_group_of(engine.endpoint.removeprefix("unix://"))}
    return tuple(sorted(set(os.getgroups()) - others))


def _group_of(path: str) -> tuple[int, ...]:
    try:
        return (Path(path).stat().st_gid,)
    except OSError:
        return ()


def _proxies(info: EngineInfo) -> tuple[tuple[str, str], ...]:
    return tuple(proxy_variables(config_folder(os.environ), info.endpoint).items())


def engine_facts(info: EngineInfo) -> EngineFacts:
    """Of the engine's ``/info``. Fields by https://docs.docker.com/reference/api/engine/ (v1.41 to v1.51)."""
    raw: Any = info.raw
    security = tuple(raw.get("SecurityOptions") or ())
    return EngineFacts(
        local=info.endpoint.startswith("unix://"),
        api_version=info.api_version,
        runtimes=tuple(sorted(raw.get("Runtimes") or ())),
        default_runtime=raw.get("DefaultRuntime") or "",
        cdi_spec_dirs=tuple(raw.get("CDISpecDirs") or ()),
        cdi_devices=tuple(
            device["ID"] for device in raw.get("DiscoveredDevices") or () if device.get("Source") == "cdi"
        ),
        security_options=security,
        cgroup_version=int(raw.get("CgroupVersion") or 0),
        rootless="name=rootless" in security or raw.get("Rootless") is True,
        podman=info.is_podman,
        podman_lacks=(*_network_helper(info), *_ulimits(info)) if info.is_podman else (),
        endpoint=info.endpoint,
        cpus=int(raw.get("NCPU") or 0),
        memory=int(raw.get("MemTotal") or 0),
        logging_driver=str(raw.get("LoggingDriver") or ""),
        missing_limits=_missing_limits(info),
    )


def _missing_limits(info: EngineInfo) -> tuple[str, ...]:
    """Those that the engine would leave away. Rootless, Podman's ``/info`` tells of the machine's cgroups, and its own
    description of those that are the user's, which alone it can set."""
    if info.is_podman and info.raw.get("Rootless") is True and "cgroupControllers" in info.podman:
        own = info.podman["cgroupControllers"] or ()
        return tuple(name for name in LIMITS_OF_INFO if CONTROLLERS[name] not in own)
    return tuple(name for name in LIMITS_OF_INFO if info.raw.get(name) is False)


def _network_helper(info: EngineInfo) -> tuple[str, ...]:
    """The program that gives a rootless Podman's containers a network, where Podman does not find it."""
    program = str(info.podman.get("rootlessNetworkCmd") or NETWORK_HELPERS[0])
    known = info.podman.get(program)
    missing = info.raw.get("Rootless") is True and isinstance(known, dict) and not known.get("executable")
    return (program,) if missing else ()


def _ulimits(info: EngineInfo) -> tuple[str, ...]:
    """Seen on 4.3: none of those asked for are set in a rootless container, not even lower ones."""
    return (ULIMITS,) if info.raw.get("Rootless") is True and info.version.startswith("4.") else ()
