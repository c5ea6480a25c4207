"""The classes of devices that robots have: their nodes, their stable names, and how the kernel numbers them.

Sources. Fixed majors: Linux's Documentation/admin-guide/devices.txt. Drivers' names: what each registers, as
/proc/devices shows it (drivers/gpio/gpiolib.c, drivers/media/mc/mc-devnode.c, …). Nodes, links and groups: systemd's
rules.d/50-udev-default.rules, 60-serial.rules, 60-persistent-input.rules, 60-persistent-v4l.rules; groups of the buses
on a board: Raspberry Pi OS's 99-com.rules.
"""

from __future__ import annotations

from dataclasses import dataclass

UDEV_DATA = "/run/udev"
"""udev's database of devices (udev(7)), as libraries read it."""


@dataclass(frozen=True)
class Driver:
    """Who numbers some of a class's nodes: ``major`` is 0 where the kernel chooses it as the driver is loaded."""

    name: str
    """As /proc/devices has it."""
    major: int = 0


@dataclass(frozen=True)
class DeviceClass:
    nodes: tuple[str, ...]
    """Patterns of device nodes; ``*`` stays in one folder."""
    links: tuple[str, ...] = ()
    """Patterns of the stable names that udev makes for them."""
    drivers: tuple[Driver, ...] = ()
    """Whose nodes may come and go. A node of another driver (a UART of the board) is there from the start."""
    groups: tuple[str, ...] = ()
    """Whose nodes these are on common distributions, the usual one first."""
    to_get: str = ""
    """What has to be done on the host where there is none of them."""


CLASSES: dict[str, DeviceClass] = {
    "serial": DeviceClass(
        # Not major 4 as a whole: below minor 64 those are the host's virtual consoles.
        ("/dev/ttyUSB*", "/dev/ttyACM*", "/dev/ttyAMA*", "/dev/ttyTHS*", "/dev/ttyS[0-9]*", "/dev/rfcomm*"),
        ("/dev/serial/by-id/*", "/dev/serial/by-path/*"),
        (Driver("ttyUSB", 188), Driver("ttyACM", 166), Driver("rfcomm", 216)),
        ("dialout", "uucp"),
        "plug it in, and look at `sudo dmesg | tail`",
    ),
    "video": DeviceClass(
        ("/dev/video*", "/dev/media*", "/dev/v4l-subdev*"),
        ("/dev/v4l/by-id/*", "/dev/v4l/by-path/*"),
        (Driver("video4linux", 81), Driver("media")),
        ("video",),
        "plug the camera in, and look at `sudo dmesg | tail`",
    ),
    "input": DeviceClass(
        ("/dev/input/event*", "/dev/input/js*", "/dev/input/mouse*", "/dev/input/mice"),
        ("/dev/input/by-id/*", "/dev/input/by-path/*"),
        (Driver("input", 13),),
        ("input",),
        "plug it in, and look at `sudo dmesg | tail`",
    ),
    "usb": DeviceClass(
        ("/dev/bus/usb/*/*",),
        (),
        (Driver("usb_device", 189),),
        (),
        "plug it in, and look at `lsusb`",
    ),
    "sound": DeviceClass(
        ("/dev/snd/*",),
        ("/dev/snd/by-id/*", "/dev/snd/by-path/*"),
        (Driver("alsa", 116),),
        ("audio",),
        "look at `aplay -l` on the host",
    ),
    "i2c": DeviceClass(
        ("/dev/i2c-*",),
        (),
        (Driver("i2c", 89),),
        ("i2c",),
        "`sudo modprobe i2c-dev`, and switch the bus on in the board's settings",
    ),
    "spi": DeviceClass(
        ("/dev/spidev*",),
        (),
        (Driver("spi", 153),),
        ("spi",),
        "`sudo modprobe spidev`, and switch the bus on in the board's settings",
    ),
    "gpio": DeviceClass(
        ("/dev/gpiochip*",),
        (),
        (Driver("gpiochip"),),
        ("gpio",),
        "the kernel has to know the board's GPIO controller",
    ),
    "can": DeviceClass(
        # SocketCAN: a network interface, no node.
        (),
        to_get="`sudo ip link set can0 up type can bitrate 500000`, or a virtual one: "
        "`sudo modprobe vcan && sudo ip link add can0 type vcan && sudo ip link set can0 up`",
    ),
}
