"""What each recorded or described machine is, by the probes that also read this one."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from robenv.host.facts import SECTIONS, DeviceNode, EngineFacts, Facts, NvidiaGpu, Tegra
from robenv.host.probes.facts import read_facts
from robenv.host.record import record
from robenv.host.recorded import RecordedHost
from tests.support.folders import MACHINES

ALL = frozenset(SECTIONS)


def read(machine: str, wanted: frozenset[str] = ALL) -> Facts:
    return read_facts("linux/amd64", wanted=wanted, host=RecordedHost.load(MACHINES / f"{machine}.json"))


def value(facts: Facts, path: str) -> Any:
    return reduce(getattr, path.split("."), facts)


def cards(facts: Facts) -> dict[str, tuple[str, ...]]:
    """Of each card its vendor and the names of its nodes."""
    return {
        card.name: (card.vendor, *(node.path.removeprefix("/dev/dri/") for node in card.nodes))
        for card in facts.gpu.cards
    }


EXPECTED: dict[str, dict[str, Any]] = {
    "laptop_intel_wayland": {
        "user_name": "dev",
        "timezone": "Europe/Berlin",
        "kernel.release": "6.8.0-52-generic",
        "kernel.cpus": tuple(range(16)),
        "kernel.memory": 32563284 * 1024,
        "kernel.rtprio": 0,
        "distribution.codename": "noble",
        "distribution.like": ("debian",),
        "gpu.nvidia_driver": "",
        "gpu.nvidia_toolkit": False,
        "gpu.tegra": None,
        "session.x11": ":0",
        "session.x11_sockets": True,
        "session.wayland": "/run/user/1000/wayland-0",
        "session.pulse": "/run/user/1000/pulse/native",
        "session.pipewire": "/run/user/1000/pipewire-0",
        "session.ssh_agent": "/run/user/1000/keyring/ssh",
        "session.problems": (),
        "session.folder": "/run/user/1000/robenv",
    },
    "workstation_nvidia_x11": {
        "kernel.rtprio": 99,
        "gpu.nvidia_driver": "550.120",
        "gpu.nvidia": (
            NvidiaGpu(0, "NVIDIA RTX 4000 Ada Generation", "GPU-5a1b6a5e-6f2d-4f0e-9a53-0c2b1d7e4f10", "0000:01:00.0"),
            NvidiaGpu(1, "NVIDIA RTX 4000 Ada Generation", "GPU-8c7d2b90-1e4a-4c7b-8f35-3d9a6b5c2e21", "0000:41:00.0"),
        ),
        "gpu.nvidia_toolkit": True,
        "gpu.cdi_devices": ("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"),
        "can_interfaces": ("can0",),
        "session.x11": ":0.0",
        "session.wayland": "",
        "session.pulse": "/run/user/1000/pulse/native",
        "session.pipewire": "",
        "session.ssh_agent": "/tmp/ssh-XXXXXX0aBcDe/agent.2345",
    },
    "laptop_hybrid": {
        "gpu.nvidia_driver": "570.133.07",
        # It sleeps, and tells no UUID.
        "gpu.nvidia": (NvidiaGpu(0, "NVIDIA GeForce RTX 4060 Laptop GPU", "", "0000:01:00.0"),),
        "gpu.nvidia_toolkit": False,
        "gpu.cdi_devices": (),
        "session.x11": ":0",
        "session.wayland": "/run/user/1000/wayland-0",
    },
    "workstation_amd": {
        "kernel.preempt_rt": True,
        "kernel.rtprio": 95,
        "distribution.id": "debian",
        "distribution.version": "13",
        "gpu.kfd": DeviceNode("/dev/kfd", "char", 234, 0, 992, 0o660),
        "gpu.nvidia_driver": "",
    },
    "jetson_orin_jp5": {
        "kernel.machine": "aarch64",
        "kernel.release": "5.10.104-tegra",
        "gpu.tegra": Tegra("35.3.1", "NVIDIA Orin Nano Developer Kit"),
        "gpu.nvidia": (),
        "gpu.nvidia_driver": "35.3.1",
        "gpu.nvidia_toolkit": True,
        "gpu.jetson_files": ("/tmp/argus_socket", "/etc/enctune.conf", "/etc/nv_tegra_release"),
        "session.x11": "",
        "session.folder": "/home/dev/.local/state/robenv/session",
    },
    "jetson_orin_jp6": {
        "gpu.tegra": Tegra("36.4.3", "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"),
        "gpu.jetson_files": ("/tmp/argus_socket", "/etc/enctune.conf", "/etc/nv_tegra_release", "/run/jtop.sock"),
        "session.x11": ":0",
    },
    "jetson_thor_jp7": {
        "gpu.tegra": Tegra("38.2.0", "NVIDIA Jetson AGX Thor Developer Kit"),
        "distribution.codename": "noble",
        "kernel.cpus": tuple(range(14)),
    },
    "raspberry_pi_5": {
        "user_name": "pi",
        "kernel.machine": "aarch64",
        "distribution.codename": "bookworm",
        "gpu.tegra": None,
        "gpu.jetson_files": (),
        "gpu.nvidia_driver": "",
        # Logged in with `ssh -X`.
        "session.x11": "localhost:10.0",
        "session.x11_sockets": False,
    },
    "wsl2_gpu": {
        "kernel.wsl": True,
        "gpu.dxg": True,
        "gpu.nvidia_driver": "",
        "gpu.nvidia": (),
        "gpu.nvidia_toolkit": True,
        "session.wslg": True,
        "session.x11": ":0",
        "session.x11_sockets": True,
        "session.wayland": "/run/user/1000/wayland-0",
        "session.pulse": "/mnt/wslg/PulseServer",
    },
    "server_headless_ssh": {
        "timezone": "Etc/UTC",
        "kernel.rt_group_sched": True,
        "kernel.cpus": tuple(range(64)),
        "session.x11": "",
        "session.wayland": "",
        "session.ssh_agent": "",
    },
    "virtual_machine_recorded": {
        "uid": 0,
        "user_name": "root",
        "timezone": "Etc/UTC",
        "kernel.rt_group_sched": True,
        "kernel.wsl": False,
        "kernel.cpus": (0, 1),
        "distribution.name": "Debian GNU/Linux 12 (bookworm)",
        "gpu.cards": (),
        "gpu.kfd": None,
        "gpu.dxg": False,
        "not_devices": ("/dev/cpu/", "/dev/cpu/0/", "/dev/cpu/1/", "/dev/net/"),
        "session.problems": (),
    },
}

CARDS = {
    "laptop_intel_wayland": {"card1": ("intel", "card1", "renderD128")},
    "workstation_nvidia_x11": {
        "card0": ("nvidia", "card0", "renderD128"),
        "card1": ("nvidia", "card1", "renderD129"),
    },
    "laptop_hybrid": {"card0": ("nvidia", "card0", "renderD129"), "card1": ("intel", "card1", "renderD128")},
    "workstation_amd": {"card0": ("amd", "card0", "renderD128")},
    "jetson_orin_jp5": {"card0": ("nvidia", "card0", "renderD128")},
    "jetson_orin_jp6": {"card0": ("nvidia", "card0", "renderD128"), "card1": ("nvidia", "card1", "renderD129")},
    "jetson_thor_jp7": {"card1": ("nvidia", "card1", "renderD128"), "card2": ("nvidia", "card2", "renderD129")},
    "raspberry_pi_5": {"card0": ("other", "card0", "renderD128"), "card1": ("other", "card1")},
    "wsl2_gpu": {"card0": ("other", "card0", "renderD128")},
    "server_headless_ssh": {"card0": ("other", "card0")},
    "virtual_machine_recorded": {},
}


def test_every_machine_is_expected_to_be_something() -> None:
    there = {path.stem for path in MACHINES.glob("*.json")}
    assert there == set(EXPECTED) == set(CARDS)


@pytest.mark.parametrize("machine", EXPECTED)
def test_what_a_machine_is(machine: str) -> None:
    facts = read(machine)
    found = {path: value(facts, path) for path in EXPECTED[machine]}
    assert found == EXPECTED[machine]
    assert cards(facts) == CARDS[machine]
    assert facts.read == ALL


@pytest.mark.parametrize("machine", EXPECTED)
def test_a_recording_of_a_machine_is_that_machine(machine: str) -> None:
    host = RecordedHost.load(MACHINES / f"{machine}.json")
    again = RecordedHost(record(host))
    assert read_facts("linux/amd64", wanted=ALL, host=again) == read(machine)


def test_each_machine_says_where_it_is_from() -> None:
    for machine in EXPECTED:
        source = RecordedHost.load(MACHINES / f"{machine}.json").source
        assert "no recording" in source or source.startswith("recorded by"), machine


def test_devices_are_found_with_their_stable_names() -> None:
    facts = read("workstation_nvidia_x11")
    port = DeviceNode("/dev/ttyUSB0", "char", 188, 0, 20, 0o660)
    by_id = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_AR0KKW82-if00-port0"
    found = {node.path: node for node in facts.devices}
    assert found["/dev/ttyUSB0"] == port
    assert found[by_id] == DeviceNode(by_id, "char", 188, 0, 20, 0o660, "/dev/ttyUSB0")
    # A udev rule's name for the stable name: two links on the way.
    assert found["/dev/lidar"].target == "/dev/ttyUSB0"
    assert not {"/dev/fd", "/dev/stdin", "/dev/serial"} & set(found)
    assert list(found) == sorted(found)
    assert {"/dev/serial/", "/dev/serial/by-id/"} <= set(facts.not_devices)
    assert not {"/dev/pts/", "/dev/shm/"} & set(facts.not_devices)


def test_what_devices_are_planned_by() -> None:
    facts = read("raspberry_pi_5")
    assert {("spi", 153), ("gpiochip", 254), ("ttyAMA", 204)} <= set(facts.majors)
    assert ("loop", 7) not in facts.majors  # a block device
    assert dict(facts.groups) | {"spi": 995, "gpio": 986} == dict(facts.groups)
    assert {node.path: node.target for node in facts.devices}["/dev/serial0"] == "/dev/ttyAMA10"


def test_what_the_session_has_not_is_told() -> None:
    display, agent = read("server_headless_ssh").session.problems
    assert ":7" in display
    assert "/tmp/ssh-XXXXQx12ab/agent.901" in agent


@pytest.mark.parametrize("display", [":0", ":0.0", "unix:0", "localhost:10.0", "192.0.2.7:0", "studio.example.org:1.2"])
def test_a_display_that_makes_sense(display: str) -> None:
    reached = ["localhost:6010", "192.0.2.7:6000", "studio.example.org:6001"]
    listening = ["/tmp/.X11-unix/X0"]
    host = RecordedHost({"variables": {"DISPLAY": display}, "listening": listening, "reached": reached})
    session = read_facts("linux/amd64", wanted=frozenset({"session"}), host=host).session
    assert session.x11
    assert session.problems == ()


@pytest.mark.parametrize("display", ["nonsense", ":", ":zero", "0", "localhost:", ":0; rm -rf /", "::::"])
def test_a_display_that_makes_none(display: str) -> None:
    reached = ["localhost:6010", "192.0.2.7:6000", "studio.example.org:6001"]
    listening = ["/tmp/.X11-unix/X0"]
    host = RecordedHost({"variables": {"DISPLAY": display}, "listening": listening, "reached": reached})
    session = read_facts("linux/amd64", wanted=frozenset({"session"}), host=host).session
    assert session.x11 == ""
    (problem,) = session.problems
    assert display in problem


def test_the_engines_own_folders_of_cdi_specs_are_read() -> None:
    spec = '{"cdiVersion": "0.6.0", "kind": "vendor.com/net", "devices": [{"name": "eth"}]}'
    host = RecordedHost({"files": {"/etc/cdi/a.json": spec, "/opt/cdi/b.json": spec.replace("eth", "wifi")}})
    usual = read_facts("linux/amd64", wanted=frozenset({"gpu"}), host=host)
    told = read_facts(
        "linux/amd64", wanted=frozenset({"gpu"}), host=host, engine=EngineFacts(cdi_spec_dirs=("/opt/cdi",))
    )
    assert (usual.gpu.cdi_devices, told.gpu.cdi_devices) == (("vendor.com/net=eth",), ("vendor.com/net=wifi",))


@pytest.mark.parametrize(
    "text", ["", "{", "- a\n- b", "kind: 3", "kind: a/b\ndevices: 7", "kind: a/b\ndevices: [x, {}]"]
)
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_cdi_spec_that_makes_no_sense_names_no_device(text: str, ending: str) -> None:
    host = RecordedHost({"files": {f"/etc/cdi/a.{ending}": text, "/etc/cdi/readme.txt": "kind: a/b"}})
    assert read_facts("linux/amd64", wanted=frozenset({"gpu"}), host=host).gpu.cdi_devices == ()


@pytest.mark.parametrize(
    ("files", "driver"),
    [
        ({"/sys/module/nvidia/version": "535.183.01\n"}, "535.183.01"),
        (
            {
                "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  384.98  "
                "Thu Oct 26 15:16:01 PDT 2017\nGCC version:  gcc version 7.2.0 (Ubuntu 7.2.0-8ubuntu3)\n"
            },
            "384.98",
        ),
        (
            {
                "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  555.58  "
                "Release Build\n"
            },
            "555.58",
        ),
        ({"/proc/driver/nvidia/version": "something else\n"}, ""),
        ({}, ""),
    ],
)
def test_the_nvidia_drivers_version(files: dict[str, str], driver: str) -> None:
    facts = read_facts("linux/amd64", wanted=frozenset({"gpu"}), host=RecordedHost({"files": files}))
    assert facts.gpu.nvidia_driver == driver


def test_a_machine_that_says_nothing_or_nonsense_has_nothing() -> None:
    nonsense = {
        "/etc/os-release": "\0\n=\nID\n",
        "/etc/group": "a:b\n::\nx:y:z\n",
        "/proc/devices": "?\n",
        "/proc/meminfo": "MemTotal:\n",
        "/proc/self/limits": "Max realtime priority\n",
        "/sys/devices/system/cpu/online": "x-2,-,4-\n",
        "/etc/nv_tegra_release": "# R (release)\n",
        "/proc/driver/nvidia/gpus/0000:01:00.0/information": "",
    }
    empty = read_facts("linux/amd64", wanted=ALL, host=RecordedHost({"uname": ["", "", ""]}))
    wrong = read_facts("linux/amd64", wanted=ALL, host=RecordedHost({"uname": ["", "", ""], "files": nonsense}))
    assert (empty.kernel.memory, empty.kernel.cpus, empty.kernel.rtprio, empty.devices) == (0, (), None, ())
    assert wrong.gpu.nvidia == (NvidiaGpu(0, "", "", "0000:01:00.0"),)
    assert (wrong.kernel, wrong.gpu.tegra, wrong.groups) == (empty.kernel, None, ())


def test_an_unlimited_realtime_priority() -> None:
    limits = "Max realtime priority     unlimited            unlimited\n"
    host = RecordedHost({"uname": ["", "", ""], "files": {"/proc/self/limits": limits}})
    assert read_facts("linux/amd64", wanted=frozenset({"kernel"}), host=host).kernel.rtprio == -1
