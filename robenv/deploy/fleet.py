"""A deploy or a rollback on several robots: everything is judged before a byte is sent, then they go side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from robenv.deploy.assessment import assess, room_on
from robenv.deploy.handover import At
from robenv.deploy.lifecycle import Act
from robenv.deploy.preflight import refuse_if_any
from robenv.deploy.release import Release
from robenv.deploy.release_state import release_id, runs_already, stored_plan
from robenv.deploy.robot_info import RobotInfo, read_robot, robot_facts
from robenv.deploy.rollout import RolloutResult, put_release, roll_back
from robenv.deploy.side_by_side import side_by_side, state_after
from robenv.engine.protocol import BuildEvent, Engine, ImageInfo, TransferEvent
from robenv.errors import Problem, RobenvError, RobotRefused, UsageError
from robenv.host.facts import Facts
from robenv.plan.container.exclusive import conflicting_use, stops_first
from robenv.project.gate import ApprovedProject
from robenv.project.planned import PlannedProject
from robenv.remote.connection import Connection, connect
from robenv.remote.image_probe import find_programs
from robenv.remote.inventory import Robot
from robenv.remote.remote_lock import robot_locked
from robenv.transfer.disk_space import DiskNeeds
from robenv.transfer.push_capture import noting
from robenv.transfer.send import TransferResult, send_image
from robenv.transfer.staging import clear


class FleetReport(Protocol):
    """Who is told how it goes; called from several threads."""

    def say(self, robot: str, text: str) -> None:
        """What is being done there."""

    def moved(self, robot: str, sent: int, total: int) -> None:
        """Bytes on their way there."""

    def ended(self, robot: str, state: str, text: str) -> None:
        """That robot is done with."""


@dataclass(frozen=True)
class RobotOutcome:
    """``state``: ``deployed``, ``unchanged``, ``would deploy``, ``unreachable``, ``refused`` or ``failed``."""

    robot: str
    state: str
    release: str = ""
    was: str = ""
    sent: int = 0
    """Bytes that went over the link for the image."""
    gap: float = 0.0
    """Seconds in which neither the earlier nor the new release ran."""
    seconds: float = 0.0
    error: RobenvError | None = None

    def to_json(self) -> dict[str, Any]:
        document = {
            "robot": self.robot, "state": self.state, "release": self.release, "was": self.was, "sent": self.sent,
            "gap": round(self.gap, 1), "seconds": round(self.seconds, 1),
        }  # fmt: skip
        if self.error is not None:
            document["error"] = {"message": self.error.message, "details": self.error.details, "hint": self.error.hint}
        return document


@dataclass
class RobotSession:
    """One robot on its way: logged in, looked at, with what is to be put on it."""

    robot: Robot
    connection: Connection
    robot_info: RobotInfo
    planned: PlannedProject | None = None
    approved: ApprovedProject | None = None
    image: ImageInfo | None = None
    room: DiskNeeds = field(default_factory=DiskNeeds)
    release: Release | None = None
    problems: tuple[Problem, ...] = field(default=())


@dataclass(frozen=True)
class ImageSource:
    """Where images come from: this machine's engine, the plan of a platform, and the image of a plan."""

    engine: Engine
    load: Callable[[str], PlannedProject]
    """The project for a platform. Raises UsageError where the profile is not for it."""
    admit: Callable[[Sequence[tuple[PlannedProject, Facts]]], list[ApprovedProject]]
    """Makes sure that the user allows what the releases take, each of the robot with those facts. Raises NotTrusted."""
    image: Callable[[ApprovedProject], ImageInfo]
    """Builds it where it is not there."""
    keep: int


@contextmanager
def connected_robots(
    robots: Sequence[Robot], project: str, report: FleetReport
) -> Iterator[tuple[list[RobotSession], list[RobotOutcome]]]:
    """Logs in to all of them side by side and looks at each: those that answer, and what is said of the others."""
    with ExitStack() as stack:
        reached: list[RobotSession] = []
        missed: list[RobotOutcome] = []
        for robot, found in zip(robots, side_by_side(robots, lambda one: _reach(one, project)), strict=True):
            if isinstance(found, RobotSession):
                stack.callback(found.connection.close)
                reached.append(found)
            else:
                missed.append(_missed(robot, found))
                report.ended(robot.name, missed[-1].state, _without_name(robot, found))
        yield reached, missed


