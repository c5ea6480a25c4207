"""What Tab offers behind a command: profiles, robots, forms. Where something cannot be read, nothing is offered:
an error would be shown in the middle of the line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from robenv.errors import RobenvError

_MIXIN = "mixins/"


def profiles(incomplete: str) -> list[str]:
    """All built-in profiles."""
    from robenv.profile.chain.extends import builtin_files

    return _beginning(incomplete, (name for name, _ in builtin_files()))


def targets(incomplete: str) -> list[str]:
    """Profiles that a project can begin with."""
    return [name for name in profiles(incomplete) if not name.startswith(_MIXIN)]


def profile_words(incomplete: str) -> list[str]:
    """Behind `robenv profiles`."""
    return _beginning(incomplete, ("list", "show"))


def robots(incomplete: str) -> list[str]:
    """Robots and groups of the robots.yaml here or above."""
    from robenv.profile.chain.project import INVENTORY
    from robenv.remote.inventory import read_inventory

    with suppress(RobenvError, OSError):
        here = Path.cwd()
        found = next((one / INVENTORY for one in (here, *here.parents) if (one / INVENTORY).is_file()), None)
        if found is not None:
            inventory = read_inventory(found)
            return _beginning(
                incomplete, dict.fromkeys((*(robot.name for robot in inventory.robots), *inventory.groups))
            )
    return []


def words(*known: str) -> Callable[[str], list[str]]:
    """A few fixed words."""

    def offered(incomplete: str) -> list[str]:
        return _beginning(incomplete, known)

    return offered


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
