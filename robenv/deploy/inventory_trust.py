"""What an inventory has ssh do on this machine, and whether that is the user's own word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from robenv.project.trust.approvals import own_uids
from robenv.project.trust.baseline import TrustSnapshot, others, read_baseline
from robenv.project.trust.foreign_files import foreign_path
from robenv.project.trust.judge import AccessClaim
from robenv.remote.inventory import Inventory, Robot
from robenv.util.sanitize import safe

_PLAIN = ("-4", "-6", "-C", "-a", "-k", "-q", "-v", "-vv", "-vvv", "-x")
_PLAIN_WITH_VALUE = ("-b", "-i", "-l", "-p")
_PLAIN_SETTINGS = frozenset(
    (
        "addressfamily", "batchmode", "bindaddress", "ciphers", "compression", "connectionattempts", "connecttimeout",
        "hostkeyalgorithms", "identitiesonly", "identityfile", "ipqos",
        "kexalgorithms", "loglevel", "macs", "port", "preferredauthentications", "serveralivecountmax",
        "serveraliveinterval", "tcpkeepalive", "user",
    )
)  # fmt: skip
"""Of ssh_config(5): none of these runs anything here, or takes a host for another."""


def inventory_claims(inventory: Inventory, root: Path) -> tuple[AccessClaim, ...]:
    """What the robots' ssh options may do on this machine, where the file is not the user's own, or where a container
    of the project in ``root`` could have written it since."""
    if not inventory.path:
        return ()
    path = Path(inventory.path)
    why = _foreign(path) or _changed(inventory, str(root))
    powers = tuple(dict.fromkeys(text for robot in inventory.robots for text in (_place(robot), *_powers(robot))))
    return (AccessClaim(f"{os.path.realpath(path)} ({why})", path.name, why, powers),) if why and powers else ()


def _place(robot: Robot) -> str:
    """Whoever can say where a robot is can have the next deploy go to any machine that lets the user in."""
    return safe(f"{robot.name} is {robot.place}, with its engine at {robot.docker_host}")


def _foreign(path: Path) -> str:
    try:
        return foreign_path(path, own_uids())
    except OSError:
        return "it changed while it was read"


def _changed(inventory: Inventory, root: str) -> str:
    stamps = TrustSnapshot(inventory.since, frozenset((inventory.path,))).stamps((inventory.path,))
    known = [one for one in (read_baseline(root), *others(root)) if one is not None]
    return "it changed while a container could write there" if any(one.changed(stamps) for one in known) else ""


def _powers(robot: Robot) -> Iterator[str]:
    words = iter(robot.ssh_options)
    for word in words:
        if word in _PLAIN or word.startswith(_PLAIN_WITH_VALUE):
            if word in _PLAIN_WITH_VALUE:
                next(words, "")
            continue
        setting = (next(words, "") if word == "-o" else word[2:]) if word.startswith("-o") else ""
        name = setting.replace("=", " ").split(" ")[0].lower()
        if name not in _PLAIN_SETTINGS:
            said = f"-o {setting}" if setting else word
            yield safe(f"ssh on this machine with {said}, which may run commands as you or lend what is yours")