def deploy(
    source: ImageSource, reached: list[RobotSession], report: FleetReport, at: At = lambda step: None
) -> list[RobotOutcome]:
    """Builds what they need, judges all of them, and puts the release on each.

    Raises RobotRefused with every problem of every robot before a byte is sent; BuildFailed, ProfileError.
    """
    missed = [one for one in preview(source, reached, report) if one.error is not None]
    with noting(source.engine) as note:

        def deploy_one(one: RobotSession) -> RobotOutcome:
            return _timed(one, report, lambda: _deploy_one(source, one, report, note, at))

        return [*missed, *side_by_side(reached, deploy_one)]


def preview(source: ImageSource, reached: list[RobotSession], report: FleetReport) -> list[RobotOutcome]:
    """What a deploy would do on each of them; raises as it does. Builds what they need, and changes no robot."""
    missed = prepare(source, reached, report)
    refuse_if_any({one.robot.name: one.problems for one in reached})
    return [*missed, *(_previewed(one, one.release, report) for one in reached if one.release is not None)]


def _previewed(one: RobotSession, release: Release, report: FleetReport) -> RobotOutcome:
    running = one.robot_info.running
    was = release_id(running) if running is not None else ""
    if running is None or runs_already(running, release.id):
        return RobotOutcome(one.robot.name, "unchanged" if was else "would deploy", release.id, was)
    if reasons := conflicting_use(release.plan.to_json(), stored_plan(running)):
        report.say(one.robot.name, stops_first(reasons))
    return RobotOutcome(one.robot.name, "would deploy", release.id, was)


def prepare(source: ImageSource, reached: list[RobotSession], report: FleetReport) -> list[RobotOutcome]:
    """Plans and builds for each robot's own platform, and gathers what keeps the release off it.

    A build takes long enough for a robot to drive out of reach: one that does is taken out of ``reached``, and what is
    to be said of it is returned.
    """
    fitting = [one for one in reached if _load(source, one)]
    # Which of the robot's facts the plan depends on is known only now.
    missed = _ask_each(reached, fitting, report, _read_facts)
    approved = source.admit([(one.planned, one.robot_info.facts) for one in fitting if one.planned is not None])
    programs: dict[str, frozenset[str] | None] = {}
    for one, allowed in zip(fitting, approved, strict=True):
        image = source.image(allowed)
        if image.id not in programs:
            programs[image.id] = find_programs(source.engine, image)
        one.approved, one.image = allowed, image
    missed += _ask_each(reached, fitting, report, lambda one: _read_room(source.engine, one))
    for one in fitting:
        _assess(one, programs)
    return missed


def _load(source: ImageSource, one: RobotSession) -> bool:
    """Whether the project is for the robot's platform."""
    try:
        one.planned = source.load(one.robot_info.engine.platform)
    except UsageError as error:
        one.problems = (Problem(f"{one.robot.name}: {error.message}", hint=error.hint),)
    return one.planned is not None


def _ask_each(
    reached: list[RobotSession], fitting: list[RobotSession], report: FleetReport, ask: Callable[[RobotSession], None]
) -> list[RobotOutcome]:
    """Asks each of ``fitting`` something, side by side; those that do not answer are taken out of both lists."""

    def attempt(one: RobotSession) -> RobenvError | None:
        try:
            ask(one)
        except RobenvError as error:
            return one.connection.explain(error)
        return None

    missed = []
    for one, error in zip(tuple(fitting), side_by_side(fitting, attempt), strict=True):
        if error is not None:
            fitting.remove(one)
            reached.remove(one)
            missed.append(_missed(one.robot, error))
            report.ended(one.robot.name, missed[-1].state, _without_name(one.robot, error))
    return missed


def _read_facts(one: RobotSession) -> None:
    one.robot_info = replace(one.robot_info, facts=robot_facts(one.connection, one.robot_info.engine, one.planned))


def _read_room(here: Engine, one: RobotSession) -> None:
    if one.planned is not None and one.image is not None:
        there = one.connection.engine.find_image(one.planned.image)
        one.room = room_on(here, one.connection, one.planned, one.image, there)


