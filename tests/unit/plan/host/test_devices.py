from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from robenv.catalog.devices import CLASSES
from robenv.host.facts import DeviceNode, EngineFacts, Facts
from robenv.plan.host.device_nodes import class_of, matches
from robenv.plan.host.devices import plan_devices
from robenv.plan.host.requirements import Grant
from robenv.plan.models import Device, Mount
from robenv.profile.schema.profile import Profile

DIALOUT, VIDEO, GPIO = 20, 44, 997


def node(path: str, major: int, minor: int, gid: int = 0, mode: int = 0o660, target: str = "") -> DeviceNode:
    return DeviceNode(path, "char", major, minor, gid, mode, target)


NODES = (
    node("/dev/console", 5, 1, mode=0o600),
    node("/dev/gpiochip0", 254, 0, GPIO),
    node("/dev/i2c-1", 89, 1, mode=0o600),
    node("/dev/input/by-id/usb-Sony-event-joystick", 13, 64, 102, target="/dev/input/event0"),
    node("/dev/input/event0", 13, 64, 102),
    node("/dev/net/tun", 10, 200, mode=0o666),
    node("/dev/null", 1, 3, mode=0o666),
    node("/dev/serial/by-id/usb-SLAMTEC_lidar-if00-port0", 188, 0, DIALOUT, target="/dev/ttyUSB0"),
    node("/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0", 188, 0, DIALOUT, target="/dev/ttyUSB0"),
    node("/dev/ttyACM0", 166, 0, DIALOUT),
    node("/dev/ttyUSB0", 188, 0, DIALOUT),
    node("/dev/ttyUSB1", 188, 1, DIALOUT),
    node("/dev/video0", 81, 0, VIDEO),
)
FACTS = Facts(
    1000, 1000, "someone", "linux/amd64", read=frozenset({"devices", "engine"}), devices=NODES,
    not_devices=("/dev/log", "/dev/mapper/", "/dev/serial/", "/dev/serial/by-id/"),
    majors=(("mem", 1), ("gpiochip", 254), ("ttyUSB", 188)),
    groups=(("dialout", DIALOUT), ("video", VIDEO), ("gpio", GPIO), ("plugdev", 46)),
)  # fmt: skip


def plan(*wishes: Any, facts: Facts = FACTS, **rest: Any) -> Grant:
    return plan_devices(Profile.model_validate({"devices": list(wishes), **rest}), facts)


def given(*wishes: Any, facts: Facts = FACTS) -> dict[str, str]:
    grant = plan(*wishes, facts=facts)
    assert not grant.unmet
    return {device.container: device.host for device in grant.devices}


def test_no_wish_gives_nothing() -> None:
    assert plan() == Grant()


@pytest.mark.parametrize("wish", ["/dev/ttyUSB0", "ttyUSB0", {"by": "/dev/./ttyUSB0"}, "/dev/ttyUSB[0]", "ttyU*0"])
def test_a_node_is_given_with_its_group(wish: Any) -> None:
    grant = plan(wish)
    assert grant == Grant(devices=(Device("/dev/ttyUSB0", "/dev/ttyUSB0", "rwm"),), groups=(DIALOUT,))


def test_a_stable_name_gives_the_node_at_both_places() -> None:
    assert given("serial/by-id/usb-SLAMTEC*") == {
        "/dev/serial/by-id/usb-SLAMTEC_lidar-if00-port0": "/dev/ttyUSB0",
        "/dev/ttyUSB0": "/dev/ttyUSB0",
    }


def test_a_stable_name_by_path_has_colons_of_its_own() -> None:
    path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"
    assert given(path) == {path: "/dev/ttyUSB0", "/dev/ttyUSB0": "/dev/ttyUSB0"}
    assert given(f"{path}:/dev/arm:rw") == {"/dev/arm": "/dev/ttyUSB0"}


