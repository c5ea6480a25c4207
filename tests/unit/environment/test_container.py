"""What counts as being at work in a container."""

from __future__ import annotations

import pytest

from robenv.environment.container import keeps_it_alive


@pytest.mark.parametrize(
    "command",
    [
        "sleep infinity",
        "/sbin/docker-init -- sleep infinity",
        "/usr/bin/qemu-aarch64-static /usr/bin/sleep infinity",
        "/usr/libexec/qemu-binfmt/aarch64-binfmt-P /usr/bin/sleep sleep infinity",
    ],
)
def test_what_only_keeps_the_container_alive(command: str) -> None:
    assert keeps_it_alive(command)


@pytest.mark.parametrize(
    "command",
    [
        "sleep 60",
        "bash",
        "/usr/bin/qemu-aarch64-static /usr/bin/bash",
        "/usr/bin/qemu-aarch64-static /usr/bin/sleep 60",
        "qemu-system-aarch64 -M virt sleep infinity",
    ],
)
def test_what_somebody_runs(command: str) -> None:
    assert not keeps_it_alive(command)
