"""The tree of errors. The exit code belongs to the class; ``robenv.cli`` alone prints errors and exits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Location:
    """A place in a file: ``line`` and ``column`` count from 1. ``chain``: the profiles that led here."""

    file: str
    line: int
    column: int
    chain: tuple[str, ...] = ()
    excerpt: str = ""
    """The lines around it with a caret, ready to print; empty where there is nothing to show."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    message: str
    location: Location | None = None
    hint: str = ""


@dataclass(eq=False)
class RobenvError(Exception):
    """Something that a user can understand and mend: what happened, details, a way out, and where."""

    message: str
    details: str = ""
    hint: str = ""
    problems: tuple[Problem, ...] = field(default=())
    docs_url: str = ""
    exit_code: ClassVar[int] = 1

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


class ProfileError(RobenvError):
    """A profile has problems: all of them, each with its place."""

    exit_code = 3


class EngineUnreachable(RobenvError):
    """No engine answers."""

    exit_code = 4


class EngineDenied(EngineUnreachable):
    """The engine's socket is there, and this user may not open it."""


class EngineLost(EngineUnreachable):
    """The connection to the engine broke in the middle of an operation."""


class BuildFailed(RobenvError):
    """The image could not be built."""

    exit_code = 5


class HostLacks(RobenvError):
    """This machine lacks something that the profile, or robenv, needs."""

    exit_code = 6


class Interrupted(RobenvError):
    """The user pressed ^C, or a signal asked robenv to end."""

    exit_code = 130
