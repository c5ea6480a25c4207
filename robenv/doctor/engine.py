"""Is there an engine, and is it one that robenv can work with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from robenv.doctor.check import Finding, Patient
from robenv.errors import EngineDenied

_OLDEST = (1, 41)
"""API version of Docker Engine 20.10, the oldest that robenv is tested against."""
_LEAST_FREE = 10e9
"""Bytes: a ROS image with its build tools takes about 1 GB, its build a multiple."""


def reachable(patient: Patient) -> Iterator[Finding]:
    error = patient.unreachable
    if error is None:
        where = patient.info.endpoint if patient.info else ""
        yield Finding("engine", "ok", f"answers at {where}")
    elif isinstance(error, EngineDenied):
        yield Finding("engine", "failure", str(error), "sudo usermod -aG docker $USER && newgrp docker")
    elif shutil.which("dockerd") or Path("/usr/bin/docker").exists():
        yield Finding("engine", "failure", str(error), "sudo systemctl start docker")
    else:
        yield Finding("engine", "failure", str(error), "sudo apt-get install docker.io")


def version(patient: Patient) -> Iterator[Finding]:
    info = patient.info
    if info is None:
        return
    found = tuple(int(part) for part in info.api_version.split(".")[:2])
    text = f"{info.product} {info.version} (API {info.api_version})"
    if found >= _OLDEST:
        yield Finding("engine version", "ok", text)
    else:
        yield Finding("engine version", "warning", f"{text} is older than 20.10", "sudo apt-get install docker.io")


def storage(patient: Patient) -> Iterator[Finding]:
    info = patient.info
    if info is None:
        return
    if info.storage_driver in ("vfs", "devicemapper", "aufs"):
        text = f"{info.storage_driver} copies whole layers: builds are slow and take much space"
        yield Finding("storage driver", "warning", text)
    else:
        yield Finding("storage driver", "ok", info.storage_driver)


def buildkit(patient: Patient) -> Iterator[Finding]:
    info = patient.info
    if info is None:
        return
    if info.buildkit:
        yield Finding("BuildKit", "ok", "builds with cache mounts and stages side by side")
    else:
        text = f"{info.product} has none: robenv builds without cache mounts, and downloads packages again"
        yield Finding("BuildKit", "warning", text)


def disk(patient: Patient) -> Iterator[Finding]:
    info = patient.info
    if info is None or not Path(info.root_dir).is_dir():
        return  # The engine is elsewhere, or its folder is not for this user to see.
    free = shutil.disk_usage(info.root_dir).free
    text = f"{free / 1e9:.0f} GB free in {info.root_dir}"
    if free >= _LEAST_FREE:
        yield Finding("disk", "ok", text)
    else:
        yield Finding("disk", "warning", f"only {text}", "robenv clean")
