"""What a profile may ask of the host's devices, and the udev rules that it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.projects.profiles import Project

BASE = "base: {image: x}\n"
RULE = 'KERNEL=="ttyUSB0", SYMLINK+="lidar"\n'


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("devices: [{by: ttyUSB0, class: serial}]\n", "`by` names devices and `class` a kind", (2, 32)),
        ("devices: [{name: lidar}]\n", "this names no device", (2, 11)),
        ("devices: [{by: ttyUSB0, hotplug: true}]\n", "`hotplug` goes with `class`", (2, 34)),
        ("devices: [{by: a, name: b, target: /c}]\n", "both say where it is", (2, 25)),
        ("devices: [{class: video, name: b}]\n", "a class has no `name`", (2, 32)),
        ("devices: [{class: video, target: /b}]\n", "a class has no `target`", (2, 34)),
        ("devices: [{class: can}]\n", "belong to the host's", (2, 19)),
        ("devices: [{class: usb, hotplug: true}, {by: a, name: b}]\n", "with `hotplug` /dev is the host's", (2, 54)),
        (
            "devices: [{class: usb, hotplug: true}]\nrun: {devices: ['/dev/a:/dev/b']}\n",
            "with `hotplug` /dev is the host's",
            (3, 17),
        ),
        ("devices: [a, '/dev/b:/dev/a']\n", "the same path in the container as at line 2", (2, 14)),
        ("devices: [{by: a, name: x}, {by: b, target: /dev/x}]\n", "the same path in the container", (2, 29)),
        ("devices: [{class: usb}, {class: usb, hotplug: true}]\n", "the class `usb` as at line 2", (2, 25)),
        ("devices: [/etc/passwd]\n", "not below /dev", (2, 11)),
        ("devices: [../etc/passwd]\n", "not below /dev", (2, 11)),
        ("devices: [{class: lidar}]\n", "expected one of `serial`", (2, 19)),
        ("devices: [{by: a, permissions: rx}]\n", "are not permissions of a device", (2, 32)),
        ("udev: [none.rules]\n", "there is no file", (2, 8)),
        ("udev: none.rules\n", "there is no file", (2, 7)),
        ("udev: [robenv.yaml]\n", "it has to end in `.rules`", (2, 8)),
        ("udev: [folder.rules]\n", "there is no file", (2, 8)),
        ("udev: [99-a.rules, {file: ./99-a.rules}]\n", "the same file as at line 2", (2, 20)),
        ("udev: [99-a.rules, sub/99-a.rules]\n", "has the same name", (2, 20)),
        ("udev: [binary.rules]\n", "is not text in UTF-8", (2, 8)),
    ],
)
def test_what_does_not_fit_together(text: str, words: str, place: tuple[int, int], project: Project) -> None:
    (project.root / "folder.rules").mkdir()
    project.write("99-a.rules", RULE)
    project.write("sub/99-a.rules", RULE)
    project.write("binary.rules", b"\xff\xfe")
    problem = project.problem(BASE + text)
    assert words in problem.message + problem.hint
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == place


def test_what_is_wrong_in_a_rules_file_is_told_at_its_own_place(project: Project) -> None:
    path = project.write("rules/99-a.rules", "# rules\nKERNEL=ttyUSB0\n")
    problem = project.problem(BASE + "udev: [rules/99-a.rules]\n")
    assert "is no term of a udev rule" in problem.message
    assert str(problem.location).endswith(f"{path.name}:2:1")


def test_a_rule_that_runs_something_on_the_host_has_to_be_let(project: Project) -> None:
    project.write("99-a.rules", RULE + 'KERNEL=="x", RUN+="/bin/true"\n')
    problem = project.problem(BASE + "udev: [99-a.rules]\n")
    assert problem.message == "RUN runs `/bin/true` on the host as root"
    assert problem.hint == "if that is meant, write {file: 99-a.rules, allow_run: true}"
    resolved = project.resolve(BASE + "udev: [{file: 99-a.rules, allow_run: true}]\n")
    assert resolved.profile.udev[0].allow_run


def test_rules_are_relative_to_the_file_that_says_them_and_added_up(project: Project) -> None:
    project.write("arm/99-arm.rules", RULE)
    project.write("arm/arm.yaml", "udev: 99-arm.rules\n")
    project.write("99-lidar.rules", RULE)
    resolved = project.resolve(BASE + "extends: [./arm/arm.yaml]\nudev: [99-lidar.rules]\n")
    assert [rules.file for rules in resolved.profile.udev] == [
        str(project.root / "arm/99-arm.rules"), str(project.root / "99-lidar.rules"),
    ]  # fmt: skip


def test_a_wish_for_the_same_place_or_class_replaces_the_inherited_one(project: Project) -> None:
    project.write(
        "arm.yaml", "devices: [{by: ttyUSB0, name: lidar}, {class: serial}, video0, 'ttyUSB1:/dev/arm', i2c-1]\n"
    )
    resolved = project.resolve(
        BASE + "extends: [./arm.yaml]\n"
        "devices: [{by: ttyACM0, name: lidar}, {class: serial, optional: true}, {by: /dev/video0, permissions: r}]\n"
    )
    wishes = resolved.profile.devices
    assert [(wish.by, wish.device_class, wish.name or wish.target, wish.permissions) for wish in wishes] == [
        ("/dev/ttyACM0", "", "lidar", "rwm"),
        ("", "serial", "", "rwm"),
        ("/dev/video0", "", "", "r"),
        ("/dev/ttyUSB1", "", "/dev/arm", "rwm"),
        ("/dev/i2c-1", "", "", "rwm"),
    ], "in the place of the inherited one"
    assert wishes[1].optional


@pytest.mark.parametrize("mode", ["host", "container:other"])
def test_can_in_the_hosts_network(project: Project, mode: str) -> None:
    project.resolve(BASE + f"devices: [{{class: can}}]\nrun: {{network_mode: '{mode}'}}\n")
