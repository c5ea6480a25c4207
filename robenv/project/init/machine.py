"""This machine, as far as a proposal is about it."""

from __future__ import annotations

from dataclasses import dataclass

from robenv.catalog.platforms import normalize
from robenv.catalog.ros import DISTROS
from robenv.errors import UsageError
from robenv.host.host import Host


@dataclass(frozen=True)
class DetectedMachine:
    """``l4t``: a Jetson's release, as in 36.4.0; ``ros``: distributions installed in /opt/ros."""

    l4t: str = ""
    ros: tuple[str, ...] = ()
    gpu: str = ""
    """Which one it has, in words; "" for none."""
    platform: str = ""
    """``linux/arm64``; "" where nobody knows, and then everything fits."""
    model: str = ""
    """Of its board, by the device tree."""
    suite: str = ""
    """The codename of its distribution."""

    @property
    def is_pi(self) -> bool:
        return self.model.startswith("Raspberry Pi")


def read_machine(host: Host) -> DetectedMachine:
    from robenv.host.probes.board import read_model
    from robenv.host.probes.distribution import read_distribution
    from robenv.host.probes.gpu import read_gpu

    found = read_gpu(host, ())
    tegra = found.tegra
    gpu = "a Jetson's" if tegra else "NVIDIA's" if found.nvidia_driver else "AMD's" if found.kfd else ""
    there = tuple(distro.name for distro in DISTROS if host.read(f"/opt/ros/{distro.name}/setup.sh") is not None)
    try:
        platform = normalize(host.uname()[2])
    except UsageError:
        platform = ""
    suite = read_distribution(host).codename
    return DetectedMachine(tegra.l4t if tegra else "", there, gpu, platform, read_model(host), suite)
