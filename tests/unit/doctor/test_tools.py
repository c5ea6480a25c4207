"""What the checks of tools find, and which package they name: by the distribution and by what its apt has."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from robenv.catalog.suites import Keyring
from robenv.doctor import tools
from robenv.doctor.check import CheckContext

NOBODY = CheckContext(None, None, None)
DEBIAN = {"ID": "debian"}
UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian"}
MINT = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}


class Machine:
    """``packages``: what its apt has; None for a machine without apt."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = monkeypatch
        monkeypatch.setenv("PATH", str(folder))

    def program(self, name: str, does: str = "") -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (self.folder / name).chmod(0o755)

    def is_a(self, release: dict[str, str], packages: str | None) -> None:
        self._patch.setattr(platform, "freedesktop_os_release", lambda: release)
        if packages is not None:
            self.program("apt-get")
            known = f'for one in {packages}; do case "$* " in madison*" $one "*) echo " $one | 1 |" ;; esac; done'
            self.program("apt-cache", known)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    keyring = Keyring(str(tmp_path / "keys.gpg"), "keys-on-debian", "keys-on-ubuntu")
    monkeypatch.setattr(tools, "_KEYRINGS", (("Ubuntu", keyring),))
    return Machine(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("release", "packages", "fix"),
    [
        (DEBIAN, "keys-on-debian keys-on-ubuntu", "sudo apt-get install -y keys-on-debian"),
        (DEBIAN, "keys-on-ubuntu", "sudo apt-get install -y keys-on-ubuntu"),
        (UBUNTU, "keys-on-debian keys-on-ubuntu", "sudo apt-get install -y keys-on-ubuntu"),
        (MINT, "keys-on-debian keys-on-ubuntu", "sudo apt-get install -y keys-on-ubuntu"),
        (DEBIAN, "others", ""),
        ({"ID": "fedora"}, None, ""),
    ],
)
def test_a_keyring_that_lacks(machine: Machine, release: dict[str, str], packages: str | None, fix: str) -> None:
    machine.is_a(release, packages)
    (finding,) = tools.keyrings(NOBODY)
    assert (finding.check, finding.status, finding.fix) == ("Ubuntu keyring", "warning", fix)
    assert (f"copy {machine.folder}/keys.gpg from a machine with Ubuntu" in finding.message) is not bool(fix)


def test_a_keyring_that_is_there(machine: Machine) -> None:
    (machine.folder / "keys.gpg").touch()
    (finding,) = tools.keyrings(NOBODY)
    assert (finding.status, finding.message) == ("ok", f"{machine.folder}/keys.gpg")


def test_mmdebstrap(machine: Machine) -> None:
    (without_apt,) = tools.mmdebstrap(NOBODY)
    assert (without_apt.status, without_apt.fix) == ("warning", "")
    machine.program("apt-get")
    (with_apt,) = tools.mmdebstrap(NOBODY)
    assert (with_apt.fix, with_apt.safe) == ("sudo apt-get install -y mmdebstrap", True)
    machine.program("mmdebstrap")
    (there,) = tools.mmdebstrap(NOBODY)
    assert there.status == "ok"
