"""What Podman needs of its machine, on machines that have it and not."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.host.host import Host
from robenv.host.probes.podman import INIT, NAMES, TIMERS, TUN, read_lacks

CATATONIT = ("kind", "/usr/libexec/podman/catatonit")
AARDVARK = ("kind", "/usr/lib/podman/aardvark-dns")
DNSNAME = ("kind", "/usr/lib/cni/dnsname")
SYSTEMD = ("kind", "/run/systemd/system")
OPEN = ["/dev/net/tun", "char", 10, 200, 0, 0o666]
CLOSED = ["/dev/net/tun", "char", 10, 200, 0, 0o600]


class Machine(Host):
    def __init__(self, answers: dict[tuple[str, ...], Any]) -> None:
        self._answers = answers

    def ask(self, verb: str, *arguments: str) -> Any:
        nothing: dict[str, Any] = {"kind": "", "node": None, "texts": {}, "variable": "/home/jane"}
        return self._answers.get((verb, *arguments), nothing[verb])


@pytest.mark.parametrize(
    ("answers", "rootless", "unmet"),
    [
        ({CATATONIT: "file", SYSTEMD: "folder", AARDVARK: "file", ("node", TUN): OPEN}, True, ()),
        ({CATATONIT: "file", SYSTEMD: "folder", ("node", TUN): OPEN}, True, (NAMES,)),
        ({CATATONIT: "file", SYSTEMD: "folder", DNSNAME: "file", ("node", TUN): CLOSED}, True, (TUN,)),
        ({CATATONIT: "file", SYSTEMD: "folder", AARDVARK: "file", ("node", TUN): CLOSED}, False, ()),
        ({}, True, (INIT, TUN, TIMERS, NAMES)),
        ({}, False, (INIT, TIMERS, NAMES)),
    ],
)
def test_what_is_not_there(answers: dict[tuple[str, ...], Any], rootless: bool, unmet: tuple[str, ...]) -> None:
    assert read_lacks(Machine(answers), rootless) == unmet


@pytest.mark.parametrize(("line", "unmet"), [('init_path = "/opt/init"', ()), ('#init_path = "/opt/init"', (INIT,))])
def test_another_init_that_the_settings_name(line: str, unmet: tuple[str, ...]) -> None:
    file = "/home/jane/.config/containers/containers.conf"
    machine = Machine({SYSTEMD: "folder", AARDVARK: "file", ("texts", file): {file: f"[engine]\n{line}\n"}})
    assert read_lacks(machine, rootless=False) == unmet
