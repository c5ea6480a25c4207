"""Pulls an image with the user's own registry credentials."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import docker
from docker import auth
from docker.utils import parse_repository_tag

from robenv.engine.api.inspect import inspect_image, same_platform
from robenv.engine.protocol import BuildEvent, StepEvent, TransferEvent
from robenv.engine.transport.credentials import Logins
from robenv.engine.transport.docker_py_session import EVER, hang_up, request_json, send
from robenv.engine.transport.errors import from_sentence, sentence_of, translated_errors
from robenv.engine.transport.records import Record, error_of, stream_records
from robenv.errors import (
    ImageNotFound,
    RegistryDenied,
    RegistryUnreachable,
    RobenvError,
    UsageError,
)
from robenv.util.concurrency import cancellable
from robenv.util.sanitize import in_command

_MOVING = {"Downloading": "downloading", "Extracting": "extracting"}
_DONE = {"Download complete": "downloading", "Pull complete": "extracting", "Already exists": "extracting"}
_NO_PLATFORM = re.compile(
    r"no matching manifest|does not (provide|match) the specified platform|no match for platform", re.I
)
_MISSING = re.compile(
    r"manifest unknown|not found|name unknown|invalid repository name|repository does not exist", re.I
)
_AMBIGUOUS = re.compile(r"may require 'docker login'|repository does not exist or may require", re.I)
_LOGIN = re.compile(r"no basic auth credentials", re.I)
"""What only a registry brings about that lets nobody in without a login."""
_DENIED = re.compile(
    r"unauthorized|authentication required|no basic auth credentials|access.*denied|denied:|toomanyrequests|"
    r"incorrect username or password|invalid username/password|\b401\b|\b403\b",
    re.I,
)
_UNREACHABLE = re.compile(
    r"no such host|connection refused|connection reset|i/o timeout|timeout exceeded|handshake timeout|no route to host|"
    r"network is unreachable|x509|certificate|http response to https client|proxyconnect|server misbehaving|: EOF|"
    r"deadline exceeded|bad gateway|service unavailable",
    re.I,
)


class PullCalls:
    """The part of ``robenv.engine.protocol.Engine`` that pulls."""

    _api: docker.APIClient
    _logins: Logins

    def pull(self, reference: str, platform: str) -> Iterator[BuildEvent]:
        """Pulls, and yields a step with its transfers.

        Raises ImageNotFound (also where it is not offered for ``platform``), RegistryDenied, RegistryUnreachable,
        DiskFull, EngineLost.
        """
        step = StepEvent(f"pull {reference} {platform}", f"pull {reference} ({platform})", started=time.time())
        yield step
        action = f"pull {reference}"
        response = None
        last: dict[str, TransferEvent] = {}
        try:
            with translated_errors(action):
                headers = self._credentials(reference)
                response = self._request(reference, platform, headers)
                with cancellable(partial(hang_up, response)):
                    for record in stream_records(response, action):
                        if sentence := error_of(record):
                            raise self._failure(sentence, reference, platform, bool(headers))
                        for event in transfers(record, step.id):
                            last[event.id] = event
                            yield event
        finally:
            if response is not None:
                response.close()  # an engine stops a pull that nobody listens to any more
        self._check_platform(reference, platform)
        # A busy engine leaves out the last record of a layer, or sends an older one after it.
        yield from (replace(event, completed=True) for event in last.values() if not event.completed)
        yield StepEvent(step.id, step.name, step.started, completed=time.time())

    def _request(self, reference: str, platform: str, headers: dict[str, str]) -> Any:
        repository, tag = parse_repository_tag(reference)
        # Without a tag the engine would pull them all.
        wanted = {"fromImage": repository, "tag": tag or "latest", "platform": platform}
        try:
            return send(self._api, "post", "/images/create", params=wanted, headers=headers, stream=True, timeout=EVER)
        except docker.errors.APIError as error:
            raise self._failure(sentence_of(error), reference, platform, bool(headers)) from error

    def _credentials(self, reference: str) -> dict[str, str]:
        """The header with the user's login for the image's registry; none where there is none."""
        found = self._logins.find(registry_of(reference))
        return as_header(found) if found else {}

    def _failure(self, sentence: str, reference: str, platform: str, with_credentials: bool) -> RobenvError:
        if _NO_PLATFORM.search(sentence):
            return self._not_offered(reference, platform, sentence)
        return self._pull_failure(sentence, reference, with_credentials)

    def _pull_failure(self, sentence: str, reference: str, with_credentials: bool) -> RobenvError:
        complaint = "" if with_credentials else self._logins.complaint(registry_of(reference))
        return pull_failure(sentence, reference, with_credentials, complaint)

    def _check_platform(self, reference: str, platform: str) -> None:
        """An older engine takes an image of one platform for any other that is asked for, and only warns."""
        try:
            with translated_errors("look at the image", reference):
                image = inspect_image(self._api, reference, platform)
        except ImageNotFound as error:
            raise self._not_offered(reference, platform, error.message, self._arrived(reference)) from error
        if not same_platform(image.platform, platform):
            raise self._not_offered(reference, platform, f"what it has is {image.platform}")

    def _arrived(self, reference: str) -> str:
        """The platform of what the engine has taken for it; "" for nothing."""
        try:
            return inspect_image(self._api, reference).platform
        except (OSError, docker.errors.DockerException):
            return ""

    def _not_offered(self, reference: str, platform: str, details: str, arrived: str = "") -> ImageNotFound:
        offered = ", ".join(self._offered(reference)) or arrived  # engines tell no platform of an OCI manifest alone
        return ImageNotFound(
            f"The image {reference} is not offered for {platform}.",
            details=details,
            hint=f"It is offered for {offered}." if offered else "Choose another image or another platform.",
        )

    def _offered(self, reference: str) -> list[str]:
        """The platforms of the image in its registry; none where that cannot be known."""
        try:
            headers = self._credentials(reference)
            answer = request_json(self._api, "get", "/distribution/{0}/json", reference, headers=headers)
        except (OSError, docker.errors.DockerException, RegistryDenied):
            return []
        platforms = answer.get("Platforms") or []
        named = {
            "/".join(part for key in ("os", "architecture", "variant") if (part := platform.get(key)))
            for platform in platforms
        }
        return sorted(name for name in named if not name.startswith("unknown"))


def login_command(registry: str) -> str:
    """For messages: what logs in to it."""
    return f"`docker login{'' if registry == 'docker.io' else ' ' + in_command(registry, 'REGISTRY')}`"


def login_hint(registry: str, complaint: str = "") -> str:
    """What lets a user in. ``complaint``: what is wrong with the credential helper that should have had the login."""
    return f"{complaint}; repair it, or run {login_command(registry)}" if complaint else login_command(registry)


def as_header(login: Mapping[str, Any]) -> dict[str, str]:
    """The header by which an engine gets a login, as the docker config has one."""
    return {"X-Registry-Auth": auth.encode_header(dict(login)).decode()}


def registry_of(reference: str) -> str:
    """The registry's host, with its port: ``docker.io`` where the reference names none."""
    try:
        return str(auth.resolve_repository_name(parse_repository_tag(reference)[0])[0])
    except docker.errors.InvalidRepository as error:
        raise UsageError(f"{reference!r} is no image reference.", details=str(error)) from error


