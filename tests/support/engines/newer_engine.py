"""A Docker Engine of a newer Debian beside the system's own, for what the system's is too old for, such as CDI.

Its programs and their libraries come from Debian's archive once, and stay in the user's cache folder. It runs in a
mount namespace in which its /usr lies over the system's: every other path is the system's, so that bind mounts and
sockets resolve as they do for everybody else.
"""

from __future__ import annotations

from scripts import own_root
from tests.support.engines.newer_packages import unpacked
from tests.support.engines.second_engine import SecondEngine

PACKAGES = ("base-files", "docker.io", "procps", "apparmor", "iptables")
"""Docker Engine 28.5 (API 1.51) in autumn 2026; without iptables its containers find each other by no name."""

# A containerd of the whole system would start containers outside of this namespace: it is out of sight in here.
START = """
set -e
if [ -d /run/containerd ]; then mount -t tmpfs tmpfs /run/containerd; fi
mount --bind "$0/usr" /usr
exec dockerd "$@"
"""


class NewerEngine(SecondEngine):
    """Ready for CDI: it looks for specs in ``cdi`` alone, a folder of the test's own."""

    def __init__(self) -> None:
        root = unpacked("engine", PACKAGES)
        super().__init__()
        self._root = root
        self.cdi = self.folder / "cdi"
        self.cdi.mkdir()

    @property
    def options(self) -> list[str]:
        return [*super().options, "--ip6tables=false", "--cdi-spec-dir", str(self.cdi)]

    @property
    def command(self) -> list[str]:
        own = ["unshare", "--net", *own_root.prefix(), "unshare", "--mount"]
        return [*own, "sh", "-c", START, str(self._root), *self.options]
