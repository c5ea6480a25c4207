"""The parts of ``run:`` that have more than one form in Compose, as typed values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from robenv.profile.schema.names import LabelName, VariableName
from robenv.profile.schema.run.short_syntax import (
    PROTOCOLS,
    PortMapping,
    expand_device,
    expand_volume,
    parse_port,
    permissions,
    spread_ports,
)
from robenv.profile.schema.types import (
    TEXT_SCHEMA,
    AnyText,
    Boolean,
    Bytes,
    ContainerPath,
    Duration,
    HostPath,
    JsonSchema,
    Leaf,
    PlainLine,
    Section,
    Short,
    integer,
    one_of,
    one_or_many,
    pattern,
    take_line,
    take_text,
    unset,
)
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show


def _if_text(expand: Any) -> Any:
    return lambda value: expand(take_line(value, "a text")) if isinstance(value, str) else value


def _name_value(value: Any) -> Any:
    """A mapping from Compose's list of ``NAME=value``."""
    if not isinstance(value, (list, tuple)):
        return value
    pairs: dict[str, str] = Field(default_factory=dict)
    for item in value:
        name, _, text = take_text(item, "NAME=value", plain=True).partition("=")
        pairs[name] = text
    return pairs


PairList = Short(_name_value, {"type": "array", "items": TEXT_SCHEMA})
Environment = Annotated[dict[VariableName, AnyText], PairList]
Labels = Annotated[dict[LabelName, AnyText], PairList]


class Healthcheck(Section):
    """How the engine finds out whether the container does well."""

    test: Annotated[
        tuple[str, ...] | None,
        Leaf(lambda value: _health_test(value), {"anyOf": [TEXT_SCHEMA, {"type": "array", "items": TEXT_SCHEMA}]}),
        Field(description="[CMD, …], [CMD-SHELL, line], [NONE], or a line for the container's shell"),
    ] = None
    interval: Annotated[Duration, Field(description="between two checks")] = 0.0
    timeout: Annotated[Duration, Field(description="after which a check has failed")] = 0.0
    start_period: Annotated[Duration, Field(description="in which failures do not count")] = 0.0
    retries: Annotated[int, integer(0, 10_000), Field(description="failures in a row that make it unhealthy")] = 0
    disable: Annotated[Boolean, Field(description="no check, also where the image has one")] = False


