"""``run:``: Compose's service keys, spelled and shaped as there, as typed values: bytes, seconds, Engine units."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.names import Capability, UserReference
from robenv.profile.schema.run.network import Attachments
from robenv.profile.schema.run.parts import (
    Address,
    Blkio,
    Device,
    EnvFiles,
    Environment,
    Expose,
    ExtraHosts,
    Healthcheck,
    IpcMode,
    Labels,
    Logging,
    NetworkMode,
    PairList,
    PidMode,
    Ports,
    Ulimit,
    UlimitName,
    Volume,
)
from robenv.profile.schema.types import (
    TEXT_SCHEMA,
    AnyText,
    Argv,
    Boolean,
    Bytes,
    BytesOrUnlimited,
    ContainerPath,
    Duration,
    Leaf,
    Line,
    Microseconds,
    Number,
    OneOrMany,
    PlainLine,
    Section,
    integer,
    one_of,
    pattern,
    take_text,
    unset,
)
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

_SIGNAL = r"(?:SIG)?[A-Z][A-Z0-9]*(?:[+-][0-9]{1,2})?|[1-9][0-9]?"
_CPUSET = r"[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_WORD = r"[A-Za-z0-9][A-Za-z0-9/_.-]*"
_SYSCTL = r"[a-z0-9_]+(?:[./][A-Za-z0-9_-]+)+"

SysctlName = Annotated[str, pattern(_SYSCTL, "a kernel setting such as `net.ipv4.ip_forward`")]
Lines = Annotated[tuple[PlainLine, ...], OneOrMany]


_NO_NEW_PRIVILEGES = "no-new-privileges"


def _security_option(value: Any) -> str:
    """As it stands; of no-new-privileges only what all readers take alike: ``0`` and ``F`` are false to the engine."""
    option = take_text(value, "an option such as `seccomp=unconfined`")
    name, sign, said = option.partition("=" if "=" in option else ":")
    if name.strip().lower() != _NO_NEW_PRIVILEGES:
        return option
    if name != _NO_NEW_PRIVILEGES or (sign and said not in ("true", "false")):
        raise BadValue(
            f"{show(option)} is not `{_NO_NEW_PRIVILEGES}`, with `:true` or `:false` where it says so",
            f"write `{_NO_NEW_PRIVILEGES}:true` or `{_NO_NEW_PRIVILEGES}:false`",
        )
    return option


class Run(Section):
    """How the container runs. Every key means what it means in a service of a Compose file."""

    command: Annotated[Argv | None, Field(description="what the container runs instead of the image's command")] = None
    entrypoint: Annotated[Argv | None, Field(description="what the command is handed to")] = None
    working_dir: Annotated[ContainerPath, Field(description="default: the workspace")] = ""
    environment: Annotated[Environment, Field(description="a name without a value takes the host's value")] = Field(
        default_factory=dict
    )
    env_file: Annotated[EnvFiles, Field(description="files of NAME=value; `environment` goes before them")] = ()
    labels: Labels = Field(default_factory=dict)
    volumes: Annotated[tuple[Volume, ...], Field(description="./folder:/path[:ro] or name:/path")] = ()
    tmpfs: Annotated[Lines, Field(description="/path[:size=64m,mode=1777]")] = ()
    devices: Annotated[tuple[Device, ...], Field(description="/dev/ttyUSB0[:/dev/arm[:rwm]]")] = ()
    device_cgroup_rules: tuple[
        Annotated[str, pattern(r"[abc] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}", "a rule such as `c 188:* rmw`")], ...
    ] = ()
    ports: Annotated[Ports, Field(description="[[IP:]HOST:]CONTAINER[/udp]")] = ()
    expose: tuple[Expose, ...] = ()
    network_mode: Annotated[NetworkMode, Field(description="bridge, host, none, container:NAME or a network")] = ""
    networks: Annotated[Attachments, Field(description="names of `networks`, each with address and aliases")] = Field(
        default_factory=dict
    )
    hostname: Annotated[str, pattern(rf"(?=.{{1,63}}$){_LABEL}(?:\.{_LABEL})*", "a host's name")] = ""
    domainname: Annotated[str, pattern(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*", "a domain's name")] = ""
    dns: Annotated[tuple[Address, ...], OneOrMany] = ()
    dns_search: Lines = ()
    dns_opt: tuple[PlainLine, ...] = ()
    extra_hosts: Annotated[ExtraHosts, Field(description="HOST:ADDRESS")] = ()
    ipc: Annotated[IpcMode, Field(description="host: shared memory with the host, as DDS may want")] = ""
    pid: PidMode = ""
    uts: Annotated[str, one_of("host")] = ""
    userns_mode: Annotated[str, one_of("host")] = ""
    cgroup: Annotated[str, one_of("host", "private")] = ""
    cgroup_parent: Line = ""
    runtime: Annotated[str, pattern(_WORD, "a runtime such as `nvidia`")] = ""
    init: Annotated[Boolean, Field(description="an init process that reaps and passes signals on")] = True
    privileged: Annotated[Boolean, Field(description="root inside is root on the host: rarely needed")] = False
    read_only: Annotated[Boolean, Field(description="the container's own file system")] = False
    restart: Annotated[
        str,
        pattern(r"no|always|unless-stopped|on-failure(?::\d{1,6})?", "no, always, unless-stopped or on-failure[:N]"),
    ] = ""
    stop_signal: Annotated[str, pattern(_SIGNAL, "a signal such as `SIGTERM`", plain=True)] = ""
    stop_grace_period: Duration | None = None
    shm_size: Annotated[Bytes | None, Field(description="of /dev/shm; default 64mb")] = None
    mem_limit: Annotated[Bytes | None, Field(description="such as 8gb; beyond it something is killed")] = None
    mem_reservation: Bytes | None = None
    memswap_limit: Annotated[BytesOrUnlimited | None, Field(description="memory and swap together; -1: no limit")] = (
        None
    )
    mem_swappiness: Annotated[int, integer(0, 100)] | None = None
    oom_kill_disable: Boolean | None = None
    oom_score_adj: Annotated[int, integer(-1000, 1000)] | None = None
    cpus: Annotated[Number | None, Field(description="how many at once, such as 1.5")] = None
    cpu_shares: Annotated[int, integer(0, 262_144)] | None = None
    cpu_period: Microseconds | None = None
    cpu_quota: Microseconds | None = None
    cpu_rt_runtime: Annotated[
        Microseconds | None, Field(description="of each cpu_rt_period, such as 400ms: only under cgroup v1")
    ] = None
    cpu_rt_period: Annotated[Microseconds | None, Field(description="default 1s")] = None
    cpuset: Annotated[str, pattern(_CPUSET, "processors such as `0-3,6`", plain=True)] = ""
    blkio_config: Annotated[Blkio, Field(description="how fast disks are read and written")] = unset(Blkio)
    pids_limit: Annotated[int, integer(-1, 2**22)] | None = None
    ulimits: Annotated[dict[UlimitName, Ulimit], Field(description="a number, or {soft, hard}")] = Field(
        default_factory=dict
    )
    sysctls: Annotated[dict[SysctlName, AnyText], PairList] = Field(default_factory=dict)
    cap_add: Annotated[tuple[Capability, ...], Field(description="kernel capabilities, such as NET_ADMIN")] = ()
    cap_drop: Annotated[tuple[Capability, ...], Field(description="default: ALL, for a user without sudo")] = ()
    security_opt: Annotated[
        tuple[Annotated[str, Leaf(_security_option, TEXT_SCHEMA)], ...],
        Field(description="seccomp=FILE takes in what the file says"),
    ] = ()
    group_add: Annotated[tuple[UserReference, ...], Field(description="names or numbers of groups")] = ()
    healthcheck: Healthcheck | None = None
    logging: Logging = unset(Logging)
    storage_opt: dict[Line, AnyText] = Field(default_factory=dict)
