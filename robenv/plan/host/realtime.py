"""A profile's ``realtime`` on this machine, and its quotas where they ask for more than there is. Pure.

What realtime takes: priorities and locked memory without limit (RLIMIT_RTPRIO, RLIMIT_MEMLOCK), or CAP_SYS_NICE and
CAP_IPC_LOCK in their stead, which only root has inside: sched(7), getrlimit(2). Under cgroup v1 with
CONFIG_RT_GROUP_SCHED time too, out of the engine's budget: https://docs.docker.com/engine/containers/
resource_constraints/#configure-the-real-time-scheduler
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.plan.host.quotas import quota_lacks, quota_notes
from robenv.plan.host.requirements import Grant, MissingRequirement
from robenv.plan.models import Ulimit
from robenv.plan.user import plan_user

if TYPE_CHECKING:
    from robenv.host.facts import EngineFacts, Facts
    from robenv.profile.schema.profile import Profile

HIGHEST_PRIORITY = 99
CAPABILITIES = ("SYS_NICE", "IPC_LOCK")
LIMITS = (Ulimit("rtprio", HIGHEST_PRIORITY, HIGHEST_PRIORITY), Ulimit("memlock", -1, -1))
SOME_TIME = 100_000
"""Microseconds of a second, where it is not known what the engine has to give."""
GIVE_BUDGET = 'add "cpu-rt-runtime": 950000 to /etc/docker/daemon.json, then: sudo systemctl restart docker'
RAISE_OWN_LIMITS = "`robenv doctor` names the command that raises yours, in /etc/security/limits.d"


def plan_realtime(profile: Profile, facts: Facts) -> Grant:
    unmet = (*quota_lacks(profile, facts), *_own_budget_lacks(profile, facts))
    notes = quota_notes(profile, facts)
    if not profile.realtime:
        return Grant(unmet=unmet, notes=notes)
    root = plan_user(profile.user, facts).uid == 0
    return Grant(
        cap_add=CAPABILITIES,
        # Root has the capabilities themselves, and so needs no limits, which an engine in a container may not raise.
        ulimits=() if root else LIMITS,
        cpu_rt_runtime=_time(profile, facts),
        notes=notes,
        unmet=(*unmet, *_realtime_lacks(profile, facts, root)),
    )


def needs_budget(facts: Facts) -> bool:
    """Whether this kernel gives a container's realtime processes only time that the engine has set aside."""
    return facts.engine.local and facts.kernel.rt_group_sched and facts.engine.cgroup_version != 2


def _time(profile: Profile, facts: Facts) -> int | None:
    """Half of what the engine has, so that `robenv run` beside it, or another project, has some too."""
    if not needs_budget(facts) or profile.run.cpu_rt_runtime is not None:
        return None
    budget = facts.engine.rt_budget
    return SOME_TIME if budget is None else budget // 2 or None


def _realtime_lacks(profile: Profile, facts: Facts, root: bool) -> Iterator[MissingRequirement]:
    engine = facts.engine
    if needs_budget(facts) and engine.rt_budget == 0 and profile.run.cpu_rt_runtime is None:
        yield MissingRequirement(("realtime",), _no_budget(), GIVE_BUDGET)
    if engine.rootless and not _may_itself(facts):
        message = "a rootless engine cannot give more than you have: realtime priorities are not among it"
        yield MissingRequirement(("realtime",), message, RAISE_OWN_LIMITS)
    elif not root and not engine.raises_limits:
        message = (
            "the engine may not raise limits (it runs without CAP_SYS_RESOURCE, as inside another container), so an "
            "unprivileged user gets no realtime priorities from it"
        )
        yield MissingRequirement(
            ("realtime",), message, "run the engine with that capability, or be root inside: user: {uid: 0}"
        )


def _may_itself(facts: Facts) -> bool:
    limit = facts.kernel.rtprio
    return limit is None or limit == -1 or limit >= HIGHEST_PRIORITY


def _own_budget_lacks(profile: Profile, facts: Facts) -> Iterator[MissingRequirement]:
    """What a profile that names its time itself gets of it."""
    asked = profile.run.cpu_rt_runtime
    if not asked or "kernel" not in facts.read or not facts.engine.local:
        return
    path = ("run", "cpu_rt_runtime")
    if not facts.kernel.rt_group_sched:
        message = "this kernel has no realtime budgets of containers' own (CONFIG_RT_GROUP_SCHED, cgroup v1)"
        yield MissingRequirement(path, message, "take it out: `realtime: true` needs none here")
    elif facts.engine.rt_budget == 0:
        yield MissingRequirement(path, _no_budget(), GIVE_BUDGET)
    elif (given := _given(facts.engine, profile)) is not None and asked > given:
        message = f"{asked} µs of realtime are more than the engine has to give: {given} µs"
        yield MissingRequirement(path, message, "ask for less, or raise cpu-rt-runtime in /etc/docker/daemon.json")


def _given(engine: EngineFacts, profile: Profile) -> int | None:
    """Microseconds of the profile's own period."""
    if engine.rt_budget is None:
        return None
    return engine.rt_budget * (profile.run.cpu_rt_period or 1_000_000) // 1_000_000


def _no_budget() -> str:
    return (
        "under this kernel (CONFIG_RT_GROUP_SCHED, cgroup v1) a container's realtime processes run on a budget of the "
        "engine's, and this engine was started without one"
    )
