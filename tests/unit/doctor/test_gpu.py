"""What doctor says of GPUs; the machines are made up, and read by the real probes."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.doctor.check import CheckContext, Finding
from robenv.doctor.gpu import MAKE_LINKS, gpu
from robenv.engine.protocol import EngineInfo
from robenv.host.recorded import RecordedHost
from robenv.plan.host.gpu_nvidia import ENABLE_CDI, INSTALL_TOOLKIT, REGISTER_RUNTIME, WRITE_CDI_SPEC

DRIVER = "570.133.20"
CARD = (
    "Model: \t\t NVIDIA RTX A4000\nGPU UUID: \t GPU-f15ae561-21b1-6003-c768-861fc2852\nBus Location: \t 0000:01:00.0\n"
)
NODES = {
    "/dev/nvidia0": ["char", 195, 0, 0, "666"],
    "/dev/nvidiactl": ["char", 195, 255, 0, "666"],
}
LINKS = {"/dev/char/195:0": "../nvidia0", "/dev/char/195:255": "../nvidiactl"}
SPEC = f"""\
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
  - name: "0"
    containerEdits:
      deviceNodes: [{{path: /dev/nvidia0}}]
containerEdits:
  mounts:
    - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.{DRIVER}
      containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.{DRIVER}
"""


def machine(*, toolkit: bool = True, driver: str = DRIVER, spec: str = "", links: bool = True) -> RecordedHost:
    files = {
        "/sys/module/nvidia/version": f"{driver}\n",
        "/proc/driver/nvidia/gpus/0000:01:00.0/information": CARD,
    }
    if toolkit:
        files["/usr/bin/nvidia-container-runtime-hook"] = ""
    if spec:
        files["/etc/cdi/nvidia.yaml"] = spec
    return RecordedHost({"user": [1000, 1000, "dev"], "files": files, "nodes": NODES, "links": LINKS if links else {}})


def examined(host: RecordedHost, endpoint: str = "unix:///var/run/docker.sock", **info: Any) -> list[Finding]:
    raw = {"Runtimes": {"runc": {}}, "CgroupDriver": "cgroupfs", **info}
    api = "1.51" if "CDISpecDirs" in info else "1.41"
    known = EngineInfo(
        endpoint, "Docker Engine", "28.5.2", api, "linux/amd64", "overlay2", "/var/lib/docker", True, raw
    )
    return list(gpu(CheckContext(None, known, None), host))


def bad(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.fix) for finding in findings if finding.status != "ok"]


BY_RUNTIME: dict[str, Any] = {"Runtimes": {"runc": {}, "nvidia": {}}}
BY_CDI: dict[str, Any] = {"CDISpecDirs": ["/etc/cdi"]}


@pytest.mark.parametrize(
    ("host", "info"),
    [
        (machine(), BY_RUNTIME),
        (machine(), {**BY_RUNTIME, "CgroupDriver": "systemd"}),
        (machine(toolkit=False, spec=SPEC), BY_CDI),
        (RecordedHost({"user": [1000, 1000, "dev"]}), {}),
        (RecordedHost({"user": [1000, 1000, "dev"]}), {"CgroupDriver": "systemd"}),
    ],
)
def test_a_machine_in_order(host: RecordedHost, info: dict[str, Any]) -> None:
    findings = examined(host, **info)
    assert findings
    assert not bad(findings)


@pytest.mark.parametrize(
    ("host", "info", "expected"),
    [
        (machine(toolkit=False), {}, [("GPU", INSTALL_TOOLKIT)]),
        (machine(), {}, [("NVIDIA runtime", REGISTER_RUNTIME)]),
        (machine(), BY_CDI, [("NVIDIA runtime", REGISTER_RUNTIME), ("CDI", WRITE_CDI_SPEC)]),
        (
            machine(driver="580.65.06", spec=SPEC),
            {**BY_CDI, **BY_RUNTIME},
            [("CDI", "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml")],
        ),
        (
            machine(spec=SPEC.replace("/dev/nvidia0", "/dev/nvidia1")),
            {**BY_CDI, **BY_RUNTIME},
            [("CDI", "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml")],
        ),
        (machine(toolkit=False, spec=SPEC), {"CDISpecDirs": []}, [("GPU", INSTALL_TOOLKIT), ("CDI", ENABLE_CDI)]),
        (machine(links=False), {**BY_RUNTIME, "CgroupDriver": "systemd"}, [("GPU after daemon-reload", MAKE_LINKS)]),
    ],
)
def test_what_is_wrong_comes_with_the_command_that_mends_it(
    host: RecordedHost, info: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert bad(examined(host, **info)) == expected


def test_a_card_without_its_driver() -> None:
    host = RecordedHost(
        {
            "user": [1000, 1000, "dev"],
            "files": {
                "/etc/os-release": "ID=ubuntu\n",
                "/sys/class/drm/card0/device/uevent": "DRIVER=nouveau\nPCI_ID=10DE:2704\n",
            },
            "nodes": {"/dev/dri/card0": ["char", 226, 0, 44, "660"]},
            "others": {"/sys/class/drm/card0/device/drm/card0": "folder"},
        }
    )
    assert bad(examined(host)) == [("GPU", "sudo ubuntu-drivers install && sudo reboot")]


def test_links_are_nothing_to_an_engine_that_keeps_its_own_cgroups() -> None:
    assert not bad(examined(machine(links=False), **BY_RUNTIME))


def test_an_engine_on_another_machine_is_not_blamed_for_this_one() -> None:
    (finding,) = examined(machine(toolkit=False, spec=SPEC), endpoint="tcp://robot:2375")
    assert finding.status == "ok" and "another machine" in finding.message


def test_without_an_engine_the_machine_itself_is_still_looked_at() -> None:
    findings = list(gpu(CheckContext(None, None, None), machine(toolkit=False)))
    assert bad(findings) == [("GPU", INSTALL_TOOLKIT)]
