"""What rosdep's answers in a build come to: each cause once, in one line."""

from __future__ import annotations

import pytest

from robenv.engine.protocol import LogEvent
from robenv.errors import BuildFailed, Location
from robenv.plan.models import Base, BuildPlan, Group, Stage
from robenv.plan.rosdep import RosdepKeys
from robenv.project.image.rosdep import RosdepWatch

_KEYS = tuple((key, Location("src/app/package.xml", 7 + at, 3)) for at, key in enumerate(("a", "b", "xacro")))
_STEP = "[workspace-rosdep 3/3] RUN python3 resolve keys"


def _explained(log: str, distro: str = "", step: str = _STEP, original: str = "exit code 1") -> BuildFailed:
    stage = Stage("workspace-rosdep", Base("x"), (Group("robenv.yaml", rosdep_keys=RosdepKeys(_KEYS, distro=distro)),))
    watch = RosdepWatch(BuildPlan("picker", "linux/amd64", (stage,), user="dev", create_user=False))
    for at, line in enumerate(log.splitlines(keepends=True)):
        for piece in (line[:9], line[9:]):  # cut anywhere, and in between what another step says
            watch.event(LogEvent("1", piece, stderr=True))
            watch.event(LogEvent("2", f"noise {at}\n"))
    error = BuildFailed("The build failed", details=original)
    error.step = step
    return watch.explained(error)


_RAW = "https://raw.githubusercontent.com/ros/rosdistro/master"
_AWAY = f"""\
robenv rosdep: says: ERROR: unable to process source [{_RAW}/rosdep/base.yaml]:
robenv rosdep: says: \t<urlopen error [Errno -2] Name or service not known> ({_RAW}/rosdep/base.yaml)
robenv rosdep: says: ERROR: unable to process source [{_RAW}/rosdep/python.yaml]:
robenv rosdep: says: \t<urlopen error [Errno -2] Name or service not known> ({_RAW}/rosdep/python.yaml)
robenv rosdep: unknown: b:
robenv rosdep: unknown: a:
"""
_INIT = """\
ERROR: cannot download default sources list from:
https://raw.githubusercontent.com/ros/rosdistro/master/rosdep/sources.list.d/20-default.list
Website may be down.
"""
_OWN = """\
robenv rosdep: says: ERROR: unable to process source [https://example.invalid/x.yaml]:
robenv rosdep: says: \tHTTP Error 404: Not Found
robenv rosdep: unknown: a:
"""
_FILE = """\
robenv rosdep: says: ERROR: unable to process source [file:///opt/own.yaml]:
robenv rosdep: says: \t<urlopen error [Errno 2] No such file or directory: '/opt/own.yaml'>
robenv rosdep: unknown: a:
"""
_MISSING = """\
robenv rosdep: missing: xacro:
robenv rosdep: missing: a: b, c
robenv rosdep: system: debian bookworm
"""


@pytest.mark.parametrize(
    ("log", "message", "details", "hint"),
    [
        (
            _AWAY,
            "cannot reach raw.githubusercontent.com, so 2 of the workspace's dependencies could not be looked up: a, b",
            "raw.githubusercontent.com: Name or service not known",
            "`mirrors.downloads` (docs/mirrors.md); what the image has already goes into "
            "`workspace.dependencies.skip_keys`",
        ),
        (_INIT, "cannot reach raw.githubusercontent.com", "", "`mirrors.downloads`"),
        (
            _OWN,
            "rosdep could not fetch https://example.invalid/x.yaml, so 1 of the workspace's dependencies could not be "
            "looked up: a",
            "https://example.invalid/x.yaml: HTTP Error 404: Not Found",
            "a list in /etc/ros/rosdep/sources.list.d names that address",
        ),
        (
            _FILE,
            "rosdep could not fetch file:///opt/own.yaml, so 1 of the workspace's dependencies could not be looked up: "
            "a",
            "file:///opt/own.yaml: No such file or directory: '/opt/own.yaml'",
            "come after the dependencies",
        ),
        (
            _MISSING,
            "rosdep has no rule for `a`, `xacro` on Debian 12",
            "a      src/app/package.xml:7:3  (did you mean b, c?)\nxacro  src/app/package.xml:9:3",
            "`ros/noetic`",
        ),
    ],
)
def test_each_cause_is_told_once(log: str, message: str, details: str, hint: str) -> None:
    error = _explained(log)
    assert error.message == message
    assert error.details == details
    assert hint in error.hint
    assert error.problems == ()
    assert error.step == _STEP


def test_a_rule_that_cannot_be_taken_says_so_at_its_key() -> None:
    error = _explained("robenv rosdep: refused: b: its rule says 'x @ y', which is no name\n")
    assert error.message == "1 of the workspace's dependencies cannot be installed"
    assert [f"{problem.location}: {problem.message}" for problem in error.problems] == [
        "src/app/package.xml:8:3: rosdep: `b`: its rule says 'x @ y', which is no name"
    ]


def test_a_distribution_of_ros_is_not_left_for_another() -> None:
    assert "noetic" not in _explained(_MISSING, distro="jazzy").hint


def test_the_run_images_keys_have_a_list_of_their_own() -> None:
    assert "`run_image.dependencies.skip_keys`" in _explained(_MISSING, step="[run-rosdep 3/3] RUN x").hint


def test_many_keys_are_not_all_named() -> None:
    log = "".join(f"robenv rosdep: unknown: key{number:02}:\n" for number in range(40))
    assert _explained(log).message.endswith("key10, key11 and 28 more")


def test_what_is_not_rosdeps_stays_as_it_is() -> None:
    error = _explained("E: Unable to locate package x\n")
    assert (error.message, error.details) == ("The build failed", "exit code 1")
