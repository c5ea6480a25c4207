"""What robenv is about to do, as values: frozen, comparable, printable as JSON. Nothing here reads or acts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from robenv.errors import Location
from robenv.plan.packages import AptRepository, PipInstall
from robenv.plan.rosdep import RosdepKeys, RosdepResult
from robenv.plan.secrets import StepSecret

Pairs = tuple[tuple[str, str], ...]
"""A mapping as a frozen value: (key, value) pairs in the order in which they were written."""

DEV, RUN = "dev", "run"
"""A profile's images: the one to work in, and the slim one with what was built and what that needs to run."""


@dataclass(frozen=True)
class Bootstrap:
    """A base made from a Debian or Ubuntu package archive with mmdebstrap, without any registry."""

    suite: str
    mirror: str
    components: tuple[str, ...]
    variant: str
    include: tuple[str, ...]
    platform: str


@dataclass(frozen=True)
class Base:
    """What a stage stands on: exactly one of ``image``, ``bootstrap`` and ``stage`` (an earlier stage's name)."""

    reference: str
    """What FROM names: the image's reference, the content-addressed tag of the bootstrapped base, or the stage."""
    image: str = ""
    bootstrap: Bootstrap | None = None
    stage: str = ""
    location: Location | None = None
    asked: str = ""
    """The image as the profile names it, where the lock has put a digest in its place."""
    snapshot: str = ""
    """The moment to which an image's own apt sources are to lead, ``20261101T000000Z``; "" for none."""


@dataclass(frozen=True)
class FileCopy:
    source: str
    """For ``stage`` == "": the path inside the build context. Else the path inside that stage, where ``*``, ``?`` and
    ``[…]`` match as in ``COPY --from``."""
    host_path: str
    """The file or folder on this machine, absolute; "" where it comes from a stage."""
    target: str
    mode: str = ""
    owner: str = ""
    stage: str = ""
    location: Location | None = None
    tree: bool = False
    """A workspace's sources: without what tools leave in them, and with links that lead elsewhere."""


@dataclass(frozen=True)
class Step:
    name: str
    run: str
    as_user: bool
    """True runs it as the image's own unprivileged user, False as root."""
    location: Location | None = None
    front: tuple[str, ...] = ()
    """A command that runs the shell of the step, given as its arguments."""
    secrets: tuple[StepSecret, ...] = ()
    ssh: bool = False
    """Whether it may ask the builder's ssh agent."""


@dataclass(frozen=True)
class RosLayers:
    """What a profile adds of ROS to an image, each kind a layer of its own."""

    packages: tuple[str, ...] = ()
    packages_location: Location | None = None
    distro: str = ""
    """Of which the index is; "" for all."""
    rosdep: bool = False
    rosdep_location: Location | None = None
    mixins: Pairs = ()
    """Indexes of colcon mixins, by name."""
    mixins_location: Location | None = None
    completion: bool = False
    completion_location: Location | None = None
    colcon_defaults: str = ""
    """colcon's defaults as a file; "" for none."""
    colcon_defaults_location: Location | None = None


@dataclass(frozen=True)
class Group:
    """What one profile of the chain adds to an image: a group of layers of its own."""

    profile: str
    args: Pairs = ()
    repositories: tuple[AptRepository, ...] = ()
    ros: RosLayers = RosLayers()
    packages: tuple[str, ...] = ()
    packages_location: Location | None = None
    pip: tuple[str, ...] = ()
    pip_location: Location | None = None
    pip_installs: tuple[PipInstall, ...] = ()
    """After ``pip``, each a call of its own."""
    environment: Pairs = ()
    environment_location: Location | None = None
    files: tuple[FileCopy, ...] = ()
    steps: tuple[Step, ...] = ()
    rosdep_keys: RosdepKeys | None = None
    dependencies: RosdepResult | None = None


@dataclass(frozen=True)
class Healthcheck:
    test: tuple[str, ...]
    """As in the Engine API: ("CMD", …), ("CMD-SHELL", line) or ("NONE",)."""
    interval: float = 0
    timeout: float = 0
    start_period: float = 0
    """Seconds; 0 is the engine's default."""
    retries: int = 0


@dataclass(frozen=True)
class ImageSettings:
    """What the image's own configuration says, beyond its files."""

    shell: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    labels: Pairs = ()
    healthcheck: Healthcheck | None = None
    setup_scripts: tuple[str, ...] = ()
    """Shell scripts that the image's entrypoint sources, where they exist, before it runs a command."""
    shared: Pairs = ()
    """(path in the home folder, path in the image): where a home has nothing there, the entrypoint links it."""


@dataclass(frozen=True)
class Stage:
    name: str
    base: Base
    groups: tuple[Group, ...]
    settings: ImageSettings = ImageSettings()
    shell: tuple[str, ...] = ()
    """What runs its steps, where that is not its own setting but that of a stage upon it."""
    apt_login: StepSecret | None = None
    """By which apt logs into package archives."""