def test_a_name_of_its_own_inside() -> None:
    wish = {"by": "serial/by-id/usb-SLAMTEC*", "name": "lidar", "permissions": "rw"}
    assert plan(wish).devices == (Device("/dev/ttyUSB0", "/dev/lidar", "rw"),)
    assert given("/dev/video0:/dev/camera") == {"/dev/camera": "/dev/video0"}
    assert given({"by": "video0", "target": "/opt/camera"}) == {"/opt/camera": "/dev/video0"}


def test_one_device_by_two_stable_names_is_still_one_for_a_name() -> None:
    facts = replace(FACTS, devices=(*NODES, node("/dev/lidar", 188, 0, DIALOUT, target="/dev/ttyUSB0")))
    assert given({"by": "serial/by-*/*", "name": "x"}, facts=facts) == {"/dev/x": "/dev/ttyUSB0"}


def test_a_name_for_several_devices_is_refused() -> None:
    (requirement,) = plan("null", {"by": "ttyUSB*", "name": "lidar"}).unmet
    assert requirement.path == ("devices", 1)
    assert requirement.message == "/dev/ttyUSB* matches more than one device, and /dev/lidar is one place"
    assert "/dev/ttyUSB0, /dev/ttyUSB1" in requirement.hint


def test_two_devices_for_one_place() -> None:
    (requirement,) = plan({"by": "ttyUSB1", "name": "ttyUSB0"}, "ttyUSB*").unmet
    assert requirement.path == ("devices", 1)
    assert requirement.message == "/dev/ttyUSB0 inside would be both /dev/ttyUSB1 and /dev/ttyUSB0"


def test_two_wishes_for_the_same_device_are_one_with_both_permissions() -> None:
    assert plan({"by": "ttyUSB0", "permissions": "r"}, {"by": "ttyUSB?", "permissions": "mw"}).devices == (
        Device("/dev/ttyUSB0", "/dev/ttyUSB0", "rwm"),
        Device("/dev/ttyUSB1", "/dev/ttyUSB1", "mw"),
    )


@pytest.mark.parametrize(
    ("wish", "message", "hint"),
    [
        ("ttyUSB7", "there is no device /dev/ttyUSB7", "there is /dev/ttyUSB1; serial devices here: /dev/ttyACM0, "
         "/dev/serial/by-id/usb-SLAMTEC_lidar-if00-port0, /dev/ttyUSB1"),
        ("TTYusb0", "there is no device /dev/TTYusb0", "there is /dev/ttyUSB0"),
        ("ttyUBS0", "there is no device /dev/ttyUBS0", "serial devices here"),
        ("serial/by-id/usb-FTDI*", "no device matches /dev/serial/by-id/usb-FTDI*", "serial devices here"),
        ("spidev0.0", "there is no device /dev/spidev0.0", "no spi device is there: `sudo modprobe spidev`"),
        ("snd", "there is no device /dev/snd", "no sound device is there"),
        ("zzz", "there is no device /dev/zzz", "`ls /dev` shows what there is"),
        ("/dev/input", "/dev/input is a folder, not a device", "write /dev/input/*/* for those in it: /dev/input/"),
        ("/dev/net/", "/dev/net is a folder, not a device", "write /dev/net/* for those in it: /dev/net/tun"),
        ("/dev/mapper", "/dev/mapper is a folder, not a device", "there is no device in it"),
        ("/dev/log", "/dev/log is no device but a plain file or a socket", ""),
        ({"class": "spi"}, "there is no spi device on this machine", "sudo modprobe spidev"),
        ({"class": "can"}, "there is no CAN interface on this machine", "sudo ip link set can0 up type can"),
    ],
)  # fmt: skip
def test_what_is_missing_names_what_there_is_instead(wish: Any, message: str, hint: str) -> None:
    grant = plan("/dev/null", wish)
    (requirement,) = grant.unmet
    assert (requirement.path, requirement.message) == (("devices", 1), message)
    assert requirement.hint.startswith(hint) or hint in requirement.hint
    optional = {**(wish if isinstance(wish, dict) else {"by": wish}), "optional": True}
    noted = plan("/dev/null", optional, run={"network_mode": "host"})
    assert noted.unmet == ()
    assert noted.notes == (f"{message}; it is optional",)
    assert noted.devices == grant.devices


