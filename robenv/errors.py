"""The tree of errors. The exit code belongs to the class; ``robenv.cli`` alone prints errors and exits.

Light: the quick way into a container imports this. ``Location`` and ``Problem`` are loaded when first asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from robenv.locations import Location, Problem

__all__ = ["Location", "Problem", "RobenvError"]


def __getattr__(name: str) -> type:
    if name not in ("Location", "Problem"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from robenv import locations

    found: type = getattr(locations, name)
    return found


class RobenvError(Exception):
    """Something that a user can understand and mend: what happened, details, a way out, and where."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        details: str = "",
        hint: str = "",
        problems: tuple[Problem, ...] = (),
        docs_url: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.hint = hint
        self.problems = problems
        self.docs_url = docs_url

    def __str__(self) -> str:
        return self.message


class OperationFailed(RobenvError):
    """An operation failed for a reason that none of the other classes names."""


class ImageNotFound(OperationFailed):
    """A registry or the engine does not have that image."""


class RegistryDenied(OperationFailed):
    """A registry wants a login, or refused the one that it was given."""


class RegistryUnreachable(OperationFailed):
    """A registry's name does not resolve, its host does not answer, or its certificate is not trusted."""


class ContainerNotFound(OperationFailed):
    """No such container, or it does not run."""


class ContainerExited(OperationFailed):
    """A container that should keep running has stopped."""


class NameTaken(OperationFailed):
    """Another container has that name."""


class PortInUse(OperationFailed):
    """A port of the host is taken."""


class DiskFull(OperationFailed):
    """No space is left on the engine's or on this machine's disk."""


class UsageError(RobenvError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class NotApproved(UsageError):
    """A profile that is not the user's own asks for powers over the host that the user has not approved."""


class ProfileError(RobenvError):
    """A profile has problems: all of them, each with its place."""

    exit_code = 3


class EngineUnreachable(RobenvError):
    """No engine answers."""

    exit_code = 4


class EngineDenied(EngineUnreachable):
    """The engine's socket is there, and this user may not open it."""


class EngineInsecure(EngineUnreachable):
    """The engine and this machine do not agree on TLS: one alone speaks it, or a certificate is not trusted."""


class EngineLost(EngineUnreachable):
    """The connection to the engine broke in the middle of an operation."""


class BuildFailed(RobenvError):
    """The image could not be built."""

    exit_code = 5
    step = ""
    """The step that failed, as the engine names it; "" where none did."""
    output: tuple[str, ...] = ()
    """Its last lines, and those before them that look like an error."""


class HostRequirementMissing(RobenvError):
    """This machine lacks something that the profile, or robenv, needs."""

    exit_code = 6


class RobotUnreachable(RobenvError):
    """A robot does not answer: off, out of reach, or no such host."""

    exit_code = 7


class RobotRefused(RobenvError):
    """A robot answers and refuses: its host key, the login, its engine, or what it is does not fit."""

    exit_code = 7


class Interrupted(RobenvError):
    """The user pressed ^C, or a signal asked robenv to end."""

    exit_code = 130
