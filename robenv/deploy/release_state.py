"""What of a project stands on a robot: its releases, which of them runs, and what a killed deploy left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robenv.deploy.guard import remove_guard
from robenv.deploy.release import ACTIVE, AGAIN, CONFIRMED, HISTORY, confirmed_file
from robenv.deploy.release_volume import keep_file, read_notes, write_files
from robenv.engine.protocol import ContainerInfo, Engine
from robenv.errors import OperationFailed
from robenv.plan.names import LABEL_PLAN_JSON, LABEL_PROJECT, LABEL_RELEASE, LABEL_ROLE, ROLE_RELEASE

Say = Callable[[str], None]


def release_id(info: ContainerInfo) -> str:
    return info.labels.get(LABEL_RELEASE, "")


def stored_plan(info: ContainerInfo) -> Any:
    """The plan that it was made by, as JSON."""
    return json.loads(info.labels.get(LABEL_PLAN_JSON) or "{}")


def runs_already(running: ContainerInfo | None, release: str) -> bool:
    """Whether a deploy of that release has nothing to do where ``running`` runs."""
    return running is not None and release_id(running) == release and is_confirmed(running)


def is_confirmed(info: ContainerInfo) -> bool:
    """Whether it is what the robot boots into."""
    return info.restart_policy == "always"


@dataclass(frozen=True)
class ReleaseState:
    """``releases``: those never confirmed, then the others, the last confirmed first. By the order in which they were
    confirmed, and not by the time: many a robot boots with a clock that is years back.

    ``running``: the one whose command runs; of several that run, it holds the lock.
    """

    releases: tuple[ContainerInfo, ...] = ()
    running: ContainerInfo | None = None
    notes: dict[str, str] | None = None
    """The files that they share."""

    @property
    def booting(self) -> ContainerInfo | None:
        """What the robot boots into."""
        return next((info for info in self.releases if is_confirmed(info)), None)

    def mark(self, info: ContainerInfo) -> str:
        """What is noted of its health: CONFIRMED, AGAIN or ""."""
        return (self.notes or {}).get(confirmed_file(release_id(info)), "")


def release_state(engine: Engine, project: str) -> ReleaseState:
    """What of the project is on that engine."""
    found = engine.containers({LABEL_PROJECT: project, LABEL_ROLE: ROLE_RELEASE})
    if not found:
        return ReleaseState()
    notes = read_notes(engine, found[0].id)
    order = {release: number for number, release in enumerate(notes.get(HISTORY, "").split())}
    found.sort(key=lambda info: (order.get(release_id(info), len(order)), info.created), reverse=True)
    running = [info for info in found if info.running]
    active = next((info for info in running if release_id(info) == notes.get(ACTIVE)), None)
    return ReleaseState(tuple(found), active or next(iter(running), None), notes)


def confirm(engine: Engine, container: str, release: str, history: list[str] | None = None) -> None:
    """From now on the release's own watchdog lets it live. ``history``: is noted with it."""
    files = {confirmed_file(release): CONFIRMED}
    if history is not None:
        files[HISTORY] = "\n".join(history)
    write_files(engine, container, files)
    keep_file(engine, container, confirmed_file(release))


def retire(engine: Engine, old: ContainerInfo) -> None:
    """The old release no longer boots. First its policy, so that the engine does not start it once more."""
    engine.set_restart_policy(old.id, "no")
    engine.stop(old.id)


def clean_up_killed(engine: Engine, project: str, say: Say) -> ReleaseState:
    """Ends what a deploy that was killed left behind, and returns what stands then.

    On trial, never confirmed: removed, and the standby behind it takes over. Found healthy, and not made what the robot
    boots into any more: that is done now. Two that are confirmed: the one that was so last stays.
    """
    remove_guard(engine, project)
    now = release_state(engine, project)
    for info in now.releases:
        if not is_confirmed(info) and (info.running or now.mark(info) != CONFIRMED):
            _end_trial(engine, info, now, say)
            now = release_state(engine, project)
    confirmed = [info for info in now.releases if is_confirmed(info)]
    for older in confirmed[1:]:
        say(f"retiring {older.name}: {confirmed[0].name} was confirmed after it")
        retire(engine, older)
        now = release_state(engine, project)
    for info in confirmed[:1]:
        if not info.running or now.mark(info) != CONFIRMED:
            _see_to(engine, info, say)
            now = release_state(engine, project)
    return now


def _end_trial(engine: Engine, info: ContainerInfo, now: ReleaseState, say: Say) -> None:
    mark = now.mark(info)
    if mark not in (CONFIRMED, AGAIN):
        say(f"removing {info.name}: a deploy ended before it was confirmed")
        engine.remove_container(info.id, force=True)
    elif mark == CONFIRMED and now.running is not None and now.running.id == info.id:
        say(f"keeping {info.name}: a deploy ended when it had been found healthy")
        engine.set_restart_policy(info.id, "always")
    else:
        if info.running:
            say(f"stopping {info.name}: it was tried again and not confirmed")
            engine.stop(info.id)
        if mark == AGAIN:
            confirm(engine, info.id, release_id(info))


def _see_to(engine: Engine, info: ContainerInfo, say: Say) -> None:
    """That the release that the robot boots into runs, and without a watchdog."""
    confirm(engine, info.id, release_id(info))
    if info.running:
        return
    say(f"starting {info.name}, which is confirmed and did not run")
    try:
        engine.start(info.id)
    except OperationFailed as error:  # what is deployed now may be what mends it
        say(f"{info.name} does not start: {error}")