def test_everything_that_is_missing_is_told_at_once() -> None:
    assert [requirement.path[1] for requirement in plan("x", "ttyUSB0", "y", {"class": "spi"}).unmet] == [0, 2, 3]


def test_a_missing_device_may_wait_for_its_udev_rules() -> None:
    (requirement,) = plan("lidar", udev=["/p/99-lidar.rules"]).unmet
    assert "its udev rules are not installed: look at `robenv doctor`" in requirement.hint


def test_a_class_is_all_of_its_nodes_by_all_their_names() -> None:
    assert set(given({"class": "serial"})) == {one.path for one in NODES if "tty" in one.path or "serial" in one.path}
    assert plan({"class": "serial"}).device_cgroup_rules == ()
    assert set(given({"class": "gpio"})) == {"/dev/gpiochip0"}


def test_an_optional_can_outside_of_the_hosts_network_is_a_note_with_both_ways() -> None:
    (note,) = plan({"class": "can", "optional": True}, facts=replace(FACTS, can_interfaces=("can0",))).notes
    assert "belong to the host's network; it is optional" in note
    assert "network_mode: host" in note
    assert "NET_ADMIN" in note


@pytest.mark.parametrize("kind", ["input", "video", "sound", "serial", "gpio"])
@pytest.mark.parametrize("there", [True, False])
def test_libraries_that_ask_udev_find_its_database(kind: str, there: bool) -> None:
    facts = replace(FACTS, udev_data=there)
    wished = plan({"class": kind, "hotplug": True, "optional": True}, facts=facts)
    found = [mount for mount in wished.mounts if mount.source == "/run/udev"]
    asks = there and kind in ("input", "video", "sound")
    assert found == ([Mount("bind", "/run/udev", "/run/udev", read_only=True)] if asks else [])
    assert not [
        mount for mount in plan({"class": kind, "optional": True}, facts=facts).mounts if "udev" in mount.source
    ]


def test_can_is_an_interface_and_no_node() -> None:
    assert plan({"class": "can"}, facts=replace(FACTS, can_interfaces=("can0",))) == Grant()
    assert plan({"class": "can", "hotplug": True}) == Grant()


def test_hotplug_binds_dev_and_opens_the_class() -> None:
    grant = plan({"class": "serial", "hotplug": True, "permissions": "rw"})
    assert grant.device_cgroup_rules == ("c 188:* rw", "c 166:* rw", "c 216:* rw")
    assert [(mount.kind, mount.source, mount.target, mount.read_only) for mount in grant.mounts] == [
        ("bind", "/dev", "/dev", True), ("volume", "", "/dev/pts", False), ("bind", "/dev/null", "/dev/console", True),
    ]  # fmt: skip
    assert ("non_recursive", True) in grant.mounts[0].options
    assert grant.ipc == "shareable", "else the engine leaves /dev/shm out"
    assert grant.groups == (DIALOUT,)


def test_with_hotplug_the_plan_does_not_depend_on_what_is_plugged_in() -> None:
    wish = {"class": "serial", "hotplug": True}
    uart = node("/dev/ttyAMA0", 204, 64, DIALOUT)
    none = replace(FACTS, devices=(NODES[0],))
    assert plan(wish) == plan(wish, facts=none)
    assert given(wish, facts=replace(FACTS, devices=(*NODES, uart))) == {"/dev/ttyAMA0": "/dev/ttyAMA0"}


def test_hotplug_needs_none_to_be_there_yet() -> None:
    facts = replace(FACTS, devices=(node("/dev/null", 1, 3, mode=0o666),))
    grant = plan({"class": "serial", "hotplug": True}, facts=facts)
    assert not grant.unmet
    assert grant.device_cgroup_rules == ("c 188:* rmw", "c 166:* rmw", "c 216:* rmw")
    assert grant.groups == (DIALOUT,), "by the group's name on this host"
    assert [mount.target for mount in grant.mounts] == ["/dev", "/dev/pts"]


