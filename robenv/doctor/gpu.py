"""The machine's GPUs: can a container have them, by the same judgement as `up`'s, and will it keep them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from robenv.doctor.check import CheckContext, Finding
from robenv.engine.protocol import ContainerInfo, Engine, ExecRequest
from robenv.errors import RobenvError
from robenv.host.facts import EngineFacts, Facts
from robenv.host.host import Host, LocalHost
from robenv.plan.host import gpu_nvidia
from robenv.plan.host.gpu_offer import tells_nothing
from robenv.plan.names import LABEL_DIRECTORY, LABEL_PLAN_JSON, LABEL_ROLE, ROLE_ENVIRONMENT

MAKE_LINKS = "sudo nvidia-ctk system create-dev-char-symlinks --create-all"
LOST = "https://github.com/NVIDIA/nvidia-container-toolkit/issues/48"

_CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_LIBRARY_VERSION = re.compile(r"\.so\.(\d{3,}\.\d+(?:\.\d+)*)\b")
_NODE = re.compile(r"/dev/nvidia[\w/-]*\b")
_NVML = "Failed to initialize NVML"


def gpu(patient: CheckContext, host: Host | None = None) -> Iterator[Finding]:
    """``host``: what to read the machine by; None reads this one."""
    from robenv.host.probes.facts import read_facts
    from robenv.project.facts import engine_facts

    host = host or LocalHost()
    info = patient.info
    engine = engine_facts(info) if info else EngineFacts()
    wanted = frozenset(("gpu", "engine", "distribution"))
    facts = read_facts(info.platform if info else "linux/amd64", wanted=wanted, engine=engine, host=host)
    yield from _offers(facts)
    if engine.local and gpu_nvidia.has_driver(facts):
        yield from _runtime(facts)
        yield from _specs(facts, host)
        yield from _links(facts, host, str(info.raw.get("CgroupDriver")) if info else "")
    if patient.engine is not None:
        yield from _lost(patient.engine)


def _offers(facts: Facts) -> Iterator[Finding]:
    """What `gpu: auto` would choose from."""
    from robenv.plan.host.gpu import offers_for
    from robenv.profile.schema.host import Gpu

    offers = offers_for(Gpu(), facts)
    for offer in offers:
        if not offer.problem:
            yield Finding("GPU", "ok", f"{offer.what}: a container can have it")
        elif facts.engine.local:
            is_command = offer.hint.startswith("sudo ")
            text = f"{offer.what}: {offer.problem}" + ("" if is_command else f"; {offer.hint}")
            yield Finding("GPU", "warning", text, offer.hint if is_command else "")
        else:
            yield Finding("GPU", "ok", offer.problem)
    if not offers:
        yield Finding("GPU", "ok", "none on this machine: profiles with `gpu: auto` come up without one")


def _runtime(facts: Facts) -> Iterator[Finding]:
    """Where it is the only way, its absence has been told of already."""
    if tells_nothing(facts) or facts.gpu.tegra or not facts.gpu.nvidia_toolkit:
        return
    if "nvidia" in facts.engine.runtimes:
        yield Finding("NVIDIA runtime", "ok", "registered with the engine")
    elif facts.gpu.nvidia_hook and not (gpu_nvidia.cdi_devices(facts, "nvidia") and gpu_nvidia.does_cdi(facts)):
        text = "the toolkit is installed, but its runtime is not registered with the engine"
        yield Finding("NVIDIA runtime", "warning", text, gpu_nvidia.REGISTER_RUNTIME)


def _specs(facts: Facts, host: Host) -> Iterator[Finding]:
    """A CDI spec lists the driver's files by version: after an update of the driver it names what is gone."""
    names = gpu_nvidia.cdi_devices(facts, "nvidia")
    does_cdi = gpu_nvidia.does_cdi(facts) and not tells_nothing(facts)
    by_runtime = "nvidia" in facts.engine.runtimes
    if names and not does_cdi and not by_runtime:
        text = "a spec is there, but the engine does not do CDI"
        hint = gpu_nvidia.enable_cdi(facts)
        is_command = hint.startswith("sudo ")
        yield Finding("CDI", "warning", text if is_command else f"{text}: {hint}", hint if is_command else "")
    elif does_cdi and not names and facts.gpu.nvidia_toolkit and not by_runtime:
        yield Finding("CDI", "warning", "no spec names NVIDIA's devices", gpu_nvidia.WRITE_CDI_SPEC, safe=True)
    for path, text in _texts(facts, host):
        stale = _why_stale(text, facts.gpu.nvidia_driver, host)
        if stale:
            fix = f"sudo nvidia-ctk cdi generate --output={shlex.quote(path)}"
            yield Finding("CDI", "warning", f"{path} is out of date: {stale}", fix)
        else:
            yield Finding("CDI", "ok", f"{path} fits the driver")


