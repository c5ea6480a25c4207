"""What engines said when they could not start a container, recorded from Docker Engine 20.10, 26.1 and 28.5."""

from __future__ import annotations

import pytest

from robenv.engine.api.start_errors import explain_start_error
from robenv.engine.transport.errors import from_sentence
from robenv.errors import HostRequirementMissing, OperationFailed, PortInUse, RobenvError

OLD = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
NEW = f"failed to create task for container: {OLD}error during container init: "
ENDPOINT = "driver failed programming external connectivity on endpoint robenvtest-p2 (b24cd4d93a52): "
NETWORK = f"failed to set up container networking: {ENDPOINT}"


def explained(sentence: str) -> RobenvError:
    refused = from_sentence(sentence, "start the container picker")
    assert isinstance(refused, OperationFailed)
    return explain_start_error(refused, "picker")


@pytest.mark.parametrize(
    ("sentence", "kind", "said"),
    [
        (
            f'{OLD}exec: "ros": executable file not found in $PATH: unknown',
            OperationFailed,
            "there is no ros in the image",
        ),
        (f'{NEW}exec: "ros": executable file not found in $PATH', OperationFailed, "there is no ros in the image"),
        (
            f'{OLD}exec: "/e": stat /e: no such file or directory: unknown',
            OperationFailed,
            "there is no /e in the image",
        ),
        (f'{NEW}exec: "/e": stat /e: no such file or directory', OperationFailed, "there is no /e in the image"),
        (
            f'{OLD}exec: "/etc": permission denied: unknown',
            OperationFailed,
            "/etc in the image is not an executable file",
        ),
        *(
            (f'{NEW}exec: "/etc": {why}', OperationFailed, "/etc in the image is not an executable file")
            for why in ("is a directory: permission denied", "is a directory: unknown: permission denied")
        ),
        (f"{OLD}exec /bin/true: exec format error: unknown", OperationFailed, "another kind of processor"),
        (
            'invalid mount config for type "bind": bind source path does not exist: /no/such',
            OperationFailed,
            "/no/such is to be mounted and is not there",
        ),
        (
            f'{OLD}error during container init: error mounting "/a" to rootfs at "/etc": mount /a:/etc (via '
            "/proc/self/fd/6), flags: 0x5000: not a directory: unknown: Are you trying to mount a directory onto a "
            "file (or vice-versa)? Check if the specified host path exists and is the expected type",
            OperationFailed,
            "/a cannot be mounted at /etc: one is a file and the other is a directory",
        ),
        (
            f'{NEW}error mounting "/a" to rootfs at "/etc": mount src=/a, dst=/etc, dstFd=/proc/thread-self/fd/14, '
            "flags=MS_BIND|MS_REC: not a directory: Are you trying to mount a directory onto a file (or vice-versa)?",
            OperationFailed,
            "/a cannot be mounted at /etc: one is a file and the other is a directory",
        ),
        (
            f"{OLD}error during container init: error creating device nodes: mount /dev/arm:/x/dev/arm (via "
            "/proc/self/fd/6), flags: 0x1000: no such file or directory: unknown",
            HostRequirementMissing,
            "a rootless engine gives a device under its own name only, and there is no /dev/arm on its machine",
        ),
        (
            'error gathering device information while adding custom device "/dev/x": no such file or directory',
            HostRequirementMissing,
            "the device /dev/x is not there",
        ),
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            HostRequirementMissing,
            "cannot give it a GPU",
        ),
        (
            "failed to discover GPU vendor from CDI: no known GPU vendor found",
            HostRequirementMissing,
            "cannot give it a GPU",
        ),
        ("unknown or invalid runtime name: nvidia", HostRequirementMissing, "cannot give it a GPU"),
        ("Unknown runtime specified crun", HostRequirementMissing, "the engine has no runtime crun"),
        ("unknown or invalid runtime name: crun", HostRequirementMissing, "the engine has no runtime crun"),
        ("unable to find user x: no matching entries in passwd file", OperationFailed, "the image has no user x"),
        ("Unable to find group x: no matching entries in group file", OperationFailed, "the image has no group x"),
        (
            f'{OLD}unable to apply cgroup configuration: failed to write "300000": write /sys/fs/cgroup/cpu/docker/e2/'
            "cpu.rt_runtime_us: invalid argument: unknown",
            HostRequirementMissing,
            "cannot give it 300000 µs of realtime",
        ),
        (
            f"{OLD}error during container init: error setting rlimits for ready process: error setting rlimit type 14: "
            "operation not permitted: unknown",
            HostRequirementMissing,
            "may not raise limits (number 14 of setrlimit(2))",
        ),
        (
            f"{OLD}error during container init: error setting cgroup config for procHooks process: failed to write "
            '"254:1 100": write /sys/fs/cgroup/blkio/docker/fd/blkio.throttle.read_bps_device: no such device: unknown',
            OperationFailed,
            "whole disks only",
        ),
        (
            "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
            HostRequirementMissing,
            "2.00 at most",
        ),
        ("Requested CPUs are not available - requested 0-31, available: 0-1", HostRequirementMissing, "there are 0-1"),
        ("Minimum memory limit allowed is 6MB", OperationFailed, "6MB at least"),
        ("network lan not found", OperationFailed, "there is no network lan"),
        (
            f"{ENDPOINT}Error starting userland proxy: listen tcp4 192.0.2.1:80: bind: cannot assign requested address",
            OperationFailed,
            "publish port 80 at 192.0.2.1, which is no address of the engine's machine",
        ),
        (
            f"{NETWORK}failed to bind host port for 192.0.2.1:80:172.17.0.3:80/tcp: cannot assign requested address",
            OperationFailed,
            "publish port 80 at 192.0.2.1, which is no address of the engine's machine",
        ),
        (
            f"{NETWORK}failed to bind host port 192.0.2.1:80/tcp: cannot assign requested address",
            OperationFailed,
            "publish port 80 at 192.0.2.1, which is no address of the engine's machine",
        ),
    ],
)
def test_a_sentence_that_leads_on(sentence: str, kind: type[RobenvError], said: str) -> None:
    error = explained(sentence)
    assert type(error) is kind
    assert error.message.startswith("The container picker cannot start: ")
    assert said in error.message
    assert error.hint
    assert error.details in sentence


