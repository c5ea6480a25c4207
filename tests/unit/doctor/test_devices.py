from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.doctor.check import CheckContext, Finding
from robenv.doctor.devices import devices, modem_manager, udev
from robenv.host.facts import DeviceNode, Facts
from robenv.host.host import Host
from robenv.host.probes.udev import rules_state
from robenv.plan.host.udev import UdevFile, plan_udev
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.schema.profile import Profile
from robenv.project.planned import plan_project

RULE = 'KERNEL=="ttyUSB0", SYMLINK+="lidar"\n'
NODE = DeviceNode("/dev/robenvtest-none", "char", 188, 0, 20, 0o660)
FACTS = Facts(1000, 1000, "someone", "linux/amd64", devices=(NODE,), groups=(("dialout", 20),))
Make = Callable[[str], CheckContext]


class Machine(Host):
    """One that has these files."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def ask(self, verb: str, *arguments: str) -> Any:
        if verb == "texts":
            return {f"/proc/{index}/comm": text for index, text in enumerate(self.files.values(), 1)}
        assert verb == "read"
        return self.files.get(arguments[0])


@pytest.fixture
def patient(tmp_path: Path) -> Make:
    def make(profile: str) -> CheckContext:
        (tmp_path / "99-lidar.rules").write_text(RULE)
        (tmp_path / "robenv.yaml").write_text(f"name: picker\nbase: {{image: x}}\n{profile}")
        return CheckContext(None, None, None, plan_project(resolve_project(find_project(tmp_path), {}), "linux/amd64"))

    return make


def test_without_a_project_or_a_wish_there_is_nothing_to_say(patient: Make) -> None:
    for one in (CheckContext(None, None, None), patient("")):
        assert [*devices(one, FACTS), *udev(one, Machine()), *modem_manager(one, Machine(a="ModemManager"))] == []


def test_what_is_optional_and_missing_is_a_warning(patient: Make) -> None:
    (optional,) = devices(patient("devices: [{by: camera, optional: true}]\n"), replace(FACTS, uid=0))
    assert optional == Finding("devices", "warning", "there is no device /dev/camera; it is optional")


def test_a_group_that_this_user_is_not_in(patient: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    found = patient("devices: [robenvtest-none]\n")
    monkeypatch.setattr(os, "getgroups", lambda: [1000])
    there, group = devices(found, FACTS)
    assert (there.status, there.message) == ("ok", "/dev/robenvtest-none")
    assert group.status == "warning"
    assert "you are not in the group dialout" in group.message
    assert group.fix == "sudo usermod -aG dialout $USER"
    assert not group.safe
    (nameless,) = list(devices(found, replace(FACTS, groups=())))[1:]
    assert "the group 20, which has no name" in nameless.message
    monkeypatch.setattr(os, "getgroups", lambda: [1000, 20])
    assert [device.status for device in devices(found, FACTS)] == ["ok"]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [("/dev/ttyACM0", 1), ("{class: serial, hotplug: true}", 1), ("serial/by-id/usb-*", 1), ("video0", 0)],
)
def test_modem_manager_is_told_of_where_a_serial_port_is_wanted(patient: Make, wish: str, expected: int) -> None:
    found = patient(f"devices: [{wish}]\n")
    running = Machine(a="systemd\n", b="ModemManager\n")
    assert [one.status for one in modem_manager(found, running)] == ["warning"] * expected
    assert list(modem_manager(found, Machine(a="systemd\n"))) == []


def test_rules_that_are_not_there_or_other_ones(patient: Make, tmp_path: Path) -> None:
    source, target = str(tmp_path / "99-lidar.rules"), "/etc/udev/rules.d/99-robenv-picker-lidar.rules"
    found = patient("udev: [99-lidar.rules]\n")
    for there, status, words in (
        ("", "warning", "is not installed"),
        (RULE, "ok", target),
        ("#", "warning", "is diff"),
    ):
        host = Machine(**{source: RULE, **({target: there} if there else {})})
        (finding,) = udev(found, host)
        assert finding.status == status
        assert words in finding.message
        assert finding.safe is (status == "warning")
        assert (target in finding.fix) is (status == "warning")


def test_rules_that_run_something_are_left_to_the_user(patient: Make, tmp_path: Path) -> None:
    (tmp_path / "98-run.rules").write_text('RUN+="/bin/true"\n')
    (finding,) = udev(patient("udev: [{file: 98-run.rules, allow_run: true}]\n"), Machine())
    assert not finding.safe
    assert "98-robenv-picker-run.rules" in finding.fix


def test_names_on_the_host_keep_their_number_at_the_front() -> None:
    profile = Profile.model_validate({"name": "picker", "udev": ["/p/99-lidar.rules", "/p/arm.rules", "/7-a b.rules"]})
    assert [rules.target.rpartition("/")[2] for rules in plan_udev(profile)] == [
        "99-robenv-picker-lidar.rules",
        "robenv-picker-arm.rules",
        "7-robenv-picker-a b.rules",
    ]


def test_the_command_installs_the_file_and_tells_udev(tmp_path: Path) -> None:
    """With stand-ins for sudo and udevadm, which write down what they are asked."""
    tools = tmp_path / "bin"
    tools.mkdir()
    log = tmp_path / "log"
    for name, end in (("sudo", 'exec "$@"'), ("udevadm", "")):
        (tools / name).write_text(f'#!/bin/sh\necho {name} "$1" >> {log}\n{end}\n')
        (tools / name).chmod(0o755)
    source = tmp_path / "it's a; file.rules"
    source.write_text(RULE)
    rules = UdevFile(str(source), str(tmp_path / "etc/rules.d/99-x y.rules"))
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run(shlex.split(rules.command), check=True, env=environment)
    assert Path(rules.target).read_text() == RULE
    assert Path(rules.target).stat().st_mode & 0o777 == 0o644
    assert log.read_text() == "sudo sh\nudevadm control\nudevadm trigger\n"
    host = Machine(**{rules.source: RULE, rules.target: Path(rules.target).read_text()})
    assert rules_state(host, rules.source, rules.target) == "installed"
