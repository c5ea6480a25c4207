"""Turns what docker-py, requests, urllib3 and sockets raise into the classes of ``robenv.errors``, and only here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import urllib3.exceptions

from robenv.engine.transport import endpoint
from robenv.errors import (
    ContainerNotFound,
    DiskFull,
    EngineLost,
    ImageNotFound,
    NameTaken,
    OperationFailed,
    PortInUse,
    RobenvError,
)

_LIBRARIES = (docker.errors.DockerException, requests.exceptions.RequestException, urllib3.exceptions.HTTPError)

# What the engine says, and what it means: it has few status codes and many sentences.
_SAYINGS: tuple[tuple[re.Pattern[str], type[OperationFailed], str], ...] = (
    (
        re.compile(r"no space left on device|disk quota exceeded", re.I),
        DiskFull,
        "Free some space on the engine's disk: `robenv clean` and `docker system df` show what may go.",
    ),
    (
        re.compile(
            r"port is already allocated|address already in use|failed to bind host port(?!.*cannot assign requested)",
            re.I,
        ),
        PortInUse,
        "Stop what uses that port, or publish another one under `run.ports`. `ss -ltnp` shows who listens.",
    ),
    (
        re.compile(r"container name .* is already in use|name .* already in use by container", re.I),
        NameTaken,
        "`docker ps -a` shows that container; remove it, or choose another name.",
    ),
    (
        re.compile(r"no such image|image not known|does not (provide|match) the specified platform", re.I),
        ImageNotFound,
        "",
    ),
    (re.compile(r"no such (container|exec)|no container with name or id", re.I), ContainerNotFound, ""),
    (
        re.compile(r"is not running|container .* is paused|container state improper|only running containers", re.I),
        ContainerNotFound,
        "Bring it up first: `robenv up -d`.",
    ),
)


@contextmanager
def translated_errors(action: str, subject: str = "") -> Iterator[None]:
    """Inside it, library errors become robenv's.

    ``action`` is what was tried, as in "could not ACTION SUBJECT": ``with translated("start the container", name):``
    """
    try:
        yield
    except RobenvError:
        raise
    except (*_LIBRARIES, OSError) as error:
        raise translate_error(error, f"{action} {subject}".strip()) from error


def translate_error(error: BaseException, action: str) -> RobenvError:
    """The error of robenv's for a library's ``error`` while robenv tried to ``action``."""
    if isinstance(error, docker.errors.APIError):
        sentence = sentence_of(error)
        return endpoint.engine_insecure(sentence) if endpoint.WANTS_TLS in sentence else from_sentence(sentence, action)
    if isinstance(error, requests.exceptions.Timeout):
        return EngineLost(
            f"The engine did not answer in time: could not {action}.",
            details=str(error),
            hint="It may be overloaded: try again, and look at `journalctl -u docker`.",
        )
    tls = _first(error, requests.exceptions.SSLError, urllib3.exceptions.SSLError)
    if tls is not None:
        return endpoint.engine_insecure(str(tls))
    system = _first(error, OSError, but=_LIBRARIES)
    if isinstance(system, FileNotFoundError | PermissionError | ConnectionRefusedError):
        return endpoint.engine_unreachable(system)
    if _never_connected(error):
        return endpoint.engine_unreachable(system or OSError(_last_words(error)))
    if isinstance(error, OSError | urllib3.exceptions.HTTPError):  # requests' own are OSErrors too
        return endpoint.engine_lost(action, _last_words(error))
    return from_sentence(_last_words(error), action)


def from_sentence(sentence: str, action: str) -> RobenvError:
    """The error for what an engine says, in an error answer or in the middle of a stream."""
    for pattern, kind, hint in _SAYINGS:
        if pattern.search(sentence):
            return kind(f"Could not {action}: {sentence}", hint=hint)
    return OperationFailed(f"Could not {action}: {sentence}")


def sentence_of(error: docker.errors.APIError) -> str:
    """What the engine said with an error answer."""
    explanation = str(error.explanation or "").strip()
    return explanation or f"the engine answered {error.status_code or 'nothing that robenv understands'}"


def status_of(error: RobenvError) -> int:
    """The HTTP status that an error of the engine's came with; 0 where it came in another way."""
    response = getattr(error.__cause__, "response", None)
    return int(getattr(response, "status_code", 0) or 0)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """``error``, what it wraps and what it came from: requests and urllib3 keep it in ``args`` and ``reason``."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting.extend(part for part in inner if isinstance(part, BaseException))


def _first(
    error: BaseException, *kinds: type[BaseException], but: tuple[type[BaseException], ...] = ()
) -> BaseException | None:
    return next((one for one in _chain(error) if isinstance(one, kinds) and not isinstance(one, but)), None)


def _never_connected(error: BaseException) -> bool:
    kinds = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.NameResolutionError)
    return _first(error, *kinds) is not None


def _last_words(error: BaseException) -> str:
    """The innermost sentence: what wraps it only repeats it."""
    return next((str(one) for one in reversed(list(_chain(error))) if str(one)), type(error).__name__)
