"""Records what real engines answer to builds and a pull, for the tests of the fold. Run it with a Docker Engine, and
once more with DOCKER_HOST naming a Podman:

    python -m tests.support.engines.record_streams

It needs Debian's docker-registry for the pull. The records are written as they came, one a line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import docker

from robenv.engine.api.build import build_parameters
from robenv.engine.protocol import BuildRequest
from robenv.engine.transport.docker_py_session import EVER, send
from robenv.render import stream
from robenv.render.entries import FILE, ContextEntry
from tests.support.folders import BUILD_STREAMS
from tests.support.images import base_image
from tests.support.servers.registry import Registry

TAG = "robenvtest-recorded"

# One stage draws a progress bar over itself, one prints many lines, both at once; the last takes from both.
PARALLEL = rf"""
FROM {base_image.TAG} AS bar
RUN for i in 1 2 3 4 5; do printf '\rdownloading %d%%' $((i * 20)); sleep 0.2; done; printf '\n\033[32mgreen\033[0m ü\n'
FROM {base_image.TAG} AS lines
RUN seq 1 60; sleep 0.5; printf 'no newline at the end'
FROM {base_image.TAG}
COPY --from=bar /etc/debian_version /bar
COPY --from=lines /etc/debian_version /lines
RUN echo both
"""
FAILING = rf"""
FROM {base_image.TAG} AS slow
RUN sleep 30
FROM {base_image.TAG}
RUN seq 1 50; echo 'no such thing' >&2; exit 3
COPY --from=slow /etc/debian_version /slow
"""
# The classic builder goes one by one: its failing build begins with the failing stage.
CLASSIC_FAILING = rf"""
FROM {base_image.TAG} AS first
RUN echo one
FROM {base_image.TAG}
RUN echo two; echo 'no such thing' >&2; exit 3
"""


def record_build(api: docker.APIClient, name: str, dockerfile: str, buildkit: bool, no_cache: bool) -> None:
    """Builds, and writes the stream to ``name``.jsonl."""
    request = BuildRequest(TAG, "linux/amd64", {}, buildkit=buildkit, no_cache=no_cache, network_mode="none")
    context = stream([ContextEntry("Dockerfile", FILE, 0o644, data=dockerfile.lstrip().encode())])
    answer = send(
        api,
        "post",
        "/build",
        data=context,
        params=build_parameters(request, f"recording-{name}", {}),
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=EVER,
    )
    _write(name, answer.iter_lines())


def record_pull(api: docker.APIClient) -> None:
    """Pushes a small image of two layers to a registry of its own, removes it, and records how it comes back."""
    registry = Registry().start()
    reference = f"{registry.address}/robenvtest-pull:1"
    dockerfile = ContextEntry("Dockerfile", FILE, 0o644, data=b"FROM scratch\nCOPY one /\nCOPY two /\n")
    layers = [ContextEntry(name, FILE, 0o644, data=os.urandom(4_000_000)) for name in ("one", "two")]
    # BuildKit would keep the layers in its cache, and nothing would move.
    parameters = build_parameters(BuildRequest(reference, "linux/amd64", {}, buildkit=False), "", {})
    try:
        send(api, "post", "/build", data=stream([dockerfile, *layers]), params=parameters, timeout=EVER)
        api.push(reference, stream=False)
        api.remove_image(reference)
        repository, _, tag = reference.rpartition(":")
        wanted = {"fromImage": repository, "tag": tag}
        _write("pull", send(api, "post", "/images/create", params=wanted, stream=True).iter_lines())
        api.remove_image(reference)
    finally:
        registry.close()


def _write(name: str, lines: Iterator[bytes]) -> None:
    (BUILD_STREAMS / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines if line.strip()))


def record_docker(api: docker.APIClient) -> None:
    base_image.ensure(api)
    record_build(api, "parallel", PARALLEL, buildkit=True, no_cache=True)
    record_build(api, "cached", PARALLEL, buildkit=True, no_cache=False)
    record_build(api, "failing", FAILING, buildkit=True, no_cache=True)
    record_build(api, "classic", PARALLEL, buildkit=False, no_cache=True)
    record_build(api, "classic_cached", PARALLEL, buildkit=False, no_cache=False)
    record_build(api, "classic_failing", CLASSIC_FAILING, buildkit=False, no_cache=True)
    record_pull(api)


def record_podman(api: docker.APIClient) -> None:
    """The base must have been loaded there: Podman cannot make it from a tar that BuildKit built."""
    record_build(api, "classic_podman", PARALLEL, buildkit=False, no_cache=True)
    record_build(api, "classic_podman_cached", PARALLEL, buildkit=False, no_cache=False)
    record_build(api, "classic_podman_failing", CLASSIC_FAILING, buildkit=False, no_cache=True)


def main() -> None:
    api = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto")
    BUILD_STREAMS.mkdir(exist_ok=True)
    podman = "Podman" in str(api.version().get("Components"))
    record_podman(api) if podman else record_docker(api)
    api.remove_image(TAG, force=True)
    api.close()


if __name__ == "__main__":
    main()