def _assess(one: RobotSession, programs: Mapping[str, frozenset[str] | None]) -> None:
    if one.planned is not None and one.image is not None:
        assessment = assess(one.planned, one.robot_info, one.image, one.room, programs[one.image.id])
        one.release, one.problems = assessment.release, assessment.problems


def roll_back_all(
    reached: list[RobotSession], project: str, to: str, keep: int, report: FleetReport
) -> list[RobotOutcome]:
    """Back to an earlier release on each of them."""

    def one_back(one: RobotSession) -> RobotOutcome:
        with robot_locked(one.connection, project):
            done = roll_back(
                one.connection.engine,
                project,
                to,
                keep,
                lambda text: report.say(one.robot.name, text),
                socket=one.connection.robot.docker_host,
            )
        return _outcome(one.robot.name, done, 0)

    return side_by_side(reached, lambda one: _timed(one, report, lambda: one_back(one)))


def act_on_all(reached: list[RobotSession], project: str, act: Act, report: FleetReport) -> list[RobotOutcome]:
    """Something else than a deploy on each of them, one at a time with deploys."""

    def one_done(one: RobotSession) -> RobotOutcome:
        with robot_locked(one.connection, project):
            state, release = act(one.connection, project)
        return RobotOutcome(one.robot.name, state, release)

    return side_by_side(reached, lambda one: _timed(one, report, lambda: one_done(one)))


def _deploy_one(
    source: ImageSource, one: RobotSession, report: FleetReport, note: Callable[[ImageInfo], None], at: At
) -> RobotOutcome:
    planned, release, name = one.planned, one.release, one.robot.name
    if planned is None or release is None or one.approved is None:
        raise RobotRefused(f"{name}: nothing was planned for it")
    sent: list[TransferResult] = []

    def send() -> None:
        engine = one.connection.engine
        if engine.find_image(planned.image) is None and one.image is not None:
            clear(one.connection, one.image, planned.build.project, lambda text: report.say(name, text))
            report.say(name, "sending what it lacks of the image")
            sent.append(
                send_image(source.engine, engine, planned.image, planned.image, progress=moved, target_name=name)
            )

    def moved(event: BuildEvent) -> None:
        if isinstance(event, TransferEvent):
            report.moved(name, event.current, event.total)
            if event.total and one.image:  # packed and on its way: this machine's engine has time
                note(one.image)

    with robot_locked(one.connection, release.plan.project):
        at("locked")
        done = put_release(
            one.connection.engine,
            release,
            send,
            source.keep,
            lambda text: report.say(name, text),
            at,
            one.connection.robot.docker_host,
        )
    return _outcome(name, done, sum(part.bytes for part in sent))


def _outcome(name: str, done: RolloutResult, sent: int) -> RobotOutcome:
    return RobotOutcome(name, "deployed" if done.changed else "unchanged", done.release, done.was, sent, done.gap)


def _timed(one: RobotSession, report: FleetReport, work: Callable[[], RobotOutcome]) -> RobotOutcome:
    began = time.monotonic()
    try:
        outcome = work()
    except RobenvError as error:
        outcome = _missed(one.robot, one.connection.explain(error))
    outcome = replace(outcome, seconds=time.monotonic() - began)
    said = _without_name(one.robot, outcome.error) if outcome.error else _said_done(outcome)
    report.ended(one.robot.name, outcome.state, said)
    return outcome


def _said_done(outcome: RobotOutcome) -> str:
    gap = f"; nothing ran for {outcome.gap:.1f} s" if outcome.gap else ""
    return f"{outcome.release[:8]}{gap}"


def _without_name(robot: Robot, error: RobenvError) -> str:
    """For where the robot's name stands beside it."""
    return str(error).removeprefix(f"{robot.name}: ")


def _missed(robot: Robot, error: RobenvError) -> RobotOutcome:
    return RobotOutcome(robot.name, state_after(error), error=error)


def _reach(robot: Robot, project: str) -> RobotSession | RobenvError:
    connection = None
    try:
        connection = connect(robot)
        return RobotSession(robot, connection, read_robot(connection, None, project))
    except RobenvError as error:
        if connection is None:
            return error
        explained = connection.explain(error)
        connection.close()
        return explained
