"""The facts that a project's plan depends on, read when it is planned."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from robenv.engine.docker_config import config_folder, proxy_variables
from robenv.engine.protocol import Engine, EngineInfo
from robenv.environment.load import Loaded
from robenv.host.facts import EngineFacts, Facts
from robenv.host.probe import read_facts
from robenv.host.reader import Host
from robenv.plan.host import wanted_facts
from robenv.plan.quotas import LIMITS_OF_INFO


def facts_for(engine: Engine | None, loaded: Loaded, host: Host | None = None) -> Facts:
    """Of this machine and ``engine``; None plans as if an engine of this machine were there that tells nothing.

    ``host``: what to read the machine by, such as a Recorder; None reads this machine.
    """
    info = engine.info() if engine is not None else None
    known = replace(engine_facts(info), proxies=_proxies(info)) if info else EngineFacts()
    platform = info.platform if info else loaded.build.platform
    wanted = wanted_facts(loaded.resolved.profile)
    return read_facts(platform, rootless=known.rootless, wanted=wanted, engine=known, host=host)


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
        rootless="name=rootless" in security,
        endpoint=info.endpoint,
        cpus=int(raw.get("NCPU") or 0),
        memory=int(raw.get("MemTotal") or 0),
        missing_limits=tuple(name for name in LIMITS_OF_INFO if raw.get(name) is False),
    )
