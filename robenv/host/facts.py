"""What a machine is, as far as a plan depends on it: a value, read on demand by ``robenv.host.probes.facts``.

A section that nobody asked for is at its default; ``Facts.read`` names those that were.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from robenv.host.project_folder import FolderIdentity


@dataclass(frozen=True)
class KernelFacts:
    """``release`` as of uname; ``machine`` too (``x86_64``)."""

    release: str = ""
    machine: str = ""
    wsl: bool = False
    rt_group_sched: bool = False
    """Realtime processes need a budget of their cgroup's own (cgroup v1 with CONFIG_RT_GROUP_SCHED)."""
    preempt_rt: bool = False
    rtprio: int | None = None
    """The highest realtime priority that this user may set, as of RLIMIT_RTPRIO's hard limit; -1: no limit."""
    cpus: tuple[int, ...] = ()
    """The processors that are there, by number."""
    memory: int = 0
    """Bytes."""


@dataclass(frozen=True)
class Distribution:
    """Of os-release(5)."""

    id: str = ""
    version: str = ""
    codename: str = ""
    name: str = ""
    like: tuple[str, ...] = ()


@dataclass(frozen=True)
class EngineFacts:
    """What the engine says of itself (``/info``), as far as a container's request depends on it."""

    local: bool = True
    """Whether it runs on this machine, so that what is here can be passed through."""
    api_version: str = ""
    runtimes: tuple[str, ...] = ()
    default_runtime: str = ""
    cdi_spec_dirs: tuple[str, ...] = ()
    """Empty where the engine does not do CDI, or does not tell (before API 1.44)."""
    cdi_devices: tuple[str, ...] = ()
    """Qualified names, ``nvidia.com/gpu=all``; empty where the engine does not tell (before API 1.50)."""
    security_options: tuple[str, ...] = ()
    cgroup_version: int = 0
    rootless: bool = False
    podman: bool = False
    """Podman behind Docker's API, which takes some things in other forms and some not at all."""
    podman_lacks: tuple[str, ...] = ()
    """What Podman needs of its machine and has not: programs, ``/dev/net/tun``, ``systemd``."""
    endpoint: str = ""
    """``unix:///var/run/docker.sock``"""
    cpus: int = 0
    memory: int = 0
    """Processors and bytes of its machine; 0 where it does not tell."""
    proxies: tuple[tuple[str, str], ...] = ()
    """The variables of the docker config's proxies for this engine. They may hold a login: not to be printed."""
    logging_driver: str = ""
    """What keeps a container's output where its request does not say; "" where the engine does not tell."""
    missing_limits: tuple[str, ...] = ()
    """Limits that its kernel cannot set, by ``/info``'s names: ``MemoryLimit``, ``PidsLimit``, …"""
    rt_budget: int | None = None
    """Microseconds of a second that it may give containers for realtime; None: not known."""
    raises_limits: bool = True
    """Whether it may raise resource limits above its own; False in a container without CAP_SYS_RESOURCE."""


@dataclass(frozen=True)
class DeviceNode:
    """A device node of the host."""

    path: str
    """As it was named or found: ``/dev/ttyUSB0``, or a link such as ``/dev/serial/by-id/usb-…``."""
    kind: str
    """``char`` or ``block``."""
    major: int
    minor: int
    gid: int
    mode: int
    """The permission bits."""
    target: str = ""
    """The node that a link leads to, absolute; "" where ``path`` is the node itself."""


@dataclass(frozen=True)
class NvidiaGpu:
    index: int
    name: str = ""
    uuid: str = ""
    bus: str = ""
    """The PCI address, ``0000:01:00.0``."""


@dataclass(frozen=True)
class Tegra:
    """A Jetson. ``l4t`` as in ``36.4.0``; ``board`` as the device tree's model."""

    l4t: str
    board: str = ""


