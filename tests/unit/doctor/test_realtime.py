"""What doctor says of realtime and of the network for DDS, on machines made by hand."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from robenv.doctor.check import CheckContext, Finding
from robenv.doctor.network import LARGER_BUFFERS, LOOPBACK, network
from robenv.doctor.realtime import GIVE_BUDGET, RAISE_LIMITS, realtime
from robenv.engine.protocol import EngineInfo
from robenv.host.host import Host, first_line

ALL_POWERS, NO_RESOURCE = 0x1FFFFFFFFFF, 0x1FFFEFFFFFF


class Machine(Host):
    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def ask(self, verb: str, *arguments: str) -> Any:
        text = self.files.get(arguments[0]) if arguments else None
        answers: dict[str, Any] = {
            "uname": ["6.1.0", "#1 SMP PREEMPT_RT Debian", "x86_64"],
            "user": [1000, 1000, "jane"],
            "read": text,
            "kind": "file" if text is not None else "",
            "texts": {path: one for path, one in self.files.items() if path.endswith("/flags")},
            "link": None,
            "variable": None,
        }
        return first_line(text, arguments[1]) if verb == "line" else answers[verb]


def engine(**raw: Any) -> CheckContext:
    said = {"CgroupVersion": "1", **raw}
    info = EngineInfo(
        "unix:///var/run/docker.sock", "Docker Engine", "20.10", "1.41", "linux/amd64", "", "", True, said
    )
    return CheckContext(None, info, None)


def machine(*options: str, powers: int = ALL_POWERS, groups: bool = True, priority: str = "0") -> Machine:
    files = {
        "/var/run/docker.pid": "8",
        "/proc/8/cmdline": "\0".join(("dockerd", *options)),
        "/proc/8/status": f"CapEff:\t{powers:016x}",
        "/proc/8/limits": "",
        "/proc/self/limits": f"Max realtime priority     {priority}    {priority}",
    }
    return Machine(files | ({"/sys/fs/cgroup/cpu/cpu.rt_runtime_us": "950000"} if groups else {}))


def found(patient: CheckContext, host: Machine) -> dict[str, Finding]:
    return {one.check: one for one in realtime(patient, host)}


def test_an_engine_without_a_budget() -> None:
    budget = found(engine(), machine())["realtime budget"]
    assert (budget.status, budget.fix) == ("warning", GIVE_BUDGET)


def test_an_engine_with_a_budget() -> None:
    findings = found(engine(), machine("--cpu-rt-runtime=400000"))
    assert findings["realtime budget"].status == "ok"
    assert "400000 µs" in findings["realtime budget"].message
    assert findings["realtime kernel"].message == "6.1.0, PREEMPT_RT"
    assert findings["realtime limits"].status == "ok"


def test_a_kernel_that_wants_none() -> None:
    assert "realtime budget" not in found(engine(), machine(groups=False))


def test_an_engine_that_may_not_raise_limits() -> None:
    limits = found(engine(), machine(powers=NO_RESOURCE))["realtime limits"]
    assert limits.status == "warning"
    assert "CAP_SYS_RESOURCE" in limits.message


@pytest.mark.parametrize(("priority", "status"), [("0", "warning"), ("99", "ok"), ("unlimited", "ok")])
def test_a_rootless_engine(priority: str, status: str) -> None:
    rootless = engine(SecurityOptions=["name=rootless"])
    limits = found(rootless, machine(priority=priority))["realtime limits"]
    assert limits.status == status
    assert limits.fix == (RAISE_LIMITS if status == "warning" else "")


@pytest.mark.parametrize("before", [None, '{"debug": true}'])
def test_the_command_keeps_what_the_file_says(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / "daemon.json"
    if before is not None:
        file.write_text(before)
    engine_file, restart = "/etc/docker/daemon.json", '["systemctl", "restart", "docker"]'
    assert restart in GIVE_BUDGET
    sudo, *command = shlex.split(GIVE_BUDGET.replace(engine_file, str(file)).replace(restart, '["true"]'))
    assert sudo == "sudo"
    subprocess.run(command, check=True)
    assert json.loads(file.read_text()) == {**json.loads(before or "{}"), "cpu-rt-runtime": 950_000}


def test_the_command_writes_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "robenv.conf"
    sudo, *command = shlex.split(RAISE_LIMITS.replace("/etc/security/limits.d/robenv.conf", str(file)))
    assert sudo == "sudo"
    subprocess.run(command, check=True, env={"SUDO_USER": "jane", "PATH": "/bin:/usr/bin"})
    assert file.read_text() == "jane - rtprio 99\njane - memlock unlimited\n"


@pytest.mark.parametrize(
    ("size", "status", "fix"),
    [("212992\n", "warning", LARGER_BUFFERS), ("4194304", "warning", LARGER_BUFFERS), ("2147483647", "ok", "")],
)
def test_socket_buffers(size: str, status: str, fix: str) -> None:
    first, _ = network(CheckContext(None, None, None), Machine({"/proc/sys/net/core/rmem_max": size}))
    assert (first.check, first.status, first.fix) == ("DDS socket buffers", status, fix)


@pytest.mark.parametrize(
    ("flags", "status", "message", "fix"),
    [
        ({"lo": "0x9", "wlan0": "0x1003"}, "ok", "wlan0", ""),
        ({"lo": "0x1009", "docker0": "0x1003"}, "ok", "on this machine alone", ""),
        ({"lo": "0x9", "eth0": "0x1002", "docker0": "0x1003"}, "warning", "no interface", LOOPBACK),
    ],
)
def test_multicast(flags: dict[str, str], status: str, message: str, fix: str) -> None:
    host = Machine({f"/sys/class/net/{name}/flags": f"{bits}\n" for name, bits in flags.items()})
    (finding,) = network(CheckContext(None, None, None), host)
    assert (finding.status, finding.fix) == (status, fix)
    assert message in finding.message


def test_nothing_is_said_of_an_engine_elsewhere() -> None:
    info = EngineInfo("ssh://robot", "Docker Engine", "28", "1.51", "linux/arm64", "", "", True, {})
    away = CheckContext(None, info, None)
    assert [*network(away, Machine({})), *realtime(away, Machine({}))] == []
