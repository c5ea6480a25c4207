"""A release: the container that a robot is to run, and the few lines of shell in front of its command. Pure.

All releases of a project share one small volume, and in it a lock that the kernel keeps. A release's main process waits
for that lock before it becomes the command, and holds it for as long as the command lives. So two releases never run at
once, and one that waits is a standby: it takes over by itself when the other ends, whoever else is dead by then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from robenv.errors import ProfileError
from robenv.plan.container.health import deploy_health, release_health
from robenv.plan.container.run import plan_digest, plan_run, stored_json
from robenv.plan.models import Healthcheck, Mount, RunPlan
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_ENTRYPOINT,
    LABEL_HASH,
    LABEL_HEALTH,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_RELEASE,
    LABEL_ROLE,
    LABEL_SETTLE,
    LABEL_VERSION,
    ROLE_RELEASE,
    release_volume,
)

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.plan.host.requirements import Grant
    from robenv.profile.resolve.resolved import Resolved
    from robenv.profile.schema.profile import Profile

FOLDER = "/run/robenv-release"
LOCK = "lock"
ACTIVE = "active"
"""The file in FOLDER with the ID of the release whose command runs."""
HISTORY = "history"
"""The file in FOLDER with the IDs of the releases that were confirmed, the last one at the end."""
CONFIRMED, AGAIN = "yes", "again"
"""What the file ``confirmed-RELEASE`` in FOLDER says: it was good and may live; it was once, and is on trial anew."""
RECIPE = 2
"""Counts up whenever a release of the same parts is started in another way."""

SETTLE = 10.0
"""Seconds that a release has to stay up where its container does not say: one of an earlier robenv."""
MARGIN = 30.0
"""Seconds that a release on trial has beyond what its health check may take."""
SCRIPT = f"""\
release=$1 trial=$2
shift 2
confirmed() {{ [ "$(cat "{FOLDER}/confirmed-$release" 2>/dev/null)" = {CONFIRMED} ]; }}
exec 9>>{FOLDER}/{LOCK}
flock 9 || exit 125
( ( exec >/dev/null 2>&1 </dev/null; while :; do sleep 86400; done ) & )
if ! confirmed; then
  main=$$
  ( (
    exec 9>&- >/dev/null 2>&1 </dev/null
    sleep "$trial"
    confirmed && exit 0
    kill -TERM "$main"
    sleep 10
    kill -KILL "$main"
  ) & )
fi
echo "$release" > {FOLDER}/{ACTIVE}
exec "$@"
"""
"""What PID 1's child runs: ``sh -c SCRIPT sh RELEASE TRIAL COMMAND…``. Beside the command, a grandchild holds the lock
until the container ends: a command may close the descriptors that it inherits. The watchdog is one without the lock.
"""


@dataclass(frozen=True)
class Release:
    """``id``: 12 hex digits over all that it is. ``plan``: for one robot. ``health``: as its commands are run, in the
    image's entrypoint; () where it only has to keep running."""

    id: str
    plan: RunPlan
    health: Healthcheck | None
    trial: float
    """Seconds in which it has to be confirmed, or it ends itself."""
    settle: float = 0.0
    """Seconds that it has to stay up, healthy, before it is confirmed."""

    @property
    def name(self) -> str:
        return self.plan.name


