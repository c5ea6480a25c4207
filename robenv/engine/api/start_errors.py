"""What an engine says when it cannot create or start a container, in words that lead on.

The sentences are those of Docker Engine 20.10 to 29 and of runc; an unknown one is shown as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from robenv.errors import HostRequirementMissing, OperationFailed, PortInUse, RobenvError
from robenv.util.sanitize import in_command

_NOISE = re.compile(
    r"^(?:failed to create (?:shim )?task(?: for container)?: |OCI runtime (?:create|exec) failed: "
    r"|runc (?:create|run) failed: |(?:exec failed: )?unable to start container process: "
    r"|error during container init: )+"
)
_PORT = re.compile(r"(?:listen (?:tcp|udp)\d? |bind for |host port (?:for )?)(\S*?):(\d+)(?=[\s:/])", re.I)

_ADDRESS = re.compile(r"(?<!bind)(?<!/tcp)(?<!/udp): address already in use$", re.I)
"""As the engine's address management says it: for a port, what is bound stands in front."""

_Kind = type[OperationFailed] | type[HostRequirementMissing]

NO_BRIDGE = re.compile(r"network bridge not found|could not find bridge \S+|bridge \S+ not found", re.I)
"""What an engine says that was started with ``--bridge none``, or whose bridge somebody has removed."""

# (what the engine says, what robenv says with the groups filled in, a way out, the class)
_SAYINGS: tuple[tuple[re.Pattern[str], str, str, _Kind], ...] = (
    (
        re.compile(r'exec: "(?P<what>[^"]*)": (?:executable file not found|stat .*no such file|.*no such file)'),
        "there is no {what} in the image",
        "Check `run.command` and the image's entrypoint, or add the package that has it to `apt.packages`.",
        OperationFailed,
    ),
    (
        re.compile(r'exec: "(?P<what>[^"]*)": (?:is a directory|permission denied)'),
        "{what} in the image is not an executable file",
        "Check `run.command` and the image's entrypoint.",
        OperationFailed,
    ),
    (
        re.compile(r"exec format error"),
        "its main program is for another kind of processor, or a script without a #! line",
        "`robenv doctor` says whether this machine can run images for other processors.",
        OperationFailed,
    ),
    (
        re.compile(
            r"(?:listen \w+ |host port (?:for )?)(?P<address>\S*?):(?P<port>\d+)[:/].*cannot assign requested address"
        ),
        "it is to publish port {port} at {address}, which is no address of the engine's machine",
        "`ip address` there shows them; in `run.ports`, a port without an address is published at all of them.",
        OperationFailed,
    ),
    (
        re.compile(r"bind source path does not exist: (?P<what>.+)"),
        "{what} is to be mounted and is not there",
        "Create it, or correct `run.volumes`. It has to be on the engine's machine.",
        OperationFailed,
    ),
    (
        re.compile(r'error mounting "(?P<what>[^"]*)" to rootfs at "(?P<to>[^"]*)".*not a directory'),
        "{what} cannot be mounted at {to}: one is a file and the other is a directory",
        "Correct `run.volumes`.",
        OperationFailed,
    ),
    (
        re.compile(r"error creating device nodes: mount (?P<what>/dev/[^:\s]+):.*no such file"),
        "a rootless engine gives a device under its own name only, and there is no {what} on its machine",
        "Take the name inside out of `run.devices` or `devices`, or use an engine that runs as root.",
        HostRequirementMissing,
    ),
    (
        re.compile(r'custom device "(?P<what>[^"]*)": no such file'),
        "the device {what} is not there",
        "Plug it in, or take it out of `devices`.",
        HostRequirementMissing,
    ),
    (
        re.compile(
            r"could not select device driver .*gpu|no known GPU vendor|nvidia-container-cli"
            r"|invalid runtime name: nvidia"
        ),
        "the engine cannot give it a GPU",
        "Install the NVIDIA Container Toolkit on the engine's machine and restart the engine, or say `gpu: none`.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"(?:unknown or invalid runtime name: |unknown runtime specified )(?P<what>\S+)", re.I),
        "the engine has no runtime {what}",
        "Take `run.runtime` out, or add the runtime to the engine's configuration: `runtimes` in daemon.json; with "
        "Podman, `[engine.runtimes]` in containers.conf.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"unable to find (?P<what>user|group) (?P<to>[^:]+): no matching entries", re.I),
        "the image has no {what} {to}",
        "Use one that the image has, or a number.",
        OperationFailed,
    ),
    (
        re.compile(r'write "?(?P<what>\d+)"?: write \S*/cpu\.rt_(?P<to>runtime|period)_us'),
        "the engine cannot give it {what} µs of realtime {to}",
        "Ask for less in `run.cpu_rt_runtime`, or give the engine more: `dockerd --cpu-rt-runtime=950000`; with "
        "Podman, cpu.rt_runtime_us of the control group above the container's (machine.slice, or libpod_parent).",
        HostRequirementMissing,
    ),
    (
        re.compile(r"setting rlimits?.* type (?P<what>\d+): operation not permitted"),
        "the engine may not raise limits (number {what} of setrlimit(2)) above its own",
        "Run the engine with CAP_SYS_RESOURCE, which one inside a container or a rootless one lacks; or do without "
        "`realtime` and `run.ulimits`. Podman raises nofile and nproc by itself: name both in `run.ulimits`, or in "
        "`default_ulimits` of its containers.conf.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"blkio\.throttle\S+: no such device"),
        "the kernel limits whole disks only",
        "Name a disk in `run.blkio_config`, as `lsblk -d` lists them.",
        OperationFailed,
    ),
    (
        re.compile(r"range of CPUs is from \S+ to (?P<what>\S+),", re.I),
        "`cpus` is out of range: {what} at most",
        "Correct `run.cpus`.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"requested CPUs are not available - requested (?P<what>\S+), available: (?P<to>\S+)", re.I),
        "`cpuset: {what}` names processors that are not there; there are {to}",
        "Correct `run.cpuset`.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"minimum memory limit allowed is (?P<what>\S+)", re.I),
        "`mem_limit` is too small: {what} at least",
        "Correct `run.mem_limit`.",
        OperationFailed,
    ),
    (
        NO_BRIDGE,
        "the engine has no bridge network for it",
        "`run: {network_mode: host}` takes the network of the engine's machine instead, or `none` takes none.",
        HostRequirementMissing,
    ),
    (
        re.compile(r"network (?P<what>\S+) not found"),
        "there is no network {what}",
        "`docker network create {what}` makes it; or correct `run.network_mode`.",
        OperationFailed,
    ),
)


