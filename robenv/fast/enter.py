"""Into a running container: one exec, its streams tied to this terminal. Light: the quick way in imports this."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager

from robenv.engine.terminal.interact import HUNG_UP, interact_exec, is_terminal
from robenv.engine.terminal.types import KILLED, ContainerInfo, ExecRequest
from robenv.errors import ContainerNotFound, RobenvError
from robenv.fast.clients import record_client
from robenv.fast.entry import ContainerEntry
from robenv.fast.launch import default_terminal_variables, launcher, terminal_variables
from robenv.plan.names import LABEL_PLAN_JSON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from robenv.engine.terminal.types import SessionEngine

STALE = (
    "robenv: this container was started in a login that has ended, so display, sound and ssh agent do not reach it; "
    "`robenv stop` and `robenv up` mend that"
)


def run_in_container(
    engine: SessionEngine,
    container: ContainerInfo,
    command: tuple[str, ...],
    directory: str,
    detach_keys: str = "",
    far: bool = False,
) -> int:
    """Runs ``command``, or the user's shell, in ``container``; the command's exit code.

    Starts in the folder that shows ``directory``, where there is one. ``far``: it is a robot's. Raises
    ContainerNotFound, EngineLost.
    """
    if LABEL_PLAN_JSON not in container.labels:
        raise ContainerNotFound(f"{container.name} was not made by robenv")
    entry = ContainerEntry(container.labels)
    if has_stale_session(container, entry):
        print(STALE, file=sys.stderr)
    tty = is_terminal(0) and is_terminal(1)
    began = time.time()
    variables = terminal_variables(tty, far) | ({} if entry.has_sh else default_terminal_variables(tty))
    with _session(entry) as session:
        request = ExecRequest(
            container=container.id,
            argv=entry.argv(command),
            user=entry.user,
            working_dir=entry.folder(directory),
            environment=(*(f"{name}={value}" for name, value in variables.items()), *session),
            tty=tty,
            stdin=True,
            detach_keys=detach_keys,
            launcher=launcher(tty, far) if entry.has_sh else (),
        )
        with record_client(container.name, request.argv):
            code = interact_exec(engine, request)
    if code is None:
        print("detached; the command runs on", file=sys.stderr)
        return 0
    if code == HUNG_UP:
        text = "detached, and the command ended with its terminal; `nohup` before it, or tmux inside, keeps one running"
        print(text, file=sys.stderr)
    explain_kill(engine, container.id, entry.plan, began, code)
    return code


def has_stale_session(container: ContainerInfo, entry: ContainerEntry) -> bool:
    """Whether what it has of a login session is of one that has ended."""
    if not entry.plan.get("session"):
        return False
    from robenv.host.session.container_session import is_stale

    return is_stale(entry.plan, container.started_at)


@contextmanager
def _session(entry: ContainerEntry) -> Iterator[tuple[str, ...]]:
    """The variables of the login session, for one command. Most containers have none, and import nothing for it."""
    if not entry.plan.get("session"):
        yield ()
        return
    from robenv.host.session.container_session import open_session

    with open_session(entry.plan) as session:
        if session.no_display:
            from robenv.notices import warn_once

            for text in session.no_display:
                warn_once(text)
        yield session.environment


def explain_kill(engine: SessionEngine, container: str, plan: Mapping[str, Any], began: float, code: int) -> None:
    """Says so where the kernel has killed something in the container for want of memory since ``began``: what was
    killed may have been any process of the command's, such as a compiler below make, whose exit code says nothing.
    ``plan``: the container's RunPlan as JSON."""
    limit = plan.get("mem_limit")
    if code != KILLED and not limit:
        return
    # The engine may hear of it a little later than of the end; nobody waits for that after a command that went well.
    margin = 0.0 if engine.endpoint.startswith("unix://") else 1.0
    patience = 1.0 if code == KILLED else 0.3 if code else 0.0
    try:
        count = engine.oom_events(container, began - margin, time.time() + patience)
    except RobenvError:
        return  # The command has ended, and its exit code says so.
    if count:
        why = "it reached its memory limit (run.mem_limit)" if limit else "there was not enough memory"
        print(f"robenv: the kernel killed a process in the container: {why}", file=sys.stderr)


def working_directory() -> str:
    """The folder where the user stands, as they see it; links resolved, since mounts are."""
    return os.path.realpath(os.getcwd())
