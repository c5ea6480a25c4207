"""What a profile asks of the host it comes up on: GPU, display, sound, devices, realtime."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.run.short_syntax import expand_wish, permissions
from robenv.profile.schema.types import (
    TEXT_SCHEMA,
    Boolean,
    ContainerPath,
    HostPath,
    Leaf,
    OneOrMany,
    PlainLine,
    Section,
    Short,
    one_of,
    pattern,
    take_line,
)
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import show

GPU_VENDORS = ("nvidia", "amd", "intel", "jetson")
GPU_CAPABILITIES = ("compute", "compat32", "display", "graphics", "ngx", "utility", "video")
"""The NVIDIA container toolkit's driver capabilities."""
DEVICE_CLASSES = ("serial", "video", "input", "usb", "sound", "i2c", "spi", "gpio", "can")


_MODES = ("auto", "none", "required")
_MODE = one_of(*_MODES, expected="`auto`, `none`, `required` or a mapping such as {vendor: nvidia}")


def _gpu(value: Any) -> Any:
    return {"mode": _MODE.parse(value)} if isinstance(value, str) else value


class Gpu(Section):
    """Which GPU, and what for."""

    mode: Annotated[str, one_of(*_MODES), Field(description="auto: comes up without one too")] = "auto"
    vendor: Annotated[str, one_of(*GPU_VENDORS), Field(description="default: what the machine has")] = ""
    devices: Annotated[
        tuple[PlainLine, ...], OneOrMany, Field(description="indices or UUIDs; default: all of them")
    ] = ()
    capabilities: Annotated[
        tuple[Annotated[str, one_of(*GPU_CAPABILITIES)], ...],
        OneOrMany,
        Field(description="what of the driver is put in; default: compute, utility, graphics, video, display"),
    ] = ()


def _wish(value: Any) -> Any:
    return expand_wish(take_line(value, "a device")) if isinstance(value, str) else value


def _by(value: Any) -> str:
    path = take_line(value, "a path or pattern below /dev, such as `serial/by-id/usb-*`")
    absolute = path if path.startswith("/") else f"/dev/{path}"
    if not absolute.startswith("/dev/") or "/../" in f"{absolute}/":
        raise BadValue(f"{show(path)} is not below /dev", "devices are named as /dev/NAME")
    return absolute


class DeviceRequirement(Section):
    """A device by its node, its stable name or a pattern, or a whole class of them."""

    by: Annotated[str, Leaf(_by, TEXT_SCHEMA), Field(description="/dev/ttyUSB0, or serial/by-id/usb-FTDI*")] = ""
    device_class: Annotated[
        str, one_of(*DEVICE_CLASSES), Field(alias="class", description="every device of a kind")
    ] = ""
    hotplug: Annotated[Boolean, Field(description="with class: also what is plugged in later")] = False
    name: Annotated[
        str,
        pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a name such as `lidar`"),
        Field(description="/dev/NAME inside"),
    ] = ""
    target: Annotated[ContainerPath, Field(description="default: the same path as on the host")] = ""
    permissions: Annotated[
        str,
        Leaf(lambda value: permissions(take_line(value, "permissions")), TEXT_SCHEMA),
        Field(description="of `rwm`: to read, to write, to make nodes of it"),
    ] = "rwm"
    optional: Annotated[Boolean, Field(description="comes up without it too")] = False


def _rules(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class UdevRules(Section):
    """A udev rules file of the project, for the host."""

    file: Annotated[HostPath, Field(description="ends in .rules, and begins with a number: 99-lidar.rules")]
    allow_run: Annotated[Boolean, Field(description="it may run commands on the host as root: RUN, PROGRAM")] = False


GpuOrWord = Annotated[Gpu, Short(_gpu, _MODE.schema)]
Udev = Annotated[UdevRules, Short(_rules, TEXT_SCHEMA)]
Wish = Annotated[DeviceRequirement, Short(_wish, TEXT_SCHEMA)]
Display = Annotated[str, one_of(*_MODES, "x11", "wayland")]
Audio = Annotated[str, one_of(*_MODES, "pulseaudio", "pipewire")]
SshAgent = Annotated[str, one_of(*_MODES)]
