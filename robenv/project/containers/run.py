"""A command in a throw-away container of the project's environment."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

from robenv.engine.protocol import Engine, ImageInfo
from robenv.engine.terminal.interact import interact, is_terminal, terminal_size
from robenv.fast.clients import record_client
from robenv.fast.enter import explain_kill
from robenv.fast.launch import default_terminal_variables, launcher, terminal_variables
from robenv.host.session.container_session import open_session
from robenv.plan.image.cross_compilers import through_tools
from robenv.plan.models import Attachment, RunPlan
from robenv.plan.names import LABEL_ROLE, ROLE_THROWAWAY
from robenv.project.containers.container import create_container, prepare_mounts
from robenv.project.containers.container_user import prepare_accounts
from robenv.project.containers.networks import connect_networks, ensure_networks
from robenv.project.gate import ApprovedContainer


def throwaway(plan: RunPlan, image: ImageInfo, command: tuple[str, ...], variables: dict[str, str]) -> RunPlan:
    """The project's plan for one command: a name of its own, no address or port a second time, no restart.
    ``variables``: of the user's terminal."""
    labels = {**dict(plan.labels), LABEL_ROLE: ROLE_THROWAWAY}
    return replace(
        plan,
        name=f"{plan.name}-run-{secrets.token_hex(3)}",
        entrypoint=through_tools(plan, image.entrypoint),
        command=command or (plan.user.shell,),
        environment=tuple({**dict(plan.environment), **variables}.items()),
        labels=tuple(labels.items()),
        networks=tuple(Attachment(network.network) for network in plan.networks),
        ports=(),
        restart="",
        hostname="" if plan.networks else plan.hostname,
        healthcheck=None,
    )


def run_once(engine: Engine, approved: ApprovedContainer, image: ImageInfo, command: tuple[str, ...]) -> int:
    """Creates, attaches, starts, waits and removes, whatever happens in between; the command's exit code."""
    plan = approved.plan
    with open_session(plan.to_json()) as session:
        plan = replace(plan, environment=(*plan.environment, *_pairs(session.environment)))
        tty = is_terminal(0) and is_terminal(1)
        return _run(engine, approved.with_plan(throwaway(plan, image, command, terminal_variables(tty))), tty)


def _run(engine: Engine, approved: ApprovedContainer, tty: bool) -> int:
    plan = approved.plan
    home_is_new = plan.home_volume in prepare_mounts(engine, plan)
    ensure_networks(engine, plan)
    launched = replace(plan, entrypoint=(*launcher(tty), *(plan.entrypoint or ())))
    bare = replace(plan, environment=tuple({**dict(plan.environment), **default_terminal_variables(tty)}.items()))
    container = create_container(engine, launched, bare, tty=tty, stdin=True)
    try:
        connect_networks(engine, container, plan)
        prepare_accounts(engine, container, plan, home_is_new, approved.step_user)
        session = engine.open_attach(container, tty=tty, stdin=True)
        try:
            approved.check_links()
            began = time.time()
            engine.start(container)
            if size := terminal_size(0) if tty else None:
                session.resize(*size)
            with record_client(plan.name, plan.command):
                code = interact(session)
        finally:
            session.close()
        ended = engine.wait(container) if code is None else code
        explain_kill(engine, container, plan.to_json(), began, ended)
        return ended
    finally:
        engine.remove_container(container, force=True)


def _pairs(settings: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, _, value in (setting.partition("=") for setting in settings))