@contextmanager
def explained_start(name: Callable[[], str], addresses: Callable[[], tuple[str, ...]] = lambda: ()) -> Iterator[None]:
    """Around a call that creates or starts a container: the engine's sentence becomes one that leads on.

    ``addresses``: those that it is to have in its networks, where it says which; asked only where one is taken.
    """
    try:
        yield
    except OperationFailed as error:
        better = explain_start_error(error, name(), addresses() if _is_address(error) else ())
        if better is error:
            raise
        raise better from error


def _is_address(error: OperationFailed) -> bool:
    """Whether an address in a network is taken, which the engine says in words like those for a port."""
    return isinstance(error, PortInUse) and _ADDRESS.search(error.message) is not None


def explain_start_error(error: OperationFailed, container: str, addresses: tuple[str, ...] = ()) -> RobenvError:
    """``error`` itself where there is nothing to add."""
    sentence = error.message.partition(": ")[2]
    cause = _NOISE.sub("", sentence).removesuffix(": unknown")
    if _is_address(error):
        taken = f"the address {' or '.join(addresses)}" if addresses else "an address that it is to have"
        return OperationFailed(
            f"The container {container} cannot start: {taken} is taken in its network.",
            details=cause,
            hint="`docker network inspect NETWORK` shows who has which; choose another under `run.networks`.",
        )
    if isinstance(error, PortInUse):
        port = _PORT.search(sentence)
        what = f"Port {port[2]} is taken" if port else "A port is taken"
        return PortInUse(f"{what} on the engine's machine: {container} cannot publish it.", cause, error.hint)
    if type(error) is not OperationFailed:
        return error
    for pattern, text, hint, kind in _SAYINGS:
        if match := pattern.search(cause):
            names = match.groupdict(default="")
            message = f"The container {container} cannot start: {text.format(**names)}."
            plain = {key: in_command(name, "NAME") for key, name in names.items()}
            return kind(message, details=cause, hint=hint.format(**plain))
    if cause != sentence:
        return OperationFailed(f"The container {container} cannot start: {cause}", details=sentence)
    return error