@dataclass(frozen=True)
class DrmCard:
    """A graphics device of the kernel: its nodes under /dev/dri, and who made it."""

    name: str
    """``card0``"""
    vendor: str
    """``nvidia``, ``amd``, ``intel``, ``other``"""
    nodes: tuple[DeviceNode, ...] = ()


@dataclass(frozen=True)
class GpuFacts:
    nvidia_driver: str = ""
    """The loaded kernel driver's version; "" where none is loaded."""
    nvidia: tuple[NvidiaGpu, ...] = ()
    nvidia_toolkit: bool = False
    """Whether the NVIDIA container toolkit's hook or runtime is on this machine."""
    nvidia_hook: bool = False
    """Whether it is the hook, without which an engine takes no device requests for NVIDIA's GPUs."""
    tegra: Tegra | None = None
    cards: tuple[DrmCard, ...] = ()
    kfd: DeviceNode | None = None
    """/dev/kfd, AMD's compute device."""
    dxg: bool = False
    """/dev/dxg: WSL2's paravirtualised GPU."""
    cdi_devices: tuple[str, ...] = ()
    """Qualified names found in CDI specs on this machine."""
    jetson_files: tuple[str, ...] = ()
    """Of the sockets and files that Jetson programs look for, those that are there."""


@dataclass(frozen=True)
class SessionFacts:
    """What this user's login session has: it may change from one command to the next, so plans keep clear of the
    values and only ask whether there is one."""

    x11: str = ""
    """$DISPLAY, where it makes sense."""
    x11_sockets: bool = False
    """Whether /tmp/.X11-unix is there."""
    wayland: str = ""
    """The compositor's socket, absolute."""
    wslg: bool = False
    pulse: str = ""
    pipewire: str = ""
    """Sockets, absolute."""
    ssh_agent: str = ""
    """The agent's socket, absolute; "" where there is none or nobody answers there."""
    problems: tuple[str, ...] = ()
    """What the environment names and is not so: a DISPLAY that makes no sense, a dead agent socket."""
    folder: str = ""
    """Where this user's containers have their session folders, absolute; it need not be there yet."""


@dataclass(frozen=True)
class Facts:
    """``platform`` is ``os/arch[/variant]`` in Docker's words, of the engine (which need not be this machine)."""

    uid: int
    gid: int
    user_name: str
    platform: str
    timezone: str = ""
    """Of no plan so far: the quick way in does not look whether it is another."""
    read: frozenset[str] = frozenset()
    """Which of the sections below were read."""
    kernel: KernelFacts = KernelFacts()
    distribution: Distribution = Distribution()
    engine: EngineFacts = EngineFacts()
    gpu: GpuFacts = GpuFacts()
    devices: tuple[DeviceNode, ...] = ()
    """Every device node and every link to one under /dev, sorted by path."""
    not_devices: tuple[str, ...] = ()
    """What else lies under /dev, but for /dev/shm, /dev/pts and /dev/mqueue: folders with ``/`` at the end, plain files
    and sockets. Read with ``devices``, as are the next four."""
    majors: tuple[tuple[str, int], ...] = ()
    """The character devices that the kernel has drivers for, as /proc/devices names them: ("ttyUSB", 188)."""
    groups: tuple[tuple[str, int], ...] = ()
    """The groups of /etc/group by name: ("dialout", 20)."""
    udev_data: bool = False
    """Whether udev's database is there."""
    can_interfaces: tuple[str, ...] = ()
    """Network interfaces of /sys/class/net whose ``type`` is 280 (ARPHRD_CAN): ``can0``."""
    session: SessionFacts = SessionFacts()
    place: FolderIdentity | None = None
    """Which of this user's project folders is planned for; None where that follows from its path alone."""
    own_groups: tuple[int, ...] = ()
    """The supplementary GIDs of the one who works, where the same numbers mean the same groups inside."""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "read": sorted(self.read)}


SECTIONS = ("kernel", "distribution", "engine", "gpu", "devices", "session")
"""The names that ``read_facts`` takes."""
