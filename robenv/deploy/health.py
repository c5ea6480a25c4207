"""Whether a release does well: asked from outside, for as long as it is on trial."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from robenv.deploy import release
from robenv.deploy.interrupt import raise_if_interrupted as check_interrupt
from robenv.deploy.release_volume import read_file
from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import ContainerNotFound
from robenv.plan.models import Healthcheck
from robenv.remote.exec_with_timeout import run_inside

_PAUSE = 0.2
"""Seconds between two looks."""


@dataclass(frozen=True)
class HealthVerdict:
    """``healthy``, and else why not, in one line, with what the check wrote last."""

    healthy: bool
    reason: str = ""
    output: str = ""


@dataclass(frozen=True)
class Trial:
    """What it takes to judge a release that has been created: its ID, what it is asked, and how many seconds it has to
    stay up."""

    id: str
    health: Healthcheck | None
    settle: float = 0.0


def await_active(engine: Engine, container: str, wanted: str, timeout: float) -> bool:
    """Waits until the release ``wanted`` runs its command. False where it ended, or still waits at the timeout."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if read_file(engine, container, release.ACTIVE) == wanted:
            return True
        info = engine.find_container(container)
        if info is None or not info.running:
            return False
        time.sleep(_PAUSE)
    return False


def await_health(
    engine: Engine, container: str, trial: Trial, say: Callable[[str], None] = lambda text: None
) -> HealthVerdict:
    """Waits until the release that runs in ``container`` is healthy and has settled, or is found not to be.

    Without a check it has to run for ``settle`` seconds. With one: it is asked every ``interval`` seconds; failures
    within ``start_period`` do not count, ``retries`` in a row are enough. From the first success on it has to stay up
    for ``settle`` seconds, and to be healthy at their end.
    """
    check = trial.health
    began, failures = time.monotonic(), 0
    first = began if check is None else None
    limit = began + release.judging_time(check, trial.settle) + release.MARGIN / 2
    while True:
        check_interrupt()
        info = engine.find_container(container)
        if info is None or not info.running:
            return verdict_of_ended(info)
        verdict = _ask(engine, info, check) if check is not None else HealthVerdict(True)
        now, pause = time.monotonic(), check.interval if check is not None else _PAUSE
        if verdict.healthy:
            failures = 0
            first = now if first is None else first
            if (left := first + trial.settle - now) <= 0:
                return verdict
            say(f"it has to stay up for {trial.settle:g} s")
            pause = min(left, pause)
        elif check is not None:
            starting = first is None and now - began < check.start_period
            failures = 0 if starting else failures + 1
            say("starting" if starting else f"check failed, {failures} of {check.retries}")
            if failures >= check.retries or now > limit:
                return verdict
        _sleep_watching(engine, container, pause)


def verdict_of_ended(info: ContainerInfo | None) -> HealthVerdict:
    """The verdict on a release whose command has ended."""
    if info is None:
        return HealthVerdict(False, "its container is gone")
    if info.exit_code == 0:
        return HealthVerdict(False, "its command ended by itself (exit code 0), and a release has to keep running")
    return HealthVerdict(False, f"it {info.ending}")


def _ask(engine: Engine, info: ContainerInfo, health: Healthcheck) -> HealthVerdict:
    # In the container too, so that a check that never answers does not stay.
    argv = ("timeout", "-k", "1", f"{health.timeout:g}", *health.test)
    try:
        code, output = run_inside(engine, info, argv, health.timeout + release.MARGIN / 3, look=check_interrupt)
    except ContainerNotFound:
        return verdict_of_ended(engine.find_container(info.id))
    if code == 0:
        return HealthVerdict(True)
    if code is None or code in (124, 137):
        return HealthVerdict(False, f"its health check did not answer in {health.timeout:g} s", output)
    return HealthVerdict(False, f"its health check failed with exit code {code}", output)


def _sleep_watching(engine: Engine, container: str, seconds: float) -> None:
    """Ends early where the command does."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
        check_interrupt()
        info = engine.find_container(container)
        if info is None or not info.running:
            return
