"""What `up` does with the project's container: one pure decision, which `up` carries out and `plan` shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from robenv.plan.container.diff import PlanChange, describe


class Action(Enum):
    CREATE = "create"
    START = "start"
    JOIN = "join"
    RESTART = "restart"
    REPLACE = "replace"
    KEEP = "keep"
    """It was created from an earlier plan, and stays since something of the user runs in it."""
    REFUSE = "refuse"
    """It shows a folder that is no longer at its path, and something runs in it: what is written would be lost."""


@dataclass(frozen=True)
class ContainerState:
    """What `up` has to know of the container that is there."""

    running: bool
    changes: tuple[PlanChange, ...] = ()
    """From the plan that it was created from to the present one."""
    networks_gone: tuple[str, ...] = ()
    """Of a stopped container, the networks that no longer exist: it cannot be started again."""
    replaced: tuple[str, ...] = ()
    """Paths of this machine at which something else is now than what the running container shows."""
    lost_folders: tuple[str, ...] = ()
    """Those of ``replaced`` in which commands start, or that have the project's folder."""
    session_is_stale: bool = False
    """Whether it still has the folder of an earlier login session."""
    idle_by_itself: bool = True
    """Whether its main process is robenv's own, which may be ended at any time."""
    busy_with: tuple[str, ...] = ()
    """The command lines of what the user runs in it. Only read where the decision may depend on it."""


@dataclass(frozen=True)
class Decision:
    action: Action
    state: ContainerState | None = None

    @property
    def in_words(self) -> str:
        """As `plan` shows it."""
        state = self.state
        if state is None:
            return "create the container and start it"
        running = ", ".join(state.busy_with[:3]) or "its own command"
        return {
            Action.START: "start it",
            Action.JOIN: "join it",
            Action.RESTART: f"restart it{_since_replaced(state)}",
            Action.REPLACE: "replace it",
            Action.KEEP: f"keep it, since this runs in it: {running}",
            Action.REFUSE: f"refuse to use it{_since_replaced(state)}, and this runs in it: {running}",
        }[self.action]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a container is replaced or kept, each in one line."""
        if self.state is None:
            return ()
        changed = [describe(change) for change in self.state.changes]
        return (*changed, *(f"network {name}: it no longer exists" for name in self.state.networks_gone))


def decide(state: ContainerState | None, recreate: bool = False) -> Decision:
    """Decide what to do with a container; None: there is none. ``recreate``: the user asks for a new one, or the image
    was rebuilt."""
    if state is None:
        return Decision(Action.CREATE)
    if recreate or state.networks_gone:
        return Decision(Action.REPLACE, state)
    if state.changes:
        return _decide_changed(state)
    if not state.running:
        return Decision(Action.START, state)
    if not state.replaced and not state.session_is_stale:
        return Decision(Action.JOIN, state)
    if state.idle_by_itself and not state.busy_with:
        return Decision(Action.RESTART, state)
    return Decision(Action.REFUSE if state.lost_folders else Action.JOIN, state)


def _decide_changed(state: ContainerState) -> Decision:
    if not state.running or not state.busy_with:
        return Decision(Action.REPLACE, state)
    return Decision(Action.REFUSE if state.lost_folders else Action.KEEP, state)


def depends_on_processes(state: ContainerState, recreate: bool) -> bool:
    """Whether ``decide`` has to know what runs inside, which takes a request of its own."""
    if recreate or state.networks_gone or not state.running:
        return False
    busy = replace(state, busy_with=("?",))
    return decide(state).action is not decide(busy).action


def _since_replaced(state: ContainerState) -> str:
    return f": it still shows what was at {', '.join(state.replaced)} before" if state.replaced else ""
