"""How it is seen that what a robot runs does well. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robenv.plan.models import Healthcheck
from robenv.profile.schema.deploy import health_command

if TYPE_CHECKING:
    from robenv.profile.schema.profile import Profile


def deploy_health(profile: Profile) -> Healthcheck | None:
    """The check that ``deploy.healthcheck`` asks for; None where it asks for none."""
    check = profile.deploy.healthcheck
    if check is None or check.disable:
        return None
    return Healthcheck(health_command(check), check.interval, check.timeout, check.start_period, check.retries)


def release_health(check: Healthcheck | None, entrypoint: tuple[str, ...]) -> Healthcheck | None:
    """The check with its command behind the image's entrypoint, so that ROS is sourced; engine defaults put in."""
    if check is None or not check.test or check.test[0] == "NONE":
        return None
    command = check.test[1:] if check.test[0] == "CMD" else ("/bin/sh", "-c", check.test[1])
    return Healthcheck(
        (*entrypoint, *command), check.interval or 30.0, check.timeout or 30.0, check.start_period, check.retries or 3
    )
