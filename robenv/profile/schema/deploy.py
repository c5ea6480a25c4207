"""``deploy:``: what a robot runs, and how it is known to do well."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from robenv.profile.schema.run.parts import Healthcheck
from robenv.profile.schema.types import Argv, Duration, Section, integer, one_of, pattern
from robenv.profile.yaml.parse_error import BadValue

_ROS_NAME = r"/[A-Za-z~][A-Za-z0-9_]*(?:/[A-Za-z][A-Za-z0-9_]*)*"
_PORT = integer(1, 65535, "a port")


class DeployHealthcheck(Healthcheck):
    """How a release is known to do well: a command, or one of the usual questions."""

    port: Annotated[int, _PORT, Field(description="a TCP port that answers")] = 0
    ros_node: Annotated[
        str, pattern(_ROS_NAME, "a node such as `/picker`"), Field(description="a node that answers")
    ] = ""
    ros_topic: Annotated[
        str, pattern(_ROS_NAME, "a topic such as `/chatter`"), Field(description="a topic on which something comes")
    ] = ""


def _one_question(check: DeployHealthcheck) -> DeployHealthcheck:
    asked = [name for name in ("test", "port", "ros_node", "ros_topic") if getattr(check, name)]
    if len(asked) > 1:
        raise BadValue(f"one check at a time: {' and '.join(asked)} exclude each other", "keep one of them")
    return check


class Deploy(Section):
    """What `robenv deploy` puts on a robot."""

    stage: Annotated[
        str, one_of("dev", "run"), Field(description="which image; default: run, where there is a run_image")
    ] = ""
    command: Annotated[
        Argv, Field(description="what it runs, behind the image's entrypoint; default: run.command")
    ] = ()
    healthcheck: Annotated[
        DeployHealthcheck | None,
        AfterValidator(_one_question),
        Field(description="default: it keeps running for `settle`"),
    ] = None
    settle: Annotated[
        Duration, Field(description="how long it has to stay up, healthy, before it replaces the earlier release")
    ] = 10.0
    keep: Annotated[int, integer(0, 50), Field(description="earlier releases that stay for `robenv rollback`")] = 2


def health_command(check: DeployHealthcheck) -> tuple[str, ...]:
    """The test, as of Compose's ``test``; () where nothing is asked. ROS 2 where its command is there, else ROS 1."""
    if check.port:
        return "CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{check.port}"
    if check.ros_node:
        two = f"ros2 node list 2>/dev/null | grep -qxF {check.ros_node}"
        return "CMD-SHELL", _either(two, f"rosnode ping -c1 {check.ros_node} | grep -q reply")
    if check.ros_topic:
        return "CMD-SHELL", _either(f"ros2 topic echo --once {check.ros_topic}", f"rostopic echo -n1 {check.ros_topic}")
    return check.test or ()


def _either(two: str, one: str) -> str:
    return f"if command -v ros2 >/dev/null; then {two}; else {one}; fi"
