"""What robenv uses of this machine besides the engine."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from robenv.catalog.suites import DEBIAN_KEYRING, UBUNTU_KEYRING, Keyring
from robenv.doctor.check import CheckContext, Finding

_KEYRINGS = (("Debian", DEBIAN_KEYRING), ("Ubuntu", UBUNTU_KEYRING))


def mmdebstrap(patient: CheckContext) -> Iterator[Finding]:
    path = shutil.which("mmdebstrap")
    if path:
        yield Finding("mmdebstrap", "ok", f"{path}: bases from the package archive need no registry")
    else:
        text = "not there: profiles with `base.bootstrap` cannot be built"
        yield Finding("mmdebstrap", "warning", text, _install("mmdebstrap"), safe=True)


def keyrings(patient: CheckContext) -> Iterator[Finding]:
    for name, keyring in _KEYRINGS:
        if Path(keyring.path).exists():
            yield Finding(f"{name} keyring", "ok", keyring.path)
            continue
        text = f"not there: bases of {name} cannot be bootstrapped"
        package = _package(keyring)
        if not package:
            text += f"; no package here has it: copy {keyring.path} from a machine with {name}"
        yield Finding(f"{name} keyring", "warning", text, _install(package), safe=True)


def _package(keyring: Keyring) -> str:
    """The package with that file, by this distribution's name; "" where it has none, as Debian 12 for Ubuntu's."""
    ours, others = keyring.package_on_debian, keyring.package_on_ubuntu
    if _is_ubuntu():
        ours, others = others, ours
    offered = _offered(ours, others)
    return next((name for name in (ours, others) if name in offered), "")


def _is_ubuntu() -> bool:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return "ubuntu" in (release.get("ID", ""), *release.get("ID_LIKE", "").split())


def _offered(*packages: str) -> set[str]:
    """Those that apt could install. A package that others only suggest has a name there and no version."""
    if not shutil.which("apt-cache"):
        return set()
    # One call for all: where apt has no cache of its own, each reads the whole index.
    asked = subprocess.run(["apt-cache", "madison", *packages], capture_output=True, text=True, check=False)
    return {line.partition("|")[0].strip() for line in asked.stdout.splitlines()}


def _install(package: str) -> str:
    return f"sudo apt-get install -y {package}" if package and shutil.which("apt-get") else ""