def test_a_major_that_the_kernel_chooses_is_read_from_the_kernel() -> None:
    wish = {"class": "gpio", "hotplug": True}
    assert plan(wish).device_cgroup_rules == ("c 254:* rmw",)
    grant = plan(wish, facts=replace(FACTS, majors=(), devices=()))
    assert grant.device_cgroup_rules == ()
    assert "the kernel has no driver for gpio devices yet" in grant.notes[0]


def test_no_class_opens_the_consoles_of_the_host() -> None:
    for kind in CLASSES.values():
        assert not {driver.major for driver in kind.drivers} & {1, 4, 5, 7, 10, 136}


def test_a_node_that_is_open_to_all_needs_no_group_and_roots_own_is_noted() -> None:
    assert plan("null") == Grant(devices=(Device("/dev/null", "/dev/null", "rwm"),))
    grant = plan("i2c-1", "i2c-1")
    assert grant.groups == ()
    assert grant.notes == (
        'only root may open /dev/i2c-1 (mode 0600): a udev rule changes that, with GROUP="dialout", MODE="0660"',
    )
    assert plan("i2c-1", user={"sudo": True}).notes == ()
    assert plan("i2c-1", facts=replace(FACTS, uid=0)).notes == ()


def test_roots_group_is_never_given() -> None:
    facts = replace(FACTS, devices=(node("/dev/x", 200, 0, gid=0, mode=0o660),))
    grant = plan("x", facts=facts)
    assert grant.groups == ()
    assert "only root may open /dev/x" in grant.notes[0]


def test_an_engine_elsewhere_has_devices_that_nobody_here_knows() -> None:
    facts = replace(FACTS, engine=EngineFacts(local=False))
    grant = plan("null", {"class": "serial", "optional": True}, facts=facts)
    (requirement,) = grant.unmet
    assert requirement.path == ("devices", 0)
    assert "another machine" in requirement.message
    assert "run.devices" in requirement.hint
    assert "it is optional" in grant.notes[0]
    assert grant.devices == ()


def test_a_rootless_engine_has_no_groups_of_the_host_and_no_hotplug() -> None:
    facts = replace(FACTS, engine=EngineFacts(rootless=True))
    grant = plan("ttyUSB0", "null", facts=facts)
    assert grant.groups == ()
    assert grant.devices != ()
    assert grant.notes == (
        "the engine is rootless, where the host's groups do not count: /dev/ttyUSB0 may be shut to it",
    )
    (requirement,) = plan({"class": "serial", "hotplug": True}, facts=facts).unmet
    assert "rootless" in requirement.message
    assert plan({"class": "serial", "hotplug": True}, facts=facts).groups == ()


def test_an_engine_that_maps_users_is_told() -> None:
    facts = replace(FACTS, engine=EngineFacts(security_options=("name=seccomp,profile=default", "name=userns")))
    assert "userns_mode: host" in plan("ttyUSB0", facts=facts).notes[0]
    assert plan("ttyUSB0", facts=facts, run={"userns_mode": "host"}).notes == ()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/dev/ttyUSB3", "serial"), ("/dev/ttyS1", "serial"), ("/dev/ttyUSB*", "serial"), ("/dev/tty1", ""),
        ("/dev/serial/by-id/usb-FT*", "serial"), ("/dev/serial/by-id", "serial"), ("/dev/input", "input"),
        ("/dev/input/js0", "input"), ("/dev/video2", "video"), ("/dev/bus/usb/001/002", "usb"), ("/dev/null", ""),
        ("/dev/spidev0.1", "spi"), ("/dev/nvidia0", ""),
    ],
)  # fmt: skip
def test_the_class_of_a_path(path: str, kind: str) -> None:
    assert class_of(path) == kind


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/dev/ttyUSB0", "/dev/tty*", True), ("/dev/input/event0", "/dev/*", False),
        ("/dev/input/event0", "/dev/*/*", True), ("/dev/ttyUSB0", "/dev/ttyUSB[1-9]", False),
        ("/dev/TTYUSB0", "/dev/tty*", False),
    ],
)  # fmt: skip
def test_a_pattern_stays_in_one_folder(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected
