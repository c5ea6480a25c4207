"""What a program inside may do, read from /proc/self/status there: by default, and with each switch of a profile."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]

STATUS = "grep -E '^(Cap(Bnd|Eff|Prm|Inh|Amb)|NoNewPrivs|Seccomp):' /proc/self/status"
NONE = "0000000000000000"
DOCKER = "00000000a80425fb"
NET_ADMIN = "0000000000001000"
FILTER = "2"


def _status(text: str) -> dict[str, str]:
    return dict(line.split(":\t") for line in text.strip().splitlines())


def _as_docker_has_it(api: Any, image: str, user: int) -> dict[str, str]:
    """What a privileged container has: all that the engine itself has."""
    config = api.create_host_config(privileged=True)
    container = api.create_container(image, ["sh", "-c", STATUS], user=str(user), host_config=config)
    try:
        api.start(container)
        api.wait(container)
        return _status(api.logs(container).decode())
    finally:
        api.remove_container(container, force=True)


@pytest.fixture
def uid(tmp_path: Path) -> int:
    """An unprivileged user of this machine, who may write where the tests do."""
    tmp_path.chmod(0o777)
    return 1000


TABLE: list[tuple[str, str, int, dict[str, str]]] = [
    ("the default", "", 1000, {"CapBnd": NONE, "CapPrm": NONE, "CapEff": NONE, "NoNewPrivs": "1", "Seccomp": FILTER}),
    (
        "sudo",
        "user: {sudo: true}",
        1000,
        {"CapBnd": DOCKER, "CapPrm": NONE, "CapEff": NONE, "NoNewPrivs": "0", "Seccomp": FILTER},
    ),
    (
        "cap_add",
        "run: {cap_add: [NET_ADMIN]}",
        1000,
        {"CapBnd": NET_ADMIN, "CapPrm": NONE, "CapEff": NONE, "NoNewPrivs": "1", "Seccomp": FILTER},
    ),
    (
        "cap_drop of its own",
        "run: {cap_drop: [NET_RAW]}",
        1000,
        {"CapBnd": f"{0xA80425FB & ~(1 << 13):016x}", "CapEff": NONE, "NoNewPrivs": "1"},
    ),
    (
        "no-new-privileges:false",
        "run: {security_opt: ['no-new-privileges:false']}",
        1000,
        {"CapBnd": NONE, "CapEff": NONE, "NoNewPrivs": "0", "Seccomp": FILTER},
    ),
    (
        "seccomp=unconfined",
        "run: {security_opt: [seccomp=unconfined]}",
        1000,
        {"CapBnd": NONE, "CapEff": NONE, "NoNewPrivs": "1", "Seccomp": "0"},
    ),
    ("read_only", "run: {read_only: true}", 1000, {"CapBnd": NONE, "CapEff": NONE, "NoNewPrivs": "1"}),
    (
        "privileged",
        "run: {privileged: true}",
        1000,
        {"CapBnd": "all", "CapEff": NONE, "NoNewPrivs": "0", "Seccomp": "0"},
    ),
    (
        "UID 0",
        "",
        0,
        {"CapBnd": DOCKER, "CapPrm": DOCKER, "CapEff": DOCKER, "NoNewPrivs": "1", "Seccomp": FILTER},
    ),
    (
        "UID 0, cap_add",
        "run: {cap_add: [NET_ADMIN]}",
        0,
        {"CapEff": f"{0xA80425FB | 0x1000:016x}", "CapBnd": f"{0xA80425FB | 0x1000:016x}", "NoNewPrivs": "1"},
    ),
]


MAIN = "$(cut -d' ' -f1 /proc/1/task/1/children)"
ALL_PROCESSES = "; echo -; ".join(STATUS.replace("self", process) for process in ("self", "1", MAIN))
"""Of an exec, of the init, and of the main process that the init keeps."""


@pytest.mark.parametrize(("profile", "user", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table(
    project: Make, docker_api: Any, base_image: str, uid: int, profile: str, user: int, expected: dict[str, str]
) -> None:
    mine = project(profile)
    mine.environ["HOME"] = "/nonexistent"
    if "privileged" in profile:
        expected = {name: _as_docker_has_it(docker_api, base_image, user)[name] for name in expected}
        assert int(expected["CapBnd"], 16) > int(DOCKER, 16)
    processes = mine.run("up", "-q", "--", "sh", "-c", ALL_PROCESSES, user=user).stdout.split("-\n")
    assert len(processes) == 3
    for text in processes:
        inside = _status(text)
        assert {name: inside[name] for name in expected} == expected
        assert inside["CapAmb"] == NONE


def test_a_throw_away_container_has_no_more(project: Make, uid: int) -> None:
    mine = project()
    mine.environ["HOME"] = "/nonexistent"
    inside = _status(mine.run("run", "-q", "--", "sh", "-c", STATUS, user=uid).stdout)
    assert (inside["CapBnd"], inside["CapEff"], inside["NoNewPrivs"], inside["Seccomp"]) == (NONE, NONE, "1", FILTER)


def test_a_main_process_of_the_profiles_own_has_no_more(project: Make, docker_api: Any, uid: int) -> None:
    mine = project('run: {command: [sh, -c, "cat /proc/self/status; sleep infinity"]}')
    mine.environ["HOME"] = "/nonexistent"
    mine.run("up", "-d", user=uid)
    logged = mine.run("logs", user=uid).stdout
    assert f"CapBnd:\t{NONE}" in logged
    assert "NoNewPrivs:\t1" in logged


def _copied_out(mine: Project, user: int, program: str) -> Path:
    """One of the image's own programs, in the workspace, as root's."""
    mine.environ["HOME"] = "/nonexistent"
    os.chown(mine.folder, user, user)
    mine.run("up", "-q", "--", "cp", program, ".", user=user)
    copy = mine.folder / Path(program).name
    os.chown(copy, 0, 0)
    return copy


@pytest.mark.parametrize(
    ("run", "code", "effective"),
    [
        ("", 126, ""),
        ("cap_add: [NET_RAW]", 0, NONE),
        ("{cap_add: [NET_RAW], security_opt: ['no-new-privileges:false']}", 0, "0000000000002000"),
    ],
)
def test_a_program_that_carries_a_capability(project: Make, uid: int, run: str, code: int, effective: str) -> None:
    """It does not start where it could never have it, starts without it under no-new-privileges, and else has it."""
    mine = project(f"run: {run if run.startswith('{') else '{' + run + '}'}")
    program = _copied_out(mine, uid, "/bin/grep")
    # As setcap cap_net_raw+ep writes it: version 2 with the effective bit, capability 13 (linux/capability.h).
    os.setxattr(program, "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
    done = mine.run("up", "-q", "--", "sh", "-c", "./grep CapEff: /proc/self/status", user=uid, check=code)
    assert done.stdout == (f"CapEff:\t{effective}\n" if effective else "")


def test_a_capability_that_reaches_nobody_is_told(project: Make, uid: int) -> None:
    mine = project("run: {cap_add: [NET_ADMIN]}")
    mine.environ["HOME"] = "/nonexistent"
    assert mine.run("up", "-d", user=uid).stderr.count("cap_add NET_ADMIN") == 1
    assert mine.plan()["notes"] == []  # the tests' own user is root, who has it


def test_setuid_programs_work_with_sudo_alone(project: Make, uid: int) -> None:
    for profile, told in (("", "1000"), ("user: {sudo: true}", "0")):
        mine = project(profile)
        _copied_out(mine, uid, "/usr/bin/id").chmod(0o4755)
        assert mine.run("up", "-q", "--", "./id", "-u", user=uid).stdout.strip() == told


def test_the_engines_socket_is_there_only_where_a_profile_names_it(project: Make) -> None:
    look = ("up", "-q", "--", "sh", "-c", "find / -xdev -name '*.sock' 2>/dev/null; ls /run/*.sock 2>/dev/null; true")
    mine = project()
    assert mine.run(*look).stdout == ""
    assert mine.plan()["powers"] == []
    mine.write("run: {volumes: ['/var/run/docker.sock:/run/docker.sock']}")
    assert "/run/docker.sock" in mine.run(*look).stdout
    assert [power["kind"] for power in mine.plan()["powers"]] == ["engine"]


def test_plan_lists_what_is_taken_of_the_host(project: Make) -> None:
    mine = project("run: {network_mode: host, volumes: ['/etc:/host:ro'], cap_add: [SYS_TIME]}")
    text = mine.run("plan").stdout
    listed = text.partition("takes over the host:\n")[2].splitlines()[:3]
    assert [line.strip().split(",")[0].split(":")[0] for line in listed] == [
        "reads /etc",
        "the host's network",
        "the capability SYS_TIME",
    ]
    mine.write()
    assert "takes over the host" not in mine.run("plan").stdout