def _texts(facts: Facts, host: Host) -> Iterator[tuple[str, str]]:
    for folder in facts.engine.cdi_spec_dirs or _CDI_FOLDERS:
        for ending in ("json", "yaml"):
            for path, text in host.texts(f"{folder}/*.{ending}").items():
                if gpu_nvidia.CDI_KINDS["nvidia"] in text:
                    yield path, text


def _why_stale(spec: str, driver: str, host: Host) -> str:
    """ "" where it is not."""
    versions = set(_LIBRARY_VERSION.findall(spec))
    if driver and versions and driver not in versions:
        return f"it is for driver {', '.join(sorted(versions))}, and {driver} is loaded"
    gone = sorted(node for node in set(_NODE.findall(spec)) if not host.kind(node))
    return f"there is no {', '.join(gone)}" if gone else ""


def _links(facts: Facts, host: Host, cgroup_driver: str) -> Iterator[Finding]:
    """Where systemd manages the containers' cgroups, it knows their devices by links under /dev/char alone: without
    them a `systemctl daemon-reload` takes the GPU from every container that runs (nvidia-container-toolkit, issue 48).
    """
    if cgroup_driver != "systemd" or facts.gpu.tegra:
        return
    nodes = (node for path in host.glob("/dev/nvidia*") if (node := host.node(path)) and node.kind == "char")
    missing = [node.path for node in nodes if not host.kind(f"/dev/char/{node.major}:{node.minor}")]
    if missing:
        text = f"containers lose the GPU at the next `systemctl daemon-reload`: no links in /dev/char to {missing[0]}"
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield Finding("GPU after daemon-reload", "warning", f"{text}{more} ({LOST})", MAKE_LINKS, safe=True)
    else:
        yield Finding("GPU after daemon-reload", "ok", "containers keep it")


def _lost(engine: Engine) -> Iterator[Finding]:
    """Containers of robenv that had an NVIDIA GPU when they started, and have not any more."""
    for container in engine.containers({LABEL_ROLE: ROLE_ENVIRONMENT}, all_states=False):
        if container.status == "running" and _has_nvidia(container) and _NVML in _nvidia_smi(engine, container):
            folder = shlex.quote(container.labels.get(LABEL_DIRECTORY, "."))
            fix = f"robenv -C {folder} down && robenv -C {folder} up -d"
            text = f"{container.name} has lost its GPU, as it happens after `systemctl daemon-reload` ({LOST})"
            yield Finding("GPU in containers", "warning", text, fix)


def _has_nvidia(container: ContainerInfo) -> bool:
    try:
        plan = json.loads(container.labels.get(LABEL_PLAN_JSON, ""))
    except ValueError:
        return False
    return plan.get("runtime") == "nvidia" or bool(plan.get("device_requests"))


def _nvidia_smi(engine: Engine, container: ContainerInfo) -> str:
    """What it says inside; it takes its time where the driver hangs. "" where it cannot be run."""
    from robenv.engine.terminal.process_session import capture

    argv = ("sh", "-c", "timeout 10 nvidia-smi -L 2>&1")
    try:
        session = engine.open_exec(ExecRequest(container.id, argv, user="0:0", stdin=False))
        return capture(session).stdout.decode(errors="replace")
    except RobenvError:
        return ""  # no shell in it, or it has ended meanwhile
