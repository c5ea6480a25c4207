"""The Docker Engine in robenv's words. ``robenv.engine.docker_engine`` implements it; nothing else imports docker-py.

Every method raises the classes of ``robenv.errors`` and nothing of docker-py's, requests' or urllib3's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from robenv.engine.terminal.types import ContainerInfo, ExecRequest, ProcessSession, SessionEngine

__all__ = [
    "BlobInfo",
    "BuildEvent",
    "BuildRequest",
    "ContainerInfo",
    "Engine",
    "EngineInfo",
    "ExecRequest",
    "ImageEvent",
    "ImageInfo",
    "Json",
    "LogEvent",
    "NetworkInfo",
    "ProcessSession",
    "SessionEngine",
    "StepEvent",
    "TransferEvent",
    "VolumeInfo",
    "WarningEvent",
]

Json = Mapping[str, Any]


PODMAN = "Podman"
"""How the name of that product begins."""
PODMAN_HOST = "robenv.podman"
"""The key of ``EngineInfo.raw`` under which Podman's own description of its host is."""


@dataclass(frozen=True)
class EngineInfo:
    """What ``/version`` and ``/info`` say, as far as robenv uses it."""

    endpoint: str
    product: str
    """``Docker Engine`` or, for a compatible one, its own name, such as ``Podman Engine``."""
    version: str
    api_version: str
    platform: str
    storage_driver: str
    root_dir: str
    buildkit: bool
    """Whether ``POST /build?version=2`` works there."""
    raw: Json
    """The whole answer of ``/info``."""

    @property
    def is_podman(self) -> bool:
        return self.product.startswith(PODMAN)

    @property
    def podman(self) -> Json:
        """What Podman's own API says of its host, which ``/info`` gets wrong or leaves out; empty for other engines."""
        return dict(self.raw.get(PODMAN_HOST) or {})

    @property
    def content_store(self) -> bool:
        """Whether images lie in containerd's store, as blobs, instead of one by one in a storage driver's."""
        rows = self.raw.get("DriverStatus") or ()
        return any(list(row) == ["driver-type", "io.containerd.snapshotter.v1"] for row in rows)


@dataclass(frozen=True)
class BlobInfo:
    """A blob of a containerd image store, as the OCI image specification describes one."""

    media_type: str
    digest: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class ImageInfo:
    id: str
    tags: tuple[str, ...]
    platform: str
    size: int
    """Bytes."""
    created: str
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    working_dir: str
    user: str
    layers: tuple[str, ...]
    """Diff IDs, lowest first."""
    digests: tuple[str, ...] = ()
    """``NAME@sha256:…`` for each registry that it came from or went to; a containerd store gives one to every image."""
    blob: BlobInfo | None = None
    """Its manifest or its index in a containerd image store; None in others, and before version 1.48 of the API."""
    on_build: tuple[str, ...] = ()
    """The triggers (ONBUILD) that a build from it runs before any instruction of its own."""


@dataclass(frozen=True)
class RegistryImage:
    """What a registry has under a name: the digest of the image, or of its index, and the platforms in it."""

    digest: str
    platforms: tuple[str, ...]


@dataclass(frozen=True)
class VolumeInfo:
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class NetworkInfo:
    id: str
    name: str
    driver: str
    labels: Mapping[str, str]
    containers: tuple[str, ...] = ()
    """The names of what is connected; told by ``find_network`` alone, and only of containers that run."""


MAX_SECRET = 500 * 1024
"""Bytes: BuildKit takes no larger one (session/secrets/secretsprovider/file.go)."""


@dataclass(frozen=True)
class BuildSecrets:
    """What a build may ask for and never keeps. ``secrets``: by name. ``agent``: the socket of an ssh agent; "" for
    none."""

    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    agent: str = ""

    def __bool__(self) -> bool:
        return bool(self.secrets or self.agent)


@dataclass(frozen=True)
class BuildRequest:
    tag: str
    platform: str
    labels: Mapping[str, str]
    buildkit: bool = True
    no_cache: bool = False
    dockerfile: str = "Dockerfile"
    """Its path inside the context."""
    network_mode: str = ""
    target: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    """Build arguments, before those for the user's proxies."""
    build_secrets: BuildSecrets = BuildSecrets()
    """For BuildKit alone."""


@dataclass(frozen=True)
class StepEvent:
    """A build step began, ended, was found cached, or failed. Later events of an ``id`` replace the earlier ones."""

    id: str
    name: str
    """As the engine names it: ``[stage 2/5] RUN apt-get …``"""
    started: float | None = None
    """Seconds since the epoch, by the engine's clock; None: not yet."""
    completed: float | None = None
    cached: bool = False
    error: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class LogEvent:
    """Output of a running step, as it came: a part of a line, or several."""

    id: str
    text: str
    time: float | None = None
    stderr: bool = False
    """Whether the engine says that it is of stderr; not every builder tells the two streams apart."""


@dataclass(frozen=True)
class TransferEvent:
    """Bytes of something that moves: a layer pulled, a context sent, an image exported. ``total`` 0: not known."""

    id: str
    name: str
    current: int
    total: int
    completed: bool = False
    step: str = ""
    """The id of the step that it belongs to."""


@dataclass(frozen=True)
class WarningEvent:
    text: str


@dataclass(frozen=True)
class ImageEvent:
    """The build's only proof of success."""

    image_id: str


BuildEvent = StepEvent | LogEvent | TransferEvent | WarningEvent | ImageEvent


