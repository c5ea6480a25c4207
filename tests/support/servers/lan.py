"""A network cable of a test's own: one end on this machine, at the other a machine that answers."""

from __future__ import annotations

import secrets
import subprocess
from types import TracebackType

from tests.support.robots.robots import Namespace


class Lan:
    """``parent`` is this machine's end, for a macvlan to stand on; ``address`` is who answers at the other.

    The far end lies in a network namespace, as another machine would on the same switch.
    """

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self.parent = f"rt{mark}a"
        # TEST-NET-2 of RFC 5737, cut up so that two tests side by side do not meet.
        block = secrets.randbelow(8) * 32
        self.subnet, self.gateway = f"198.51.100.{block}/27", f"198.51.100.{block + 30}"
        self.address, self.free = f"198.51.100.{block + 1}", f"198.51.100.{block + 7}"

    def __enter__(self) -> Lan:
        far = f"{self.parent[:-1]}b"
        self._namespace = Namespace()
        try:
            _ip("link", "add", self.parent, "type", "veth", "peer", "name", far, "netns", str(self._namespace.pid))
            _ip("link", "set", self.parent, "up")
            self._namespace.ip("address", "add", f"{self.address}/27", "dev", far)
            self._namespace.ip("link", "set", far, "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        subprocess.run(["ip", "link", "delete", self.parent], check=False, stderr=subprocess.DEVNULL)
        self._namespace.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
