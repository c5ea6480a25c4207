"""What doctor says of Podman, on machines that have what it needs and not."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.doctor.check import CheckContext
from robenv.doctor.podman import podman
from robenv.engine.protocol import PODMAN_HOST, EngineInfo
from robenv.host.recorded import RecordedHost


def found(product: str, version: str, raw: dict[str, Any], host: dict[str, Any]) -> list[tuple[str, str, str]]:
    told = EngineInfo("unix:///x", product, version, "1.41", "linux/amd64", "overlay", "/", False, raw)
    machine = RecordedHost(host)
    return [(one.check, one.status, one.fix) for one in podman(CheckContext(None, told, None), machine)]


@pytest.mark.parametrize(
    ("product", "version", "rootless", "expected"),
    [
        ("Docker Engine", "20.10.24", True, []),
        ("Podman Engine", "4.3.1", False, [("podman init", "failure", "sudo apt-get install -y catatonit")]),
        (
            "Podman Engine",
            "3.0.1",
            True,
            [
                ("podman", "warning", ""),
                ("podman init", "failure", "sudo apt-get install -y catatonit"),
                ("podman network", "failure", "sudo apt-get install -y slirp4netns"),
                ("podman network", "failure", "sudo chmod 666 /dev/net/tun"),
            ],
        ),
    ],
)
def test_on_a_machine_with_nothing(
    product: str, version: str, rootless: bool, expected: list[tuple[str, str, str]]
) -> None:
    raw = {"Rootless": rootless, PODMAN_HOST: {"slirp4netns": {"executable": ""}}}
    assert found(product, version, raw, {}) == expected