def plan_release(
    resolved: Resolved,
    image: str,
    facts: Facts,
    *,
    content_hash: str,
    grant: Grant,
    platform: str,
    entrypoint: tuple[str, ...],
    image_command: tuple[str, ...] = (),
    version: str,
) -> Release:
    """The release for the robot with these facts. ``entrypoint`` and ``image_command`` are the image's own.

    Raises ProfileError where nothing says what it is to run.
    """
    profile = resolved.profile
    argv = _argv(profile, entrypoint, image_command)
    if not argv:
        raise ProfileError(
            "nothing says what a robot is to run",
            hint="such as `deploy: {command: roslaunch picker robot.launch}`",
        )
    health = release_health(deploy_health(profile), entrypoint)
    settle = profile.deploy.settle
    trial = trial_time(health, settle)
    plan = plan_run(
        resolved,
        image,
        facts,
        content_hash=content_hash,
        grant=grant,
        platform=platform,
        command=argv,
        workspace=False,
    )
    plan = replace(_for_robot(plan, resolved), healthcheck=health, init=True, restart="")
    digest = hashlib.sha256(json.dumps([RECIPE, content_hash, plan_digest(plan), argv]).encode()).hexdigest()
    identifier = digest[:12]
    stored = stored_json(plan)
    plan = replace(plan, healthcheck=_engine_health(health, identifier))
    labels = {
        **dict(profile.run.labels),
        LABEL_PROJECT: profile.name,
        LABEL_DIRECTORY: "",
        LABEL_ROLE: ROLE_RELEASE,
        LABEL_RELEASE: identifier,
        LABEL_HASH: content_hash,
        LABEL_VERSION: version,
        LABEL_ENTRYPOINT: json.dumps(list(entrypoint)),
        LABEL_HEALTH: json.dumps(
            [list(health.test), health.interval, health.timeout, health.start_period, health.retries]
        )
        if health
        else "",
        LABEL_SETTLE: f"{settle:g}",
        LABEL_PLAN_JSON: stored,
    }
    plan = replace(
        plan,
        name=f"robenv-{profile.name}-{identifier[:8]}",
        entrypoint=("/bin/sh", "-c", SCRIPT, "sh", identifier, f"{trial:.0f}"),
        command=argv,
        mounts=(*plan.mounts, Mount("volume", release_volume(profile.name), FOLDER)),
        labels=tuple(labels.items()),
    )
    return Release(identifier, plan, health, trial, settle)


def confirmed_file(release: str) -> str:
    """The file in FOLDER that says whether a release may live."""
    return f"confirmed-{release}"


def _argv(profile: Profile, entrypoint: tuple[str, ...], image_command: tuple[str, ...]) -> tuple[str, ...]:
    """The whole command line: ``deploy.command``, else ``run.command``, else the image's own, behind the entrypoint."""
    front = entrypoint if profile.run.entrypoint is None else profile.run.entrypoint
    command = profile.deploy.command or profile.run.command or image_command
    return (*front, *command) if command else ()


def _for_robot(plan: RunPlan, resolved: Resolved) -> RunPlan:
    """Without the workspace, which is the developer's, and by names that do not tell from which folder it was deployed:
    a colleague's next deploy finds the same volumes."""
    profile = resolved.profile
    here = plan.prefix
    there = f"robenv-{profile.name}-robot"

    def named(text: str) -> str:
        return there + text.removeprefix(here) if text.startswith(here) else text

    mounts = tuple(
        replace(mount, source=named(mount.source)) if mount.kind == "volume" else mount for mount in plan.mounts
    )
    networks = tuple(
        replace(network, network=replace(network.network, name=named(network.network.name)))
        for network in plan.networks
    )
    return replace(
        plan,
        name="",  # the release's ID, which this goes into, names it
        prefix=there,
        directory="",
        mounts=mounts,
        home_volume=named(plan.home_volume),
        networks=networks,
        session=(),
    )


def local_mounts(plan: RunPlan, root: str) -> Iterator[str]:
    """Folders of the project that a release would mount: they are on the developer's machine alone."""
    for mount in plan.mounts:
        if mount.kind == "bind" and (mount.source == root or mount.source.startswith(f"{root}/")):
            yield mount.source


def trial_time(health: Healthcheck | None, settle: float) -> float:
    """The longest that a release may take to be confirmed."""
    return judging_time(health, settle) + MARGIN


def judging_time(health: Healthcheck | None, settle: float) -> float:
    """The longest that a healthy release may take to be found so."""
    if health is None:
        return settle
    return health.start_period + (health.retries + 1) * (health.interval + health.timeout) + settle


def _engine_health(health: Healthcheck | None, release: str) -> Healthcheck | None:
    """For the engine, which checks on a standby too: that one has nothing to be asked."""
    if health is None:
        return None
    script = f'[ "$(cat {FOLDER}/{ACTIVE})" = "$1" ] || exit 0; shift; exec "$@"'
    return replace(health, test=("CMD", "/bin/sh", "-c", script, "sh", release, *health.test))
