"""Tells of commands that run on although the robenv that started them was killed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable

from robenv.engine.protocol import ContainerInfo, Engine
from robenv.fast.clients import abandoned_commands, forget_clients
from robenv.plan.names import LABEL_ROLE, ROLE_THROWAWAY

_SHORT = 60


def tell_leftovers(
    engine: Engine, container: ContainerInfo, note: Callable[[str], None], ends: str = "robenv stop"
) -> None:
    """Notes each command in a container that nobody waits for any more, as long as it runs, and what ``ends`` it."""
    left = abandoned_commands(container.name)
    if not left:
        return
    if not container.running:
        forget_clients(list(left))
        return
    if container.labels.get(LABEL_ROLE) == ROLE_THROWAWAY:
        since = min(since for _, since in left.values())
        whose = f"{container.name}, of a `robenv run` that was killed,"
        note(f"{whose} still runs, since {_clock(since)}; `robenv down` removes it")
        return
    running = list(engine.running_commands(container.id))
    for path, (argv, since) in left.items():
        its = next((one for one in running if one[-len(argv) :] == argv), None)
        if its is not None:
            running.remove(its)
            command = shlex.join(argv)
            text = command if len(command) <= _SHORT else f"{command[:_SHORT]}…"
            note(f"a command whose robenv was killed still runs, since {_clock(since)}: {text}; `{ends}` ends it")
        else:
            forget_clients([path])


def _clock(when: float) -> str:
    day = "%H:%M" if time.time() - when < 12 * 3600 else "%Y-%m-%d %H:%M"
    return time.strftime(day, time.localtime(when))
