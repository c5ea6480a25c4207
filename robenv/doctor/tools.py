"""What robenv uses of this machine besides the engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from robenv.doctor.check import Finding, Patient

_KEYRINGS = (
    ("Debian", "/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
    ("Ubuntu", "/usr/share/keyrings/ubuntu-archive-keyring.gpg", "ubuntu-keyring"),
)


def mmdebstrap(patient: Patient) -> Iterator[Finding]:
    path = shutil.which("mmdebstrap")
    if path:
        yield Finding("mmdebstrap", "ok", f"{path}: bases from the package archive need no registry")
    else:
        text = "not there: profiles with `base.bootstrap` cannot be built"
        yield Finding("mmdebstrap", "warning", text, "sudo apt-get install mmdebstrap", safe=True)


def keyrings(patient: Patient) -> Iterator[Finding]:
    for name, path, package in _KEYRINGS:
        if Path(path).exists():
            yield Finding(f"{name} keyring", "ok", path)
        elif shutil.which("apt-get"):
            text = f"not there: bases of {name} cannot be bootstrapped"
            yield Finding(f"{name} keyring", "warning", text, f"sudo apt-get install {package}", safe=True)
