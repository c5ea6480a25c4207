"""From the release that runs to another one, step by step, so that the robot is never left with neither.

The steps are small, and after each of them the robot does right by itself, whoever is killed: see docs/deploying.md for
the table. ``at`` is told each step as it is done; tests kill things there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass

from robenv.deploy.guard import guarded
from robenv.deploy.health import HealthVerdict, Trial, await_active, await_health, verdict_of_ended
from robenv.deploy.interrupt import handing_over
from robenv.deploy.interrupt import raise_if_interrupted as check_interrupt
from robenv.deploy.release import ACTIVE, AGAIN, HISTORY, Release, confirmed_file, trial_time
from robenv.deploy.release_state import confirm, release_id, retire, stored_plan
from robenv.deploy.release_volume import prepare_folder, read_file, write_files
from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import OperationFailed, RobenvError
from robenv.plan.container.create_request import create_request
from robenv.plan.container.exclusive import conflicting_use
from robenv.plan.names import LABEL_PROJECT
from robenv.project.containers.container import prepare_mounts
from robenv.project.containers.container_user import prepare_accounts
from robenv.project.containers.networks import connect_networks, ensure_networks
from robenv.remote.exec_with_timeout import run_inside
from robenv.util.bounded_json import last_bytes

STEPS = ("created", "waiting", "handed", "healthy", "confirmed", "promoted", "retired", "pruned")
"""In this order. Before ``handed`` the old release runs; from ``confirmed`` on the new one stays. Where the old release
has to be stopped first, ``stopped`` comes behind ``created``, and from there to ``handed`` neither runs."""

_TO_START = 20.0
"""Seconds in which a started release has to reach the lock."""
_LAST_LINES = 15
_GRACE = 10.0
"""Seconds that a command gets to end where the profile does not say."""
_KILL = "kill -KILL -1"
"""All but the container's PID 1, which ends with the command."""
_REMEMBERED = 100
"""Releases whose order is kept."""
SOCKET = "/var/run/docker.sock"
At = Callable[[str], None]


class ReleaseFailed(OperationFailed):
    """A release did not do well, and the earlier one runs again, or there was none."""


@dataclass(frozen=True)
class HandoverResult:
    """``was``: the release that ran before; "" for none. ``gap``: seconds from its end until the new one ran."""

    release: str
    was: str = ""
    gap: float = 0.0


def create_release(engine: Engine, release: Release) -> str:
    """The release's container, not started; on trial."""
    plan = release.plan
    earlier = engine.find_container(plan.name)
    if earlier is not None:
        engine.remove_container(earlier.id, force=True)
    ensure_networks(engine, plan)
    home_is_new = plan.home_volume in prepare_mounts(engine, plan)
    container = engine.create_container(plan.name, create_request(plan), plan.platform)
    try:
        connect_networks(engine, container, plan)
        prepare_accounts(engine, container, plan, home_is_new)
        prepare_folder(engine, container, release.id)
    except BaseException:
        engine.remove_container(container, force=True)
        raise
    return container


def hand_over(
    engine: Engine,
    container: str,
    trial: Trial,
    old: ContainerInfo | None,
    say: Callable[[str], None],
    at: At = lambda step: None,
    *,
    keep_failed: bool = False,
    socket: str = SOCKET,
) -> HandoverResult:
    """Starts ``container``, hands over from ``old`` to it, and confirms it once it is healthy.

    Raises ReleaseFailed, with the new one's last lines, where it is not: then ``old`` runs again. The new container is
    removed, unless ``keep_failed``: an earlier release that was tried again stays. Where both claim what only one can
    have, ``old`` is stopped first, under a guard. ``socket``: where that engine listens on its own machine.
    """
    shared = _in_the_way(engine, container, old)
    with handing_over(engine), ExitStack() as guard:
        try:
            if old is not None and shared:
                guard.enter_context(_guard(engine, container, trial, old, socket))
            gap = _hand_over(engine, container, trial, old, shared, say, at)
            say("waiting for its health")
            verdict = await_health(engine, container, trial, say)
            _require(engine, container, trial, verdict)
            at("healthy")
            _promote(engine, container, trial, at)
        except BaseException as error:
            _undo(engine, container, trial if keep_failed else None, old, say, error)
            raise
    at("promoted")
    if old is not None:
        retire(engine, old)
    at("retired")
    return HandoverResult(trial.id, release_id(old) if old is not None else "", gap)


def _promote(engine: Engine, container: str, trial: Trial, at: At) -> None:
    """It stays, and is what the robot boots into; then it is seen to run: what ended before the engine was told to keep
    it running stays ended, and with the old release retired nothing would run."""
    before = [one for one in read_file(engine, container, HISTORY).split() if one != trial.id]
    confirm(engine, container, trial.id, [*before[-_REMEMBERED:], trial.id])
    at("confirmed")
    engine.set_restart_policy(container, "always")
    info = engine.find_container(container)
    if info is None or not info.running:
        _require(engine, container, trial, verdict_of_ended(info))


def put_on_trial_again(engine: Engine, container: str, release: str) -> None:
    """Sets the watchdog on an earlier release once more: what was good then may not be now, and nobody may be there to
    see. Before it is started."""
    write_files(engine, container, {confirmed_file(release): AGAIN})


def _in_the_way(engine: Engine, container: str, old: ContainerInfo | None) -> tuple[str, ...]:
    """What keeps the new release from being started behind the one that runs."""
    new = engine.find_container(container)
    if new is None or old is None or not old.running:
        return ()
    return conflicting_use(stored_plan(new), stored_plan(old))


