"""When the answers of a machine no longer are those that a plan was made from."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from robenv.fast.replay import answers_unchanged, recorded_answers
from robenv.host.facts import SECTIONS
from robenv.host.host import HostRecorder, LocalHost
from robenv.host.probes.facts import read_facts
from robenv.host.recorded import RecordedHost
from tests.support.folders import MACHINES

WORKSTATION = MACHINES / "workstation_nvidia_x11.json"
ALL = frozenset(SECTIONS)


@pytest.fixture
def machine() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(WORKSTATION.read_text())
    return document


def kept(machine: dict[str, Any], wanted: frozenset[str] = ALL) -> Any:
    recorder = HostRecorder(RecordedHost(copy.deepcopy(machine)))
    facts = read_facts("linux/amd64", wanted=wanted, host=recorder)
    # As it comes back from the cache.
    return json.loads(json.dumps(recorded_answers(recorder, "session" in facts.read)))


def test_nothing_is_kept_of_a_plan_that_wants_nothing(machine: dict[str, Any]) -> None:
    assert kept(machine, frozenset()) is None
    assert kept(machine, frozenset({"engine"})) is None


def test_the_same_machine_gives_the_same_answers(machine: dict[str, Any]) -> None:
    assert answers_unchanged(kept(machine), RecordedHost(machine))


def test_this_machine_gives_the_same_answers() -> None:
    recorder = HostRecorder(LocalHost())
    wanted = ALL - {"devices"}  # other tests make nodes meanwhile
    read_facts("linux/amd64", wanted=wanted, host=recorder)
    assert answers_unchanged(json.loads(json.dumps(recorded_answers(recorder, True))))


CHANGES: dict[str, tuple[str, str, Any]] = {
    "a device is plugged in": ("nodes", "/dev/ttyUSB1", ["char", 188, 1, 20, "660"]),
    "a device is of another group": ("nodes", "/dev/ttyUSB0", ["char", 188, 0, 46, "660"]),
    "a stable name leads elsewhere": ("links", "/dev/lidar", "ttyS0"),
    "a driver is loaded": ("files", "/proc/devices", "Character devices:\n188 ttyUSB\n"),
    "a group has another number": ("files", "/etc/group", "dialout:x:21:\n"),
    "the NVIDIA driver is another": ("files", "/sys/module/nvidia/version", "560.35.03\n"),
    "a CDI spec is another": ("files", "/etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\ndevices: []\n"),
    "a CDI spec is new": ("files", "/run/cdi/amd.json", "{}"),
    "a second CAN interface": ("files", "/sys/class/net/can1/type", "280\n"),
    "a processor is taken out": ("files", "/sys/devices/system/cpu/online", "0-30\n"),
    "more memory": ("files", "/proc/meminfo", "MemTotal:       263921000 kB\n"),
    "another distribution": ("files", "/etc/os-release", "ID=debian\n"),
    "no display": ("variables", "DISPLAY", ""),
    "a display over the network": ("variables", "DISPLAY", "localhost:10.0"),
    "a display that is not there": ("variables", "DISPLAY", ":3"),
    "no ssh agent": ("variables", "SSH_AUTH_SOCK", ""),
    "an agent that is dead": ("variables", "SSH_AUTH_SOCK", "/tmp/dead"),
    "a Wayland session": ("variables", "WAYLAND_DISPLAY", "/run/user/1000/pulse/native"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_machine_that_changed(machine: dict[str, Any], change: str) -> None:
    before = kept(machine)
    part, name, value = CHANGES[change]
    assert machine[part].get(name) != value
    machine[part][name] = value
    assert not answers_unchanged(before, RecordedHost(machine))


def test_a_device_taken_away(machine: dict[str, Any]) -> None:
    before = kept(machine)
    del machine["nodes"]["/dev/ttyUSB0"]
    assert not answers_unchanged(before, RecordedHost(machine))


SAME: dict[str, tuple[str, str, Any]] = {
    "another terminal": ("nodes", "/dev/pts/7", ["char", 136, 7, 5, "620"]),
    "another display": ("variables", "DISPLAY", ":1"),
    "another agent": ("variables", "SSH_AUTH_SOCK", "/run/agent"),
    "a container's interface": ("files", "/sys/class/net/veth0a1b2c/type", "1\n"),
    "less memory free": ("files", "/proc/meminfo", "MemTotal:       131784952 kB\nMemFree: 7 kB\n"),
    "a variable that nobody asks for": ("variables", "EDITOR", "vi"),
}


@pytest.mark.parametrize("change", SAME)
def test_what_no_plan_depends_on(machine: dict[str, Any], change: str) -> None:
    machine["listening"] += ["/tmp/.X11-unix/X1", "/run/agent"]
    before = kept(machine)
    part, name, value = SAME[change]
    assert machine[part].get(name) != value
    machine[part][name] = value
    assert answers_unchanged(before, RecordedHost(machine))


def test_what_was_not_wanted_may_change(machine: dict[str, Any]) -> None:
    before = kept(machine, frozenset({"kernel"}))
    machine["nodes"].clear()
    machine["variables"].clear()
    assert answers_unchanged(before, RecordedHost(machine))
