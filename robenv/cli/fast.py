"""The fast path: `up`, `exec` and `shell` on a container that runs by the present plan.

Only the plainest command lines take it; for everything else, and whenever anything is not as the last `up`
left it, `enter` returns None and the whole command runs. Importing typer and docker-py alone takes longer than a
whole `docker exec`.
"""

from __future__ import annotations

import os
from contextlib import suppress

from robenv.fast import up_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def parse(arguments: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """(folder, command) of a plain command line; None for one with options, which typer is to read."""
    rest = list(arguments)
    directory = os.getcwd()
    if rest[0] == "-C":
        if len(rest) < 3:
            return None
        directory = os.path.realpath(os.path.join(directory, rest[1]))
        rest = rest[2:]
    name, rest = rest[0], rest[1:]
    if name == "up" and rest[:1] in (["-q"], ["--quiet"]):
        rest = rest[1:]  # the fast path prints nothing anyhow
    if rest and rest[0] == "--":
        rest = rest[1:]
        if not rest:
            return None
    elif rest and (name != "exec" or rest[0].startswith("-")):
        return None
    if (name == "exec") != bool(rest) and name != "up":
        return None
    if name not in ("up", "exec", "shell"):
        return None
    return directory, tuple(rest)


def enter(arguments: list[str]) -> int | None:
    """Enters the project's container if the last `up` from here still holds; None where it does not."""
    try:
        parsed = parse(arguments)
        if parsed is None:
            return None
        directory, command = parsed
        return _enter(directory, command)
    except FileNotFoundError:
        return None  # The current folder is gone; the whole command says so.


def _enter(directory: str, command: tuple[str, ...]) -> int | None:
    from robenv.engine.transport.endpoint import find_endpoint
    from robenv.errors import RobenvError
    from robenv.fast.client import DirectEngine, supports
    from robenv.fast.clients import has_abandoned_commands
    from robenv.fast.enter import has_stale_session
    from robenv.fast.entry import ContainerEntry
    from robenv.fast.mounted import replaced_paths
    from robenv.plan.names import LABEL_PLAN

    log = _log()
    try:
        endpoint = find_endpoint(os.environ)
        if not supports(endpoint):
            return log(f"{endpoint.url} is no unix socket")
        known = up_cache.read_entry(directory, endpoint.url)
        if known is None:
            return log("nothing is known of an earlier `up`, or something has changed since")
        engine = DirectEngine(endpoint)
        container = engine.find_container(known[0])
    except RobenvError as error:
        return log(str(error))  # The whole command meets the same and explains it.
    if container is None or container.status != "running" or container.labels.get(LABEL_PLAN) != known[1]:
        return log(f"{known[0]} does not run, or was created from another plan")
    if has_stale_session(container, ContainerEntry(container.labels)):
        return log("the login session is another one")
    if has_abandoned_commands(container.name):
        return log("a command of a robenv that was killed may still run")
    if replaced_paths(container, folders=True) or replaced_paths(container, folders=False):
        return log("a mounted path was replaced")
    return _run(engine, container, command)


def _log() -> Callable[[str], None]:
    """What records why the fast path is not taken. The log is only imported where ROBENV_LOG asks for it."""
    file = os.environ.get("ROBENV_LOG")
    if not file:
        return lambda why: None
    from robenv.util import log

    with suppress(OSError):  # the whole command says so
        log.start(file=file)
    return lambda why: log.decision(f"not by the fast path: {why}")


def _run(engine: object, container: object, command: tuple[str, ...]) -> int:
    from robenv.cli.output import safe_output
    from robenv.errors import Interrupted, RobenvError
    from robenv.fast.enter import run_in_container as enter_container
    from robenv.fast.enter import working_directory

    try:
        with safe_output():
            return enter_container(engine, container, command, working_directory())  # type: ignore[arg-type]
    except RobenvError as error:
        from robenv.cli.errors import print_error

        return print_error(error)
    except KeyboardInterrupt:
        from robenv.cli.errors import print_error

        return print_error(Interrupted("interrupted"))
    except Exception as error:
        from robenv.cli.errors import print_unexpected

        return print_unexpected(error)
