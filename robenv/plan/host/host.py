"""What a profile asks of the host, and what this host gives it. Pure: profile and facts in, a Grant out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.plan.host.devices import plan_devices
from robenv.plan.host.display import plan_display
from robenv.plan.host.engine_security import plan_engine_security
from robenv.plan.host.gpu import plan_gpu
from robenv.plan.host.middleware import plan_middleware
from robenv.plan.host.podman import plan_podman
from robenv.plan.host.quotas import asks_for_quota, disks
from robenv.plan.host.realtime import plan_realtime
from robenv.plan.host.requirements import Grant, combine

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema.profile import Profile


def wanted_facts(profile: Profile) -> frozenset[str]:
    """The sections of Facts that this profile's plan depends on; no others need be read."""
    wanted = {"engine"}
    if profile.gpu is not None and profile.gpu.mode != "none":
        wanted |= {"gpu", "devices", "distribution"}
    if profile.git or any(mode != "none" for mode in (profile.display, profile.audio, profile.ssh_agent)):
        wanted |= {"session"}
    if profile.devices or disks(profile.run):
        wanted |= {"devices"}
    if profile.realtime or asks_for_quota(profile.run):
        wanted |= {"kernel"}
    return frozenset(wanted)


def plan_host(profile: Profile, facts: Facts) -> Grant:
    """Everything of the host that this profile gets. What is required and not there is in ``lacks``, all of it."""
    return combine([planner(profile, facts) for planner in _PLANNERS])


_PLANNERS = (
    plan_gpu, plan_display, plan_devices, plan_realtime, plan_middleware, plan_engine_security, plan_podman,
)  # fmt: skip