@dataclass(frozen=True)
class BuildPlan:
    """An image to be made for one platform. The last stage is the image."""

    project: str
    platform: str
    stages: tuple[Stage, ...]
    user: str
    """The unprivileged user's name inside."""
    create_user: bool
    """Whether the image itself must have that user: only where a step runs as it."""
    directory: str = ""
    """The project's folder on this machine, whose .dockerignore counts; "" where there is none."""
    purpose: str = DEV
    """Which of the profile's images: DEV or RUN."""
    confined: tuple[str, ...] = ()
    """Folders of other people's profiles: what these name lies in them, links followed."""

    @property
    def bases(self) -> tuple[Base, ...]:
        """The bases that must be there before the build, each once, in the order of the stages."""
        seen: dict[str, Base] = {}
        for stage in self.stages:
            if not stage.base.stage:
                seen.setdefault(stage.base.reference, stage.base)
        return tuple(seen.values())

    @property
    def roots(self) -> dict[str, Base]:
        """What each stage stands on in the end: an image or a bootstrapped base, by the stage's name."""
        found: dict[str, Base] = {}
        for stage in self.stages:
            found[stage.name] = found.get(stage.base.stage, stage.base)
        return found

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class User:
    """Who works inside: numbers from the host, names from the profile."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    sudo: bool


@dataclass(frozen=True)
class Mount:
    kind: str
    """``bind``, ``volume`` or ``tmpfs``, as in the Engine API."""
    source: str
    target: str
    read_only: bool = False
    options: tuple[tuple[str, str | int | bool], ...] = ()
    """Compose's long-form options that the Engine API knows: propagation, create_host_path, nocopy, size, mode."""


@dataclass(frozen=True)
class Port:
    container: str
    """``8080/tcp``"""
    host_ip: str
    host_port: str
    """A port, a range ``8000-8010``, or "" for any free one."""


@dataclass(frozen=True)
class Ulimit:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True)
class Device:
    host: str
    container: str
    permissions: str = "rwm"


@dataclass(frozen=True)
class DeviceRequest:
    """As in the Engine API: ``driver`` "" with ``capabilities`` (("gpu",),), or ``driver`` "cdi" with qualified names.
    ``count`` -1 is all; it is 0 where ``device_ids`` says which."""

    driver: str
    count: int = 0
    device_ids: tuple[str, ...] = ()
    capabilities: tuple[tuple[str, ...], ...] = ()
    options: Pairs = ()


@dataclass(frozen=True)
class Pool:
    """A subnet of a network, as in Compose's ``ipam.config``; empty texts are the engine's choice."""

    subnet: str = ""
    gateway: str = ""
    ip_range: str = ""
    aux_addresses: Pairs = ()


@dataclass(frozen=True)
class Network:
    """A network of the project's own, or somebody else's (``external``), of which only the name counts."""

    name: str
    """On the engine."""
    key: str
    """In the profile."""
    driver: str = ""
    options: Pairs = ()
    ipam_driver: str = ""
    ipam_options: Pairs = ()
    pools: tuple[Pool, ...] = ()
    external: bool = False
    internal: bool = False
    attachable: bool = False
    enable_ipv6: bool = False
    labels: Pairs = ()


@dataclass(frozen=True)
class Attachment:
    """How a container is on a network. Addresses are empty where the network gives one."""

    network: Network
    aliases: tuple[str, ...] = ()
    ipv4_address: str = ""
    ipv6_address: str = ""


@dataclass(frozen=True)
class DiskLimit:
    """``kind``: ``weight``, ``read_bps``, ``write_bps``, ``read_iops`` or ``write_iops``; ``path``: a disk's node."""

    path: str
    kind: str
    value: int


@dataclass(frozen=True)
class RunPlan:
    """A container to be made. Numbers are bytes, seconds and Engine units; absent settings are None or empty."""

    project: str
    directory: str
    """The project's folder on this machine."""
    name: str
    """The container's name."""
    image: str
    platform: str
    user: User
    working_dir: str
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...]
    environment: Pairs
    mounts: tuple[Mount, ...]
    home_volume: str
    labels: Pairs
    prefix: str = ""
    """What the names of the project's own volumes and networks begin with; the home volume's may be another one."""
    hostname: str = ""
    domainname: str = ""
    network_mode: str = ""
    networks: tuple[Attachment, ...] = ()
    """Never beside a ``network_mode``."""
    ipc: str = ""
    pid: str = ""
    uts: str = ""
    userns_mode: str = ""
    cgroup: str = ""
    cgroup_parent: str = ""
    runtime: str = ""
    init: bool = True
    privileged: bool = False
    read_only: bool = False
    restart: str = ""
    stop_signal: str = ""
    stop_grace_period: float | None = None
    shm_size: int | None = None
    mem_limit: int | None = None
    mem_reservation: int | None = None
    memswap_limit: int | None = None
    mem_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    oom_score_adj: int | None = None
    cpus: float | None = None
    cpu_shares: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpu_rt_runtime: int | None = None
    cpu_rt_period: int | None = None
    cpuset: str = ""
    pids_limit: int | None = None
    blkio_weight: int | None = None
    blkio_limits: tuple[DiskLimit, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    device_cgroup_rules: tuple[str, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    groups: tuple[int, ...] = ()
    """Supplementary GIDs that the user inside has besides what the image says."""
    own_groups: tuple[int, ...] = ()
    """The supplementary GIDs of the one whose container it is, on this machine."""
    only_these_groups: bool = False
    """Whether the user has ``groups`` and ``group_add`` alone, and none that the image puts a user of that name in."""
    session: tuple[str, ...] = ()
    """Parts of the login session that every command inside gets when it starts."""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    sysctls: Pairs = ()
    ulimits: tuple[Ulimit, ...] = ()
    ports: tuple[Port, ...] = ()
    expose: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    logging_driver: str = ""
    logging_options: Pairs = ()
    storage_opt: Pairs = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
