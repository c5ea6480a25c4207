"""Puts the host's user into a created container, before anything runs in it."""

from __future__ import annotations

from robenv.engine.protocol import Engine
from robenv.plan.accounts import account_archive, file_text, plan_accounts
from robenv.plan.values import RunPlan

_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow")


def prepare_accounts(engine: Engine, container: str, plan: RunPlan, home_is_new: bool) -> None:
    """Reads the image's account files, works out what they must say, and unpacks that into the container."""
    passwd, group, shadow = (file_text(engine.get_archive(container, path)) for path in _FILES)
    user = plan.user
    accounts = plan_accounts(
        user, passwd, group, shadow, shell_exists=engine.path_exists(container, user.shell)
    )
    skeleton = _skeleton(engine, container, user.home) if home_is_new and user.uid else None
    engine.put_archive(container, "/", account_archive(accounts, user, skeleton))


def _skeleton(engine: Engine, container: str, home: str) -> bytes | None:
    """What a new home starts from: what a build step left in it, else what the distribution gives a new user."""
    return engine.get_archive(container, home) or engine.get_archive(container, "/etc/skel")