def _health_test(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        return "CMD-SHELL", take_text(value, "a command: a text or a list")
    test = tuple(take_text(item, "an argument", plain=True) for item in value)
    if not test or test[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise BadValue("the list begins with `CMD`, `CMD-SHELL` or `NONE`", "such as [CMD, curl, -f, localhost]")
    expected = {"NONE": len(test) == 1, "CMD": len(test) > 1, "CMD-SHELL": len(test) == 2}
    if not expected[test[0]]:
        raise BadValue(
            f"`{test[0]}` with {len(test) - 1} arguments", "CMD takes a command, CMD-SHELL one line, NONE nothing"
        )
    return test


class BindOptions(Section):
    propagation: Annotated[str, one_of("private", "rprivate", "shared", "rshared", "slave", "rslave")] = ""
    create_host_path: Boolean = True
    selinux: Annotated[str, one_of("z", "Z")] = ""


class VolumeOptions(Section):
    nocopy: Boolean = False
    subpath: PlainLine = ""


class TmpfsOptions(Section):
    size: Bytes | None = None
    mode: Annotated[int | None, Leaf(lambda value: _octal(value), {"type": ["integer", "string"]})] = None


def _octal(value: Any) -> int:
    text = take_line(value, "a mode such as `0o1777`", plain=True)
    if not re.fullmatch("(0o)?[0-7]{3,4}|0[0-7]{4}", text):
        raise BadValue(f"{show(text)} is not a mode such as `0o1777`")
    return int(text.removeprefix("0o"), 8)


class VolumeMount(Section):
    """A folder of the host, a named volume, or memory, at a path of the container."""

    type: Annotated[str, one_of("bind", "volume", "tmpfs")]
    source: HostPath = ""
    target: ContainerPath
    read_only: Boolean = False
    consistency: Annotated[str, one_of("consistent", "cached", "delegated")] = ""
    bind: BindOptions = unset(BindOptions)
    volume: VolumeOptions = unset(VolumeOptions)
    tmpfs: TmpfsOptions = unset(TmpfsOptions)


def _check_volume(volume: VolumeMount) -> VolumeMount:
    source = volume.source
    if volume.type == "volume" and source and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", source, re.ASCII):
        hint = f"a folder is written {show('./' + source)}" if "/" in source else ""
        raise BadValue(f"{show(source)} is no name of a volume", hint)
    if volume.type == "bind" and not source:
        raise BadValue("a bind needs a `source`: a folder or file of the host")
    if volume.type == "tmpfs" and source:
        raise BadValue("a tmpfs has no `source`", "take it out")
    return volume


class DeviceMapping(Section):
    """A device of the host, and what it is called inside."""

    source: ContainerPath
    target: ContainerPath
    permissions: Annotated[str, Leaf(lambda value: permissions(take_line(value, "permissions")), TEXT_SCHEMA)] = "rwm"


class EnvironmentFile(Section):
    path: HostPath
    required: Boolean = True
    format: Annotated[str, one_of("raw")] = ""


_LIMIT = integer(-1, 2**62, "a whole number, or -1 for no limit")


class UlimitRange(Section):
    soft: Annotated[int, _LIMIT]
    hard: Annotated[int, _LIMIT]


Disk = Annotated[ContainerPath, Field(description="a disk of the host, such as /dev/nvme0n1")]


class DeviceWeight(Section):
    path: Disk
    weight: Annotated[int, integer(10, 1000), Field(description="against others")]


class DeviceBps(Section):
    path: Disk
    rate: Annotated[Bytes, Field(description="bytes a second, such as `12mb`")]


class DeviceIops(Section):
    path: Disk
    rate: Annotated[int, integer(1, 2**62), Field(description="operations a second")]


class Blkio(Section):
    """How the container shares the disks. ``path`` is a disk of the host, such as /dev/nvme0n1."""

    weight: Annotated[int | None, integer(10, 1000), Field(description="against others; default 500")] = None
    weight_device: Annotated[tuple[DeviceWeight, ...], Field(description="the same for one disk")] = ()
    device_read_bps: Annotated[tuple[DeviceBps, ...], Field(description="limits of reading")] = ()
    device_write_bps: Annotated[tuple[DeviceBps, ...], Field(description="limits of writing")] = ()
    device_read_iops: Annotated[tuple[DeviceIops, ...], Field(description="limits of reading, in operations")] = ()
    device_write_iops: Annotated[tuple[DeviceIops, ...], Field(description="limits of writing, in operations")] = ()


class Logging(Section):
    driver: Annotated[str, pattern(r"[A-Za-z0-9][A-Za-z0-9/._:-]*", "a logging driver such as `local`")] = ""
    options: dict[PlainLine, AnyText] = Field(default_factory=dict)


def _ulimit(value: Any) -> Any:
    if isinstance(value, (dict, UlimitRange)):
        return value
    limit = _LIMIT.parse(value)
    return {"soft": limit, "hard": limit}


def _port_items(value: Any) -> tuple[PortMapping, ...]:
    if isinstance(value, dict):
        return _long_port(value)
    return parse_port(take_line(value, "a port", plain=True))


_LONG_PORT = ("target", "published", "host_ip", "protocol", "mode", "name", "app_protocol")


def _long_port(value: dict[str, Any]) -> tuple[PortMapping, ...]:
    for key in value:
        if key not in _LONG_PORT:
            raise BadValue(f"unknown key {show(key)}", "the long form has target, published, protocol and host_ip")
    if "target" not in value:
        raise BadValue("`target` is missing: the port of the container")
    taken = {key: take_line(item, "a text or a number", plain=True) for key, item in value.items()}
    if taken.get("mode", "host") not in ("host", "ingress"):
        raise BadValue(f"expected `host` or `ingress` for mode, not {show(taken['mode'])}")
    host_ip = taken.get("host_ip", "")
    if host_ip:
        _address(host_ip)
    return spread_ports(taken["target"], taken.get("published", ""), host_ip, taken.get("protocol", "tcp"))


def _address(value: Any) -> str:
    address = take_line(value, "an IP address")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise BadValue(f"{show(address)} is not an IP address") from None
    return address


def _extra_host(value: Any) -> str:
    expected = "HOST:ADDRESS, such as `robot:192.168.1.5`"
    entry = take_line(value, expected)
    separator = "=" if "=" in entry else ":"
    host, _, address = entry.partition(separator)
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", host, re.ASCII) or not address:
        raise BadValue(f"{show(entry)} is not {expected}")
    if address != "host-gateway":
        _address(address.strip("[]"))
    return f"{host}:{address.strip('[]')}"


def _network_mode(value: Any) -> str:
    mode = take_line(value, "a network mode such as `host`, `bridge` or `none`")
    if mode.startswith("service:"):
        raise BadValue("`service:` names a service of a Compose file, and there is none", "use container:NAME")
    if not re.fullmatch(r"(?:container:)?[A-Za-z0-9][A-Za-z0-9_.-]*", mode, re.ASCII):
        raise BadValue(f"{show(mode)} is not a network mode such as `host`, `bridge`, `none` or `container:NAME`")
    return mode


def _namespace(*words: str) -> Leaf:
    named = " or ".join(f"`{word}`" for word in words) + " or `container:NAME`"

    def parse(value: Any) -> str:
        mode = take_line(value, named)
        if mode not in words and not re.fullmatch(r"container:[A-Za-z0-9][A-Za-z0-9_.-]*", mode, re.ASCII):
            raise BadValue(f"expected {named}, not {show(mode)}")
        return mode

    return Leaf(parse, TEXT_SCHEMA)


def _expose(value: Any) -> str:
    entry = take_line(value, "a port such as `3000` or `8000-8010/udp`", plain=True)
    ports, slash, protocol = entry.partition("/")
    found = spread_ports(ports, "", "", protocol if slash else "tcp")
    return f"{ports}/{found[0].container.partition('/')[2]}"


@dataclass(frozen=True)
class _PortList:
    """A list whose entries, read one by one so that each refusal has its place, may each stand for several ports."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        entries = core_schema.list_schema(core_schema.no_info_plain_validator_function(_port_items))
        flatten = lambda entries: tuple(port for ports in entries for port in ports)  # noqa: E731
        dump = core_schema.plain_serializer_function_ser_schema(list)
        return core_schema.no_info_after_validator_function(flatten, entries, serialization=dump)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        number = {"type": ["integer", "string"]}
        keys = {"target": number, "published": number, "protocol": {"enum": list(PROTOCOLS)}}
        texts = {key: TEXT_SCHEMA for key in _LONG_PORT if key not in keys}
        long = {
            "type": "object",
            "properties": {**keys, **texts},
            "required": ["target"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": {"anyOf": [number, long]}}


def _host_list(value: Any) -> Any:
    """Compose's mapping form of extra_hosts as its list form."""
    if not isinstance(value, dict):
        return one_or_many(value)
    return [f"{host}:{item}" for host, items in value.items() for item in one_or_many(items)]


ULIMITS = (
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
    "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
)  # fmt: skip
_VOLUMES = {"description": "SOURCE:TARGET[:ro]: a folder (./data, /data, ~/data) or a named volume"}

Address = Annotated[str, Leaf(_address, TEXT_SCHEMA)]
Ports = Annotated[tuple[PortMapping, ...], _PortList()]
Volume = Annotated[
    VolumeMount, Short(_if_text(expand_volume), {**TEXT_SCHEMA, **_VOLUMES}), AfterValidator(_check_volume)
]
Device = Annotated[DeviceMapping, Short(_if_text(expand_device), TEXT_SCHEMA)]
Ulimit = Annotated[UlimitRange, Short(_ulimit, {"type": ["integer", "string"]})]
UlimitName = Annotated[str, one_of(*ULIMITS, expected="the name of a limit such as `nofile`")]
ExtraHosts = Annotated[
    tuple[Annotated[str, Leaf(_extra_host, TEXT_SCHEMA)], ...], Short(_host_list, {"type": "object"})
]
NetworkMode = Annotated[str, Leaf(_network_mode, TEXT_SCHEMA)]
IpcMode = Annotated[str, _namespace("none", "private", "shareable", "host")]
PidMode = Annotated[str, _namespace("host")]
Expose = Annotated[str, Leaf(_expose, {"type": ["string", "integer"]})]
EnvFile = Annotated[EnvironmentFile, Short(_if_text(lambda path: {"path": path}), TEXT_SCHEMA)]
EnvFiles = Annotated[tuple[EnvFile, ...], Short(one_or_many, TEXT_SCHEMA)]
