"""Puts the host's user into a created container, before anything runs in it."""

from __future__ import annotations

import secrets
from dataclasses import replace

from robenv.engine.protocol import Engine
from robenv.errors import OperationFailed
from robenv.plan.container.container_user import account_archive, file_text, is_empty, leading_folders, plan_accounts
from robenv.plan.container.create_request import create_request
from robenv.plan.container.run import KEEP_ALIVE
from robenv.plan.host.capabilities import NO_NEW_PRIVILEGES
from robenv.plan.host.display import with_session_config
from robenv.plan.host.engine_security import maps_users
from robenv.plan.models import RunPlan
from robenv.plan.names import LABEL_DIRECTORY, LABEL_PROJECT, LABEL_ROLE, ROLE_THROWAWAY
from robenv.project.facts import engine_facts

_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow")
_GITCONFIG = "/etc/gitconfig"


def prepare_accounts(engine: Engine, container: str, plan: RunPlan, home_is_new: bool, step_user: str = "") -> None:
    """Reads the image's account files, works out what they must say, and unpacks that into the created container.

    ``step_user``: as whom the image's steps left files in a home folder. They are in a new home of root's too, for whom
    whoever works as root inside, as on a rootless engine, is the same person.
    """
    if plan.read_only:
        # The engine unpacks nothing into a read-only root. The home at least can be made ready through another one.
        if home_is_new:
            _prepare_home(engine, plan, step_user)
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
    skeleton = None
    if home_is_new and plan.user.uid:
        skeleton = _skeleton(engine, container, plan)
    elif home_is_new and step_user:
        skeleton = engine.get_archive(container, f"/home/{step_user}")
    settings: tuple[tuple[str, str], ...] = ()
    if "git" in plan.session:
        settings = ((_GITCONFIG, with_session_config(file_text(engine.get_archive(container, _GITCONFIG)))),)
    engine.put_archive(container, "/", account_archive(accounts, plan.user, skeleton, plan.mounts, settings))
    if plan.userns_mode == "host" and maps_users(engine_facts(engine.info())):
        _hand_over_home(engine, plan, home_is_new)


def _prepare_home(engine: Engine, plan: RunPlan, step_user: str) -> None:
    writable = replace(plan, name=f"{plan.name}-home-{secrets.token_hex(3)}", read_only=False)
    container = engine.create_container(writable.name, create_request(writable), writable.platform)
    try:
        prepare_accounts(engine, container, writable, home_is_new=True, step_user=step_user)
    finally:
        engine.remove_container(container, force=True)


def _hand_over_home(engine: Engine, plan: RunPlan, all_of_it: bool) -> None:
    """On an engine that maps users what it unpacks and makes belongs to mapped IDs, also for a container that runs with
    the host's: these are given to the user inside by root of such a container, with the home and nothing else."""
    home = [mount for mount in plan.mounts if mount.source == plan.home_volume]
    folders = () if all_of_it else leading_folders(plan.user, plan.mounts)
    if not plan.home_volume or not (all_of_it or folders):
        return
    owner = f"{plan.user.uid}:{plan.user.gid}"
    chown = ("chown", "-hR", owner, plan.user.home) if all_of_it else ("chown", "-h", owner, *folders)
    request = {
        "Image": plan.image,
        "User": "0:0",
        "Entrypoint": list(chown),
        "Labels": {LABEL_PROJECT: plan.project, LABEL_DIRECTORY: plan.directory, LABEL_ROLE: ROLE_THROWAWAY},
        "HostConfig": {
            "UsernsMode": "host",
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "CapAdd": ["CHOWN", "DAC_READ_SEARCH"],
            "SecurityOpt": [NO_NEW_PRIVILEGES],
            "Mounts": [{"Type": "volume", "Source": one.source, "Target": one.target} for one in home],
        },
    }
    container = engine.create_container(f"{plan.name}-own-{secrets.token_hex(3)}", request, plan.platform)
    try:
        engine.start(container)
        if code := engine.wait(container):
            said = b"".join(data for _, data in engine.logs(container)).decode(errors="replace").strip()
            raise OperationFailed(
                f"the home folder could not be given to {plan.user.name}", details=said or f"exit code {code}"
            )
    finally:
        engine.remove_container(container, force=True)


def _skeleton(engine: Engine, container: str, plan: RunPlan) -> bytes | None:
    """What a new home starts from: what a build step left in it, else what the distribution gives a new user."""
    home = plan.user.home
    # Podman fills a volume only once the container starts, from the root below it, where it has put what it was given.
    own = _in_image(engine, plan, home) if engine.info().is_podman else engine.get_archive(container, home)
    return engine.get_archive(container, "/etc/skel") if is_empty(own) else own


def _in_image(engine: Engine, plan: RunPlan, path: str) -> bytes | None:
    """A folder as the image has it, below what is mounted there."""
    body = {"Image": plan.image, "Cmd": list(KEEP_ALIVE), "HostConfig": {"NetworkMode": "none"}}
    body["Labels"] = {name: text for name, text in plan.labels if name in (LABEL_PROJECT, LABEL_DIRECTORY)}
    bare = engine.create_container(f"{plan.name}-home-{secrets.token_hex(3)}", body, plan.platform)
    try:
        return engine.get_archive(bare, path)
    finally:
        engine.remove_container(bare, force=True)
