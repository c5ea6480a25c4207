"""Builds an image: BuildKit through the Engine API, or the classic builder; the same events from both."""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import docker

from robenv.engine.api.exec_api import ExecutionCalls
from robenv.engine.api.start_errors import NO_BRIDGE
from robenv.engine.build.buildkit.trace import Trace
from robenv.engine.build.classic import ClassicTrace
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import BuildEvent, BuildRequest, ImageEvent, StepEvent, TransferEvent
from robenv.engine.transport.docker_config import proxy_variables
from robenv.engine.transport.docker_py_session import EVER, send
from robenv.engine.transport.endpoint import engine_lost
from robenv.engine.transport.errors import from_sentence, sentence_of, translated_errors
from robenv.engine.transport.records import Record, error_of, stream_records
from robenv.engine.transport.upload import Upload
from robenv.errors import BuildFailed, DiskFull, HostRequirementMissing, RobenvError
from robenv.util.concurrency import cancellable

_PATIENCE = 15.0
"""Seconds that a cancelled build gets to end on the engine."""


class BuildCalls(ExecutionCalls):
    """The build half of ``robenv.engine.protocol.Engine``."""

    _api: docker.APIClient
    _config_folder: str
    """The docker config's folder, for proxies."""
    endpoint: str

    def build(self, request: BuildRequest, context: Iterable[bytes]) -> Iterator[BuildEvent]:
        """See the Protocol. ``context`` is read in a thread of its own; what it raises comes out here as it is."""
        build_id = uuid.uuid4().hex
        arguments = {**proxy_variables(self._config_folder, self.endpoint), **dict(request.arguments)}
        parameters = build_parameters(request, build_id, arguments)
        with self._lent(request) as session:
            yield from self._built(request, build_id, {**parameters, **session}, context)

    @contextlib.contextmanager
    def _lent(self, request: BuildRequest) -> Iterator[dict[str, str]]:
        """What of the query says where the build may ask for what it borrows."""
        if not request.build_secrets:
            yield {}
            return
        from robenv.engine.api.build_secrets import serving_secrets

        with serving_secrets(self, request.build_secrets) as session:
            yield {"session": session}

    def _built(
        self, request: BuildRequest, build_id: str, parameters: Mapping[str, str], context: Iterable[bytes]
    ) -> Iterator[BuildEvent]:
        action = f"build {request.tag}"
        trace: _Trace = Trace() if request.buildkit else ClassicTrace()
        ended = False
        upload = Upload(lambda body: self._send(parameters, body), context)
        end = (lambda: self._end(build_id)) if request.buildkit else upload.hang_up
        try:
            with cancellable(end):
                yield from _sending(upload, build_id)
                with translated_errors(action):
                    response = _answer(upload, request)
                    state, error = BuildState(), ""
                    for record in stream_records(response, action):
                        error = error_of(record) or error
                        for event in trace.events(record):
                            state = apply_event(state, event)
                            yield event
            ended = True
            if error:
                raise build_error(request, state, error)
            if not trace.image_id:
                raise engine_lost(action, "its answer ended without saying whether the image was made")
            yield ImageEvent(trace.image_id)
        finally:
            if not ended:
                self._cancel(request, build_id, upload, trace)

    def _send(self, parameters: Mapping[str, str], body: Iterator[bytes]) -> Any:
        tar = {"Content-Type": "application/x-tar"}
        return send(self._api, "post", "/build", data=body, params=parameters, headers=tar, stream=True, timeout=EVER)

    def _cancel(self, request: BuildRequest, build_id: str, upload: Upload, trace: _Trace) -> None:
        """Ends the build on the engine and waits for that: BuildKit by its ID, the classic builder by hanging up."""
        if request.buildkit:
            self._end(build_id)
        upload.abandon(drain=request.buildkit, timeout=_PATIENCE)
        if trace.container:
            self._await_removal(trace.container)

    def _end(self, build_id: str) -> None:
        """BuildKit's: its answer then ends soon."""
        with contextlib.suppress(OSError, docker.errors.DockerException):
            send(self._api, "post", "/build/cancel", params={"id": build_id}, timeout=5)

    def _await_removal(self, container: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        with contextlib.suppress(OSError, docker.errors.DockerException):  # not found: that is what it waits for
            while time.monotonic() < deadline:
                self._api.inspect_container(container)
                time.sleep(0.1)


def build_parameters(request: BuildRequest, build_id: str, build_args: Mapping[str, str]) -> dict[str, str]:
    """The query of ``POST /build`` (Engine API 1.41)."""
    parameters = {
        "t": request.tag,
        "platform": request.platform,
        "dockerfile": request.dockerfile,
        "labels": json.dumps(dict(request.labels), sort_keys=True),
        "networkmode": request.network_mode,
        "target": request.target,
        "nocache": "1" if request.no_cache else "",
        "buildargs": json.dumps(dict(build_args), sort_keys=True) if build_args else "",
        # Intermediate containers go, also after a failure; BuildKit has none and takes no notice.
        "rm": "1",
        "forcerm": "1",
    }
    if request.buildkit:
        parameters |= {"version": "2", "buildid": build_id}
    return {name: value for name, value in parameters.items() if value}


def build_error(request: BuildRequest, state: BuildState, sentence: str) -> RobenvError:
    """The error for a build that the engine ended with ``sentence``."""
    step = state.failed
    output = "\n".join(step.output.telling) if step else ""
    where = f" at {_short(step.name)}" if step and step.name else ""
    message = f"The build of {request.tag} failed{where}"
    if re.search(r"no space left on device|disk quota exceeded", f"{sentence}\n{output}", re.I):
        full = from_sentence("no space left on device", f"build {request.tag}")
        return DiskFull(f"{message}: no space left on the engine's disk.", details=sentence, hint=full.hint)
    if re.search(r"exec format error", f"{sentence}\n{output}", re.I):
        return HostRequirementMissing(
            f"{message}: the engine's machine cannot run programs of {request.platform}.",
            details=sentence,
            hint="Let it emulate them: `sudo robenv binfmt register` on that machine.",
        )
    cause = _untrusted(output) or (step.output.cause if step else "")
    hint = _way_to_a_network(request, sentence, output) or _way_out(sentence, output)
    error = BuildFailed(message, details=_reason(sentence, cause), hint=hint)
    error.step = step.name if step else ""
    error.output = step.output.telling if step else ()
    return error


class _Trace(Protocol):
    """What both builders' traces are."""

    @property
    def image_id(self) -> str: ...

    @property
    def container(self) -> str: ...

    def events(self, record: Record) -> Iterator[BuildEvent]: ...


def _answer(upload: Upload, request: BuildRequest) -> Any:
    """The answer to the upload. Raises BuildFailed where the engine refuses before it begins."""
    try:
        return upload.response()
    except docker.errors.APIError as error:
        raise build_error(request, BuildState(), sentence_of(error)) from error


def _sending(upload: Upload, build_id: str) -> Iterator[BuildEvent]:
    """Tells how far the context is."""
    step = StepEvent(f"context {build_id}", "sending the build context", started=time.time())
    yield step
    for sent in upload.progress():
        yield TransferEvent(step.id, "context", sent, 0, step=step.id)
    yield TransferEvent(step.id, "context", upload.sent, upload.sent, completed=True, step=step.id)
    yield StepEvent(step.id, step.name, step.started, completed=time.time())


def _short(name: str, most: int = 160) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


_COMMAND = re.compile(
    r"(?:executor failed running \[.*\]|process \".*\" did not complete successfully|building at STEP \".*\"): "
    r"(?P<why>.*)",
    re.S,
)
_EXIT_CODE = re.compile(
    r"(?:\bexit code: |\breturned a non-zero code: |^(?:while running runtime: )?exit status )(?P<code>\d+)\s*$"
)
"""The command's own exit code: what the engine says of its own programs (``Error processing tar file(exit status 1):
…``) is none."""


def _own_words(sentence: str) -> str:
    whole = _COMMAND.search(sentence)
    return (whole["why"] if whole else sentence).strip()


def _reason(sentence: str, cause: str = "") -> str:
    """Why, without the whole command that the builder repeats first. ``cause``: what the command said of it."""
    why = _own_words(sentence)
    code = _EXIT_CODE.search(why)
    if code is None:
        return why
    return f"{cause} (exit code {code['code']})" if cause else f"The command ended with exit code {code['code']}."


_UNTRUSTED = re.compile(
    r"certificate verify failed(?:: [^)(\n'\"]*)?|SSL certificate problem: [^\n]*|certificate is NOT trusted[^\n]*"
    r"|self[- ]signed certificate in certificate chain",
    re.I,
)


def _untrusted(output: str) -> str:
    """What a program says that does not trust a certificate: others then only say that they have found nothing."""
    match = _UNTRUSTED.search(output)
    return match[0].strip() if match else ""


_NO_NAMES = re.compile(
    r"temporary failure (?:in name resolution|resolving)|could not resolve(?: host)?\b|name or service not known"
    r"|network is unreachable|no route to host",
    re.I,
)
"""What programs say that reach nothing."""


def _way_to_a_network(request: BuildRequest, sentence: str, output: str) -> str:
    if NO_BRIDGE.search(sentence):
        return (
            "The engine has no bridge network to run steps in: `build: {network: host}` runs them in the network of "
            "the engine's machine (docs/builds.md)."
        )
    if not _NO_NAMES.search(output):
        return ""
    if request.network_mode == "none":
        return "`build: {network: none}` leaves steps without a network."
    if request.network_mode == "host":
        return ""
    return (
        "The step reached no network by the engine's own. If the engine's machine does: `build: {network: host}`, or a "
        "proxy in the docker config (docs/builds.md)."
    )


_WANTS_GPU = re.compile(
    r"nvidia-smi: (?:command )?not found|NVIDIA-SMI (?:has failed|couldn't find)|Failed to initialize NVML"
    r"|lib(?:cuda|nvidia-ml|nvcuvid)\.so(?:\.1)?: cannot open shared object"
    r"|no CUDA-capable device|CUDA driver version is insufficient|CUDA_ERROR_NO_DEVICE|Found no NVIDIA driver"
    r"|No CUDA GPUs are available|No CUDA runtime is found|cannot find -lcuda\b|libcuda\.so\S*, needed by",
    re.I,
)
"""What programs say that miss a GPU or its driver."""


_KILLED = re.compile(r"\bKilled$|\bKilled signal terminated program\b|: Killed\b", re.M)
"""What shells, make and gcc say of a program that got SIGKILL."""


def _way_out(sentence: str, output: str = "") -> str:
    if _untrusted(output):
        return (
            "Where a proxy opens TLS, `mirrors: {ca: FILE}` in config.yaml or robenv.yaml has builds trust its "
            "authority (docs/mirrors.md)."
        )
    if _WANTS_GPU.search(output):
        return (
            "A build has no GPU and no driver of one, whatever the profile's `gpu` says: that is the container's. Run "
            "what needs it there, after `robenv up`. To compile needs none: name the GPU's architecture yourself "
            "(CMAKE_CUDA_ARCHITECTURES, TORCH_CUDA_ARCH_LIST), and link against CUDA's own lib64/stubs."
        )
    code = _EXIT_CODE.search(_own_words(sentence))
    if code and code["code"] == "137":
        return "137 means that it was killed, most often for want of memory: let fewer jobs run at once (`-j1`)."
    if code and _KILLED.search(output):
        return "Something was killed, most often for want of memory: let fewer jobs run at once (`-j1`)."
    if re.search(r"no active sessions|pull access denied|failed to resolve source metadata", sentence):
        return (
            "An image that FROM or COPY --from names is not on the engine; name it as a base, then it is pulled first."
        )
    return ""
