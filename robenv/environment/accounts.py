"""Puts the host's user into a created container, before anything runs in it."""

from __future__ import annotations

import secrets
from dataclasses import replace

from robenv.engine.protocol import Engine
from robenv.plan.accounts import account_archive, file_text, is_empty, plan_accounts
from robenv.plan.display import with_session_config
from robenv.plan.request import create_request
from robenv.plan.values import RunPlan

_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow")
_GITCONFIG = "/etc/gitconfig"


def prepare_accounts(engine: Engine, container: str, plan: RunPlan, home_is_new: bool) -> None:
    """Reads the image's account files, works out what they must say, and unpacks that into the created container."""
    if plan.read_only:
        # The engine unpacks nothing into a read-only root. The home at least can be made ready through another one.
        if home_is_new:
            _prepare_home(engine, plan)
        return
    passwd, group, shadow = (file_text(engine.get_archive(container, path)) for path in _FILES)
    shell_exists = engine.get_archive(container, plan.user.shell) is not None
    accounts = plan_accounts(
        plan.user,
        passwd,
        group,
        shadow,
        shell_exists=shell_exists,
        groups=(*plan.groups, *plan.own_groups),
        only_these=plan.only_these_groups,
    )
    skeleton = _skeleton(engine, container, plan.user.home) if home_is_new and plan.user.uid else None
    settings: tuple[tuple[str, str], ...] = ()
    if "git" in plan.session:
        settings = ((_GITCONFIG, with_session_config(file_text(engine.get_archive(container, _GITCONFIG)))),)
    engine.put_archive(container, "/", account_archive(accounts, plan.user, skeleton, plan.mounts, settings))


def _prepare_home(engine: Engine, plan: RunPlan) -> None:
    writable = replace(plan, name=f"{plan.name}-home-{secrets.token_hex(3)}", read_only=False)
    container = engine.create_container(writable.name, create_request(writable), writable.platform)
    try:
        prepare_accounts(engine, container, writable, home_is_new=True)
    finally:
        engine.remove_container(container, force=True)


def _skeleton(engine: Engine, container: str, home: str) -> bytes | None:
    """What a new home starts from: what a build step left in it, else what the distribution gives a new user."""
    own = engine.get_archive(container, home)
    return engine.get_archive(container, "/etc/skel") if is_empty(own) else own