def pull_failure(sentence: str, reference: str, with_credentials: bool, complaint: str = "") -> RobenvError:
    """The error for what the engine says when it could not pull. ``complaint``: why there is no login to try."""
    registry = registry_of(reference)
    login = login_hint(registry, complaint)
    if _AMBIGUOUS.search(sentence) and not _LOGIN.search(sentence):
        return ImageNotFound(
            f"There is no image {reference}, or it is private and needs a login.",
            details=sentence,
            hint=f"Check its name; if it is private: {login}",
        )
    if _LOGIN.search(sentence) or (_DENIED.search(sentence) and not _MISSING.search(sentence)):
        refused = "refused the credentials that it was given" if with_credentials else "wants a login"
        return RegistryDenied(f"The registry {registry} {refused} for {reference}.", details=sentence, hint=login)
    if _UNREACHABLE.search(sentence):
        return _unreachable(sentence, reference, registry)
    if _MISSING.search(sentence):
        return ImageNotFound(
            f"The registry {registry} has no image {reference}.", details=sentence, hint="Check its name and its tag."
        )
    return from_sentence(sentence, f"pull {reference}")


def _unreachable(sentence: str, reference: str, registry: str) -> RegistryUnreachable:
    if re.search(r"x509|certificate", sentence, re.I):
        hint = f"If you trust it, put its CA into /etc/docker/certs.d/{registry}/ca.crt on the engine's machine."
    elif re.search(r"http response to https client", sentence, re.I):
        hint = (
            f'It speaks HTTP only: add "{registry}" to insecure-registries in the engine\'s /etc/docker/daemon.json; '
            "with Podman, `insecure = true` for it in /etc/containers/registries.conf."
        )
    else:
        hint = "Check the network of the engine's machine, its proxy, and the registry's name."
    return RegistryUnreachable(
        f"The engine could not reach the registry {registry} for {reference}.", details=sentence, hint=hint
    )


def transfers(record: Record, step: str) -> Iterator[TransferEvent]:
    """What one record of a pull says about a layer; ``step`` is the pull's step ID."""
    layer, status = str(record.get("id") or ""), str(record.get("status") or "")
    doing = _MOVING.get(status) or _DONE.get(status)
    if not layer or not doing:
        return
    detail = record.get("progressDetail") or {}
    current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
    yield TransferEvent(f"{step} {layer} {doing}", f"{doing} {layer}", current, total, status in _DONE, step)
