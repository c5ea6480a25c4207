"""What `deploy` and `rollback` do on one robot, in the order of the way, once the lock there is held."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from robenv.deploy.handover import SOCKET, At, create_release, hand_over, put_on_trial_again
from robenv.deploy.health import Trial
from robenv.deploy.release import HISTORY, SETTLE, Release
from robenv.deploy.release_state import (
    ReleaseState,
    clean_up_killed,
    is_confirmed,
    release_id,
    release_state,
    runs_already,
)
from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import OperationFailed, UsageError
from robenv.plan.models import Healthcheck
from robenv.plan.names import LABEL_HEALTH, LABEL_PROJECT, LABEL_RELEASE, LABEL_SETTLE

Say = Callable[[str], None]


def _nowhere(step: str) -> None:
    """Where nobody listens to the steps."""


@dataclass(frozen=True)
class RolloutResult:
    """``release`` runs and is confirmed. ``was``: the one before; "" for none. ``changed``: whether that is new.
    ``gap``: seconds in which neither ran."""

    release: str
    was: str = ""
    changed: bool = True
    gap: float = 0.0


def put_release(
    engine: Engine,
    release: Release,
    send: Callable[[], None],
    keep: int,
    say: Say,
    at: At = _nowhere,
    socket: str = SOCKET,
) -> RolloutResult:
    """Brings a robot to ``release``. ``send`` sees to it that the robot has its image.

    Raises ReleaseFailed, and what the engine and ``send`` raise; then the earlier release runs.
    """
    project = release.plan.project
    found = clean_up_killed(engine, project, say)
    old = found.running
    if runs_already(old, release.id):
        prune(engine, project, keep, say)
        return RolloutResult(release.id, release.id, changed=False)
    at("surveyed")
    send()
    at("sent")
    container = create_release(engine, release)
    at("created")
    trial = Trial(release.id, release.health, release.settle)
    done = hand_over(engine, container, trial, old or found.booting, say, at, socket=socket)
    prune(engine, project, keep, say)
    at("pruned")
    return RolloutResult(done.release, done.was, gap=done.gap)


def roll_back(
    engine: Engine, project: str, to: str, keep: int, say: Say, at: At = _nowhere, socket: str = SOCKET
) -> RolloutResult:
    """Back to the release ``to`` (its ID or the first digits of it), by default the one before; nothing is sent.

    Raises UsageError where there is none, ReleaseFailed where it does no better.
    """
    found = clean_up_killed(engine, project, say)
    old = found.running or found.booting
    target = _target(found, old, to, keep)
    trial = _trial_of(target)
    put_on_trial_again(engine, target.id, trial.id)
    at("created")
    done = hand_over(engine, target.id, trial, old, say, at, keep_failed=True, socket=socket)
    prune(engine, project, keep, say)
    at("pruned")
    return RolloutResult(done.release, done.was, gap=done.gap)


def prune(engine: Engine, project: str, keep: int, say: Say) -> None:
    """Removes earlier releases beyond the last ``keep``, and the project's images that none of the rest needs."""
    found = release_state(engine, project).releases
    earlier = [info for info in found if not is_confirmed(info)]
    for info in earlier[keep:]:
        say(f"removing {info.name}")
        engine.remove_container(info.id, force=True)
    used = {info.image_id for info in found if info not in earlier[keep:]}
    for image in engine.images({LABEL_PROJECT: project}):
        if image.id not in used:
            for tag in image.tags or (image.id,):
                try:
                    engine.remove_image(tag)
                except OperationFailed:
                    continue  # something else on that machine uses it


def _target(found: ReleaseState, old: ContainerInfo | None, to: str, keep: int) -> ContainerInfo:
    others = [info for info in found.releases if old is None or info.id != old.id]
    chosen = [info for info in others if release_id(info).startswith(to)] if to else others[:1]
    if len(chosen) == 1:
        return chosen[0]
    if to and old is not None and release_id(old).startswith(to):
        raise UsageError(f"release {release_id(old)[:8]} is the one that runs there")
    names = ", ".join(release_id(info)[:8] for info in others)
    has = f"there is {names}" if names else ""
    if chosen:
        raise UsageError(f"{to} is more than one release", hint=has)
    gone = _gone(found, old, to)
    if not gone:
        message = f"there is no earlier release {to}".rstrip()
        raise UsageError(message, hint=has or "`deploy.keep` says how many stay on a robot")
    why = f"`deploy.keep` is {keep}" + (", so it was not robenv that removed it" if keep and not others else "")
    raise UsageError(
        f"release {gone[:8]} was confirmed there once, and has been removed since",
        details=why,
        hint="; ".join(filter(None, [has, "check out its version, and `robenv deploy` it again"])),
    )


def _gone(found: ReleaseState, old: ContainerInfo | None, to: str) -> str:
    """The last of the releases that were once confirmed there, that begins so and is there no more; "" for none."""
    there = {release_id(info) for info in found.releases}
    once = (found.notes or {}).get(HISTORY, "").split()
    before = once[: once.index(release_id(old))] if old is not None and release_id(old) in once else once
    return next((one for one in reversed(before) if one.startswith(to) and one not in there), "")


def _trial_of(info: ContainerInfo) -> Trial:
    """What there is to know of a release from its container's own labels."""
    try:
        asked = json.loads(info.labels.get(LABEL_HEALTH) or "null")
        health = Healthcheck(tuple(asked[0]), *asked[1:]) if asked else None
        return Trial(info.labels[LABEL_RELEASE], health, float(info.labels.get(LABEL_SETTLE) or SETTLE))
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise OperationFailed(f"{info.name} was not made by this robenv") from error
