"""Is there an engine, and is it one that robenv can work with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from robenv.doctor.check import CheckContext, Finding
from robenv.engine.transport.endpoint import DEFAULT_URL, find_endpoint, start_command
from robenv.errors import EngineDenied, EngineUnreachable
from robenv.plan.host.engine_security import NO_LABEL, has_selinux, maps_users
from robenv.project.containers.networks import has_bridge
from robenv.project.facts import engine_facts

_OLDEST = (1, 41)
"""API version of Docker Engine 20.10, the oldest that robenv is tested against."""
_LEAST_FREE = 10e9
"""Bytes: a ROS image with its build tools takes about 1 GB, its build a multiple."""


def reachable(patient: CheckContext) -> Iterator[Finding]:
    error = patient.unreachable
    if error is None:
        where = patient.info.endpoint if patient.info else ""
        yield Finding("engine", "ok", f"answers at {where}")
    elif isinstance(error, EngineDenied):
        yield Finding("engine", "failure", str(error), "sudo usermod -aG docker $USER && newgrp docker")
    elif not _is_default():
        yield Finding("engine", "failure", " ".join(text for text in (str(error), error.hint) if text))
    elif shutil.which("dockerd") or Path("/usr/bin/docker").exists():
        yield Finding("engine", "failure", str(error), start_command() or "dockerd")
    else:
        yield Finding("engine", "failure", str(error), "sudo apt-get install docker.io")


def _is_default() -> bool:
    try:
        return find_endpoint(os.environ).url == DEFAULT_URL
    except EngineUnreachable:  # none that can exist is named
        return False


def version(patient: CheckContext) -> Iterator[Finding]:
    info = patient.info
    if info is None:
        return
    found = tuple(int(part) for part in info.api_version.split(".")[:2])
    text = f"{info.product} {info.version} (API {info.api_version})"
    if found >= _OLDEST:
        yield Finding("engine version", "ok", text)
    else:
        yield Finding("engine version", "warning", f"{text} is older than 20.10", "sudo apt-get install docker.io")


def security(patient: CheckContext) -> Iterator[Finding]:
    """What holds for containers on this engine that does not on others."""
    if patient.info is None:
        return
    engine = engine_facts(patient.info)
    if engine.rootless:
        text = "rootless: you are root inside, and what root makes there is yours here"
        yield Finding("engine security", "ok", text)
    if maps_users(engine):
        text = "userns-remap: containers that use your files run with userns_mode: host"
        yield Finding("engine security", "ok", text)
    if has_selinux(engine):
        text = f"SELinux: containers that use your files run with {NO_LABEL}"
        yield Finding("engine security", "ok", text)


def storage(patient: CheckContext) -> Iterator[Finding]:
    info = patient.info
    if info is None:
        return
    if info.storage_driver in ("vfs", "devicemapper", "aufs"):
        text = f"{info.storage_driver} copies whole layers: builds are slow and take much space"
        yield Finding("storage driver", "warning", text)
    else:
        yield Finding("storage driver", "ok", info.storage_driver)


def buildkit(patient: CheckContext) -> Iterator[Finding]:
    info = patient.info
    if info is None:
        return
    if info.buildkit:
        yield Finding("BuildKit", "ok", "builds with cache mounts and stages side by side")
    else:
        why = f"{info.product} has none"
        if maps_users(engine_facts(info)):
            why = "before Docker 26 it gives copied files to nobody under userns-remap"
        text = f"{why}: robenv builds without cache mounts, and downloads packages again"
        yield Finding("BuildKit", "warning", text)


def bridge(patient: CheckContext) -> Iterator[Finding]:
    """The network in which build steps, and containers without another one, run."""
    engine, info = patient.engine, patient.info
    if engine is None or info is None:
        return
    if has_bridge(engine):
        yield Finding("bridge network", "ok", "for build steps and containers")
        return
    text = (
        "the engine has none (dockerd --bridge=none): builds and containers need `build: {network: host}` and "
        "`run: {network_mode: host}`"
    )
    yield Finding("bridge network", "warning", text)


def disk(patient: CheckContext) -> Iterator[Finding]:
    info = patient.info
    if info is None or not info.endpoint.startswith("unix://"):
        return  # the engine's folders are another machine's
    free = _free_at(Path(info.root_dir))
    if free is None:
        return
    text = f"{free / 1e9:.0f} GB free in {info.root_dir}"
    if free >= _LEAST_FREE:
        yield Finding("disk", "ok", text)
    else:
        yield Finding("disk", "warning", f"only {text}", "robenv clean")


def _free_at(folder: Path) -> int | None:
    """Bytes; None where there is no such folder, as with an engine in a virtual machine. Where a folder on the way is
    closed to this user, of the disk that the closed one is on."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except PermissionError:
            continue
        except OSError:
            return None
    return None