@pytest.mark.parametrize(
    "sentence",
    [
        f"{ENDPOINT}Error starting userland proxy: listen tcp4 0.0.0.0:8088: bind: address already in use",
        f"{ENDPOINT}Error starting userland proxy: listen udp6 [::]:8088: bind: address already in use",
        f"{ENDPOINT}Bind for 0.0.0.0:8088 failed: port is already allocated",
        f"{NETWORK}Bind for 127.0.0.1:8088 failed: port is already allocated",
        f"{NETWORK}failed to bind host port for 0.0.0.0:8088:172.17.0.3:80/tcp: address already in use",
        f"{NETWORK}failed to bind host port 0.0.0.0:8088/tcp: address already in use",
    ],
)
def test_a_port_in_use_is_named(sentence: str) -> None:
    error = explained(sentence)
    assert type(error) is PortInUse
    assert error.message == "Port 8088 is taken on the engine's machine: picker cannot publish it."
    assert error.details == sentence


@pytest.mark.parametrize("sentence", ["Address already in use", f"{NETWORK}Address already in use"])
def test_an_address_in_use_is_not_called_a_port(sentence: str) -> None:
    taken = PortInUse(f"Could not start it: {sentence}")
    named, unnamed = explain_start_error(taken, "picker", ("10.0.0.5",)), explain_start_error(taken, "picker")
    assert type(named) is type(unnamed) is OperationFailed
    assert named.message == "The container picker cannot start: the address 10.0.0.5 is taken in its network."
    assert "an address that it is to have is taken" in unnamed.message
    assert "run.networks" in named.hint


def test_what_is_not_known_is_shown_without_the_noise_around_it() -> None:
    error = explained(f"{OLD}unable to set up the moon: operation not permitted: unknown")
    assert error.message == "The container picker cannot start: unable to set up the moon: operation not permitted"
    assert OLD in error.details


def test_what_is_plain_already_stays() -> None:
    refused = OperationFailed("Could not start the container picker: container is marked for removal")
    assert explain_start_error(refused, "picker") is refused