def _guard(
    engine: Engine, container: str, trial: Trial, old: ContainerInfo, socket: str
) -> AbstractContextManager[None]:
    longest = trial_time(trial.health, trial.settle) + _TO_START
    return guarded(engine, old.labels[LABEL_PROJECT], container, old.id, longest, socket)


def _hand_over(
    engine: Engine,
    container: str,
    trial: Trial,
    old: ContainerInfo | None,
    shared: tuple[str, ...],
    say: Callable[[str], None],
    at: At,
) -> float:
    """Seconds in which neither ran."""
    running = old if old is not None and old.running else None
    ended_at = 0.0
    if running is not None and shared:
        say(f"stopping {running.name}")
        ended_at = time.monotonic()
        engine.stop(running.id)
        at("stopped")
    engine.start(container)
    if running is not None and not shared:
        _await_standby(engine, container, trial)
    at("waiting")
    if running is not None and not shared:
        say(f"handing over from {running.name}")
        ended_at = time.monotonic()
        end_from_inside(engine, running)
    if not await_active(engine, container, trial.id, _TO_START):
        info = engine.find_container(container)
        verdict = (
            verdict_of_ended(info) if info is None or not info.running else HealthVerdict(False, "it did not start")
        )
        raise _failed(engine, container, trial, verdict)
    gap = time.monotonic() - ended_at if running is not None else 0.0
    at("handed")
    return gap


def is_waiting_for_lock(engine: Engine, container: str) -> bool:
    """Whether a release that runs waits for the lock."""
    try:
        rows = engine.processes(container)
    except OperationFailed:
        return False  # it has ended meanwhile
    return any(row["CMD"].startswith("flock ") for row in rows)


def _await_standby(engine: Engine, container: str, trial: Trial) -> None:
    """Until it waits for the lock: what cannot even start its shell must not end the release that runs."""
    until = time.monotonic() + _TO_START
    while time.monotonic() < until:
        check_interrupt()
        info = engine.find_container(container)
        if info is None or not info.running:
            raise _failed(engine, container, trial, verdict_of_ended(info))
        if is_waiting_for_lock(engine, container) or read_file(engine, container, ACTIVE) == trial.id:
            return  # the other where the old one keeps crashing: its turn came in between
        time.sleep(0.1)
    raise _failed(engine, container, trial, HealthVerdict(False, "it did not get as far as waiting for its turn"))


def end_from_inside(engine: Engine, old: ContainerInfo) -> None:
    """Ends the old release's command as if it had ended by itself: its policy starts it again, as the standby.

    A stop through the engine would count as a person's, after which nothing starts it again by itself.
    """
    plan = stored_plan(old)
    signal = str(plan.get("stop_signal") or "TERM").removeprefix("SIG")
    grace = float(plan.get("stop_grace_period") or _GRACE)
    # As root at last: a command may have become somebody else.
    for script, user, patience in ((f"kill -{signal} 1", "", grace), (_KILL, "", 3.0), (_KILL, "0", 3.0)):
        with suppress(OperationFailed):  # it may end while it is being told to
            run_inside(engine, old, ("/bin/sh", "-c", script), timeout=5, user=user)
        if _has_ended(engine, old, patience):
            return
    # It does not hear from inside: then from outside, and started again as the standby.
    engine.stop(old.id, timeout=1)
    engine.start(old.id)


def _has_ended(engine: Engine, old: ContainerInfo, patience: float) -> bool:
    """Whether its command ends within ``patience`` seconds."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        info = engine.find_container(old.id)
        if info is None or info.started_at != old.started_at or info.status != "running":
            return True
        time.sleep(0.1)
    return False


def _undo(
    engine: Engine,
    container: str,
    kept: Trial | None,
    old: ContainerInfo | None,
    say: Callable[[str], None],
    error: BaseException,
) -> None:
    """The new one goes (``kept``: it is an earlier one, and stays as such); the old one, its standby, has the lock
    then. What cannot be undone from here, because the link is gone, the robot does itself: the new one's watchdog
    ends it."""
    try:
        if kept is not None:
            engine.stop(container)
            confirm(engine, container, kept.id)
        else:
            engine.remove_container(container, force=True)
        now = _run_again(engine, old) if old is not None else "nothing runs there now: it has no earlier release"
    except RobenvError as second:
        now = f"could not undo it from here ({second}); the robot goes back to the earlier release by itself"
        error.__context__ = second
    say(now)
    if isinstance(error, RobenvError):
        error.details = "\n".join(filter(None, [now, error.details]))


def _run_again(engine: Engine, old: ContainerInfo) -> str:
    """What came of it."""
    info = engine.find_container(old.id)
    if info is not None and not info.running:
        engine.start(old.id)
    runs = await_active(engine, old.id, release_id(old), _TO_START)
    return f"{old.name} runs again" if runs else f"{old.name} does not run again: look at its logs"


def _require(engine: Engine, container: str, trial: Trial, verdict: HealthVerdict) -> None:
    if not verdict.healthy:
        raise _failed(engine, container, trial, verdict)


def _failed(engine: Engine, container: str, trial: Trial, verdict: HealthVerdict) -> ReleaseFailed:
    written = last_bytes(data for _, data in engine.logs(container, tail=_LAST_LINES))
    lines = written.decode("utf-8", "replace").rstrip()
    parts = []
    if verdict.output:
        parts.append(f"the check wrote:\n{verdict.output[-2000:]}")
    parts.append(f"its last lines:\n{lines}" if lines else "it wrote nothing")
    return ReleaseFailed(
        f"release {trial.id[:8]} is not healthy: {verdict.reason}",
        details="\n".join(parts),
        hint="look at deploy.command and deploy.healthcheck in the profile; `robenv run` tries the same image here",
    )
