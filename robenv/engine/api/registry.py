"""What a registry has, as the engine sees it, and what is pushed to it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import docker
import requests.exceptions
from docker.utils import parse_repository_tag

from robenv.engine.api.pull import PullCalls, as_header
from robenv.engine.protocol import BuildEvent, RegistryImage, StepEvent, TransferEvent
from robenv.engine.transport.docker_py_session import EVER, hang_up, request_json, send
from robenv.engine.transport.errors import sentence_of, translated_errors
from robenv.engine.transport.records import Record, error_of, stream_records
from robenv.util.concurrency import cancellable

_PATIENCE = 30
"""Seconds that a registry gets for a question: it may be one that is out of reach from here."""
_DONE = ("Pushed", "Layer already exists", "Mounted from")


class RegistryCalls(PullCalls):
    """The part of ``robenv.engine.protocol.Engine`` that asks registries and pushes to them."""

    def registry_image(self, reference: str) -> RegistryImage:
        """What the registry has under ``reference`` now, asked for with the user's credentials.

        Raises ImageNotFound, RegistryDenied, RegistryUnreachable.
        """
        headers = self._credentials(reference)
        with translated_errors(f"ask for {reference}"):
            try:
                path = "/distribution/{0}/json"
                answer = request_json(self._api, "get", path, reference, headers=headers, timeout=_PATIENCE)
            except requests.exceptions.Timeout as error:
                raise self._pull_failure(
                    f"i/o timeout: no answer in {_PATIENCE} s", reference, bool(headers)
                ) from error
            except docker.errors.APIError as error:
                raise self._pull_failure(sentence_of(error), reference, bool(headers)) from error
        platforms = (
            "/".join(part for key in ("os", "architecture", "variant") if (part := one.get(key)))
            for one in answer.get("Platforms") or ()
        )
        known = tuple(sorted({name for name in platforms if not name.startswith("unknown")}))
        return RegistryImage(str(answer["Descriptor"]["digest"]), known)

    def push(self, reference: str, login: Mapping[str, str] | None = None) -> Iterator[BuildEvent]:
        """Pushes, and yields a step with its transfers. ``login``: instead of the user's, as the docker config has one.

        Raises ImageNotFound, RegistryDenied, RegistryUnreachable, EngineLost.
        """
        step = StepEvent(f"push {reference}", f"push {reference}", started=time.time())
        yield step
        headers = self._credentials(reference) if login is None else as_header(login)
        with translated_errors(f"push {reference}"):
            response = self._push(reference, headers)
            try:
                with cancellable(partial(hang_up, response)):
                    for record in stream_records(response, f"push {reference}"):
                        if sentence := error_of(record):
                            raise self._pull_failure(sentence, reference, bool(headers))
                        yield from _transfers(record, step.id)
            finally:
                response.close()  # an engine stops a push that nobody listens to any more
        yield StepEvent(step.id, step.name, step.started, completed=time.time())

    def _push(self, reference: str, headers: dict[str, str]) -> Any:
        repository, tag = parse_repository_tag(reference)
        # The engine wants the header in any case: an empty mapping says that there is no login.
        wanted = headers or {"X-Registry-Auth": base64.urlsafe_b64encode(b"{}").decode()}
        options = {"params": {"tag": tag or "latest"}, "headers": wanted, "stream": True, "timeout": EVER}
        try:
            return send(self._api, "post", "/images/{0}/push", repository, **options)
        except docker.errors.APIError as error:
            raise self._pull_failure(sentence_of(error), reference, bool(headers)) from error


def _transfers(record: Record, step: str) -> Iterator[TransferEvent]:
    layer, status = str(record.get("id") or ""), str(record.get("status") or "")
    done = status.startswith(_DONE)
    if not layer or not (done or status == "Pushing"):
        return
    detail = record.get("progressDetail") or {}
    current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
    yield TransferEvent(f"{step} {layer}", f"pushing {layer}", current, total, done, step)
