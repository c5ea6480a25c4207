"""The archive of `robenv doctor --report`: what a bug report wants to have, and nobody's secrets."""

from __future__ import annotations

import io
import json
import platform
import re
import sys
import tarfile
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from robenv import __version__
from robenv.doctor.check import Finding
from robenv.engine.protocol import EngineInfo
from robenv.paths import write_atomically
from robenv.util import log

_LIBRARIES = ("docker", "requests", "urllib3", "pydantic", "jinja2", "PyYAML", "typer", "rich", "protobuf", "h2")
_ENGINE_FACTS = (
    "OperatingSystem", "KernelVersion", "Architecture", "CgroupDriver", "CgroupVersion", "SecurityOptions",
    "DriverStatus", "DefaultRuntime", "NCPU", "MemTotal",
)  # fmt: skip
"""Of ``/info``; the rest may have the passwords of proxies, and names of somebody's network."""
_PLAN = (
    "action", "container", "container_state", "content_hash", "image", "image_there", "notes", "platform", "project",
)  # fmt: skip
_RUN = (
    "cap_add", "cap_drop", "device_cgroup_rules", "device_requests", "devices", "dns", "expose", "group_add", "groups",
    "image", "ipc", "name", "network_mode", "own_groups", "pid", "platform", "ports", "restart", "runtime",
    "security_opt", "session", "stop_signal", "ulimits", "user", "userns_mode", "working_dir",
)  # fmt: skip
"""Of a plan what is reported with its values, beside numbers and switches; the rest may be anything."""
_NAMED = ("environment", "labels", "sysctls", "logging_options")
_BUGS = 3
"""How many logs of unexpected errors go along, the newest first."""


def report_files(
    findings: Iterable[Finding], engine: EngineInfo | None, plan: Mapping[str, Any] | None, logs: Path
) -> dict[str, str]:
    """Return the report's files by name. ``plan``: what `robenv plan --json` prints. ``logs``: the folder of logs."""
    files = {
        "versions.json": _json(versions()),
        "doctor.txt": "".join(f"{one.status}: {one.check}: {one.message}\n" for one in findings),
        "log.txt": log.last_records(),
    }
    if engine is not None:
        files["engine.json"] = _json(engine_facts(engine))
    if plan is not None:
        files["plan.json"] = _json(plan_facts(plan))
    for path in sorted(logs.glob("bug-*.log"), reverse=True)[:_BUGS]:
        files[path.name] = without_messages(path.read_text(errors="replace"))
    return {name: log.redact(text) for name, text in files.items()}


_FRAME = '  File "'
_RECORD = re.compile(r"robenv \S+, Python \S+$|Traceback |Before it:$|\d{4}-\d\d-\d\dT[\d:.]+Z \d+ ")
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Iteration)(?=:|$)")


def without_messages(text: str) -> str:
    """Return a bug's log with the type alone of each exception, whose message may quote anything: what is kept are the
    frames, each with its line of code, and the log's own records."""
    lines: list[str] = []
    for line in text.splitlines():
        is_code = line.startswith("    ") and bool(lines) and lines[-1].startswith(_FRAME)
        if is_code or line.startswith(_FRAME) or _RECORD.match(line):
            lines.append(line)
        elif exception := _EXCEPTION.match(line):
            lines.append(exception[0])
    return "".join(f"{line}\n" for line in lines)


def versions() -> dict[str, str]:
    """Return the versions of robenv, Python, the libraries, and the system."""
    found = {"robenv": __version__, "python": sys.version.split()[0], "system": platform.platform()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not there"
    return found


def engine_facts(engine: EngineInfo) -> dict[str, Any]:
    """Return what of the engine can be of use, and is nobody's secret."""
    return {
        "product": engine.product,
        "version": engine.version,
        "api_version": engine.api_version,
        "platform": engine.platform,
        "storage_driver": engine.storage_driver,
        "buildkit": engine.buildkit,
        **{name: engine.raw[name] for name in _ENGINE_FACTS if name in engine.raw},
    }


def plan_facts(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a plan is reported: no value of a variable, label or argument, and no command."""
    run = plan["run"]
    plain = {name: value for name, value in run.items() if value is None or isinstance(value, bool | int | float)}
    return {
        **{name: plan[name] for name in _PLAN},
        "changed": [change.partition(":")[0] for change in plan["changes"]],
        "host_access": sorted({access["kind"] for access in plan["powers"]}),
        "run": {
            **plain,
            **{name: run[name] for name in _RUN if name in run},
            **{name: [str(pair[0]) for pair in run[name]] for name in _NAMED if name in run},
            "mounts": [
                {name: mount[name] for name in ("kind", "source", "target", "read_only")} for mount in run["mounts"]
            ],
        },
        "stages": [
            {
                "name": stage["name"],
                "base": {key: value for key, value in stage["base"].items() if isinstance(value, str) and value},
                "groups": [_group(group) for group in stage["groups"]],
            }
            for stage in plan["build"]["stages"]
        ],
    }


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "profile": group["profile"],
        "packages": group["packages"],
        "environment": [str(pair[0]) for pair in group["environment"]],
        "steps": [step["name"] for step in group["steps"]],
    }


def write_report(path: Path, files: Mapping[str, str]) -> None:
    """Write the archive, readable by this user alone. Raises OSError."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            data = text.encode(errors="backslashreplace")
            member = tarfile.TarInfo(f"robenv-report/{name}")
            member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
            tar.addfile(member, io.BytesIO(data))
    write_atomically(str(path.absolute()), content.getvalue(), mode=0o600)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, default=str) + "\n"