class Engine(SessionEngine, Protocol):
    def info(self) -> EngineInfo: ...

    # images
    def find_image(self, reference: str, platform: str = "") -> ImageInfo | None:
        """By tag, digest or ID; None where there is none, or none for ``platform`` where that is asked for."""

    def images(self, labels: Mapping[str, str | None] | None = None, named: str = "") -> list[ImageInfo]:
        """Those with these labels; a label's value None asks only for the name. ``named``: such as ``ubuntu:*``."""

    def pull(self, reference: str, platform: str) -> Iterator[BuildEvent]:
        """Pulls with the user's registry credentials, and yields progress while it does."""

    def registry_image(self, reference: str) -> RegistryImage:
        """What the registry has under that name now, asked for with the user's credentials.

        Raises ImageNotFound, RegistryDenied, RegistryUnreachable.
        """

    def push(self, reference: str, login: Mapping[str, str] | None = None) -> Iterator[BuildEvent]:
        """Pushes with the user's registry credentials, or with ``login``, and yields progress while it does."""

    def push_index(self, reference: str, images: Mapping[str, str]) -> str:
        """Gives the tag ``reference`` to images of several platforms, by their digests in its repository; its digest.

        It goes from this machine to the registry. Raises ImageNotFound, RegistryDenied, RegistryUnreachable.
        """

    def save_images(self, references: Sequence[str]) -> Iterator[bytes]:
        """A tar of these images, as `docker save` writes it, in pieces of at most 1 MiB."""

    def load_images(self, tar: Iterable[bytes]) -> tuple[str, ...]:
        """Loads such a tar, sent in pieces; the names or IDs that the engine tells. What ``tar`` raises comes out."""

    def build(self, request: BuildRequest, context: Iterable[bytes]) -> Iterator[BuildEvent]:
        """Builds from a tar stream, and yields what happens; the last event is an ImageEvent.

        Closing the iterator, or an exception in the consumer's loop that closes it, cancels the build on the engine.
        Raises BuildFailed, EngineLost.
        """

    def history(self, reference: str) -> list[tuple[str, int]]:
        """What made each part of an image, and its unpacked bytes; oldest first. Raises ImageNotFound."""

    def tag(self, image: str, reference: str) -> None: ...

    def remove_image(self, reference: str, force: bool = False) -> int:
        """Removes a tag and, where it was the last, the image. Returns how many layers went."""

    def prune_build_cache(self) -> int:
        """Removes build cache that nothing refers to; bytes freed."""

    # containers
    def containers(self, labels: Mapping[str, str | None], all_states: bool = True) -> list[ContainerInfo]: ...

    def create_container(self, name: str, request: Json, platform: str = "") -> str:
        """``request`` is the Engine API's create body. Returns the ID. Raises NameTaken, ImageNotFound."""

    def start(self, container: str) -> None: ...

    def stop(self, container: str, timeout: float | None = None) -> None: ...

    def restart(self, container: str, timeout: float | None = None) -> None: ...

    def kill(self, container: str, signal: str) -> None: ...

    def remove_container(self, container: str, force: bool = False) -> None: ...

    def set_restart_policy(self, container: str, policy: str) -> None: ...

    def wait(self, container: str) -> int:
        """Blocks until it has stopped; its exit code."""

    def open_attach(self, container: str, tty: bool, stdin: bool, detach_keys: str = "") -> ProcessSession:
        """Attaches to a container's main process; call before ``start`` to miss nothing."""

    def logs(
        self,
        container: str,
        follow: bool = False,
        tail: int | None = None,
        timestamps: bool = False,
        since: float | None = None,
    ) -> Iterator[tuple[str, bytes]]:
        """("stdout" or "stderr", bytes) as they come."""

    def processes(self, container: str) -> list[Mapping[str, str]]:
        """What runs inside: PID, PPID and CMD of each, by an engine's own count of processes. Raises OperationFailed,
        also where the engine cannot tell."""

    def changes(self, container: str) -> list[tuple[str, str]]:
        """("A", "C" or "D", path) for each path that differs from the image."""

    def put_archive(self, container: str, path: str, tar: bytes) -> None:
        """Unpacks a tar at ``path`` inside; volumes are mounted while it does, started or not."""

    def path_time(self, container: str, path: str) -> str:
        """When a file or folder inside was last changed, as in RFC 3339; "" where the engine does not tell."""

    def get_archive(self, container: str, path: str) -> bytes | None:
        """A tar of a small file or folder inside; None where it does not exist."""

    def running_commands(self, container: str) -> list[tuple[str, ...]]:
        """The command lines that run inside by `exec`, whoever started them."""

    def oom_events(self, container: str, since: float, until: float) -> int:
        """How often the kernel killed something inside for want of memory, between two times (epoch seconds)."""

    # volumes
    def create_volume(self, name: str, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        """Makes a volume of the driver ``local``; one of that name that is there stays as it is."""

    def volumes(self, labels: Mapping[str, str | None]) -> list[VolumeInfo]: ...

    def remove_volume(self, name: str) -> None: ...

    # networks
    def networks(self, labels: Mapping[str, str | None]) -> list[NetworkInfo]: ...

    def find_network(self, name: str) -> NetworkInfo | None: ...

    def create_network(self, request: Json) -> None:
        """``request`` is the Engine API's create body. Raises NameTaken, HostLacks, OperationFailed."""

    def connect_network(self, network: str, container: str, endpoint: Json) -> None:
        """Connects a container that need not run yet. ``endpoint`` is an EndpointSettings of the Engine API."""

    def remove_network(self, name: str) -> bool:
        """False where something is connected to it; nothing happens where it is gone already."""
