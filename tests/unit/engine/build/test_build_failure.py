"""What a failed build, and a failed pull, come out as."""

from __future__ import annotations

import pytest

from robenv.engine.api.build import build_error, build_parameters
from robenv.engine.api.inspect import image_info, same_platform
from robenv.engine.api.pull import pull_failure, registry_of
from robenv.engine.build.progress import BuildState, apply_event
from robenv.engine.protocol import BuildRequest, LogEvent, StepEvent
from robenv.engine.transport.records import error_of
from robenv.errors import (
    BuildFailed,
    DiskFull,
    HostRequirementMissing,
    ImageNotFound,
    OperationFailed,
    RegistryDenied,
    RegistryUnreachable,
    RobenvError,
    UsageError,
)
from tests.support.engines import recorded_streams

REQUEST = BuildRequest("robenv/picker:0123", "linux/arm64", {"b": "2", "a": "1"})


def _failing(sentence: str, output: str = "", errors: str = "") -> RobenvError:
    """``errors`` come before ``output``, as may be where both are written at once."""
    state = apply_event(BuildState(), StepEvent("1", "[2/2] RUN make", started=1, completed=2, error=sentence))
    for event in (LogEvent("1", errors, stderr=True), LogEvent("1", output)):
        state = apply_event(state, event)
    return build_error(REQUEST, state, sentence)


@pytest.mark.parametrize("name", ["failing", "classic_failing", "classic_podman_failing"])
def test_a_real_failure_names_its_step_and_its_exit_code(name: str) -> None:
    sentence = next(filter(None, map(error_of, recorded_streams.records(name))))
    error = build_error(REQUEST, recorded_streams.state(name), sentence)
    assert type(error) is BuildFailed
    assert "robenv/picker:0123 failed at" in error.message
    assert "exit 3" in error.message
    assert error.details == "no such thing (exit code 3)"


_LONG = "apt-get update; " + "echo x; " * 200


@pytest.mark.parametrize(
    ("sentence", "errors", "output", "details"),
    [
        ("exit code: 2", "", "", "The command ended with exit code 2."),
        ("exit code: 2", "", "one\ntwo\n", "two (exit code 2)"),
        ("exit code: 127", "/bin/sh: 1: make: not found\n", "x\n" * 300, "/bin/sh: 1: make: not found (exit code 127)"),
        ("exit code: 1", "nothing of the kind\n", "ok\n", "nothing of the kind (exit code 1)"),
        (
            "exit code: 100",
            "",
            "E: Unable to locate package libopencv\n" + "x\n" * 90,
            "E: Unable to locate package libopencv (exit code 100)",
        ),
        (
            "exit code: 2",
            "a.c:1:2: error: no x\nmake: *** [Makefile:3: a] Error 1\n",
            "0 errors\n",
            "a.c:1:2: error: no x (exit code 2)",
        ),
        (
            "exit code: 100",
            "E: Failed to fetch http://a/InRelease  Temporary failure resolving 'a'\n"
            "E: Some index files failed to download.\n",
            "",
            "E: Failed to fetch http://a/InRelease  Temporary failure resolving 'a' (exit code 100)",
        ),
        (
            "exit code: 100",
            "dpkg: error processing package x (--configure):\nErrors were encountered while processing:\n x\n"
            "E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
            "",
            "dpkg: error processing package x (--configure): (exit code 100)",
        ),
        ("network bridge not found", "", "", "network bridge not found"),
        (
            "Error processing tar file(exit status 1): lchown /dev/console: no such file or directory",
            "",
            "",
            "Error processing tar file(exit status 1): lchown /dev/console: no such file or directory",
        ),
    ],
)
def test_the_cause_is_told_and_not_the_command_again(sentence: str, errors: str, output: str, details: str) -> None:
    old = f"executor failed running [/bin/sh -ec {_LONG}]: {sentence}"
    new = f'process "/bin/sh -ec {_LONG}" did not complete successfully: {sentence}'
    assert [_failing(one, output, errors).details for one in (sentence, old, new)] == [details] * 3


_NO_BRIDGE = (
    "failed to create endpoint x on network bridge: failed to get bridge: could not find bridge docker0: route ip+net: "
    "no such network interface"
)


@pytest.mark.parametrize(
    ("sentence", "output", "network", "hint"),
    [
        ("network bridge not found", "", "", "The engine has no bridge network"),
        (_NO_BRIDGE, "", "", "`build: {network: host}`"),
        ("exit code: 100", "Temporary failure resolving 'deb.debian.org'\n", "", "If the engine's machine does"),
        ("exit code: 6", "curl: (6) Could not resolve host: example.org\n", "none", "leaves steps without a network"),
        ("exit code: 6", "curl: (6) Could not resolve host: example.org\n", "host", ""),
        ("exit code: 1", "cannot resolve the conflict\n", "", ""),
    ],
)
def test_a_step_without_a_network_is_told_of_the_others(sentence: str, output: str, network: str, hint: str) -> None:
    state = apply_event(BuildState(), StepEvent("1", "[2/2] RUN x", started=1, completed=2, error=sentence))
    request = BuildRequest("robenv/picker:0123", "linux/amd64", {}, network_mode=network)
    found = build_error(request, apply_event(state, LogEvent("1", output)), sentence).hint
    assert hint in found
    assert bool(hint) == bool(found)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            "by 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            "self-signed certificate in certificate chain (_ssl.c:992)'))': /simple/six/",
            "certificate verify failed: self-signed certificate in certificate chain",
        ),
        (
            "curl: (60) SSL certificate problem: unable to get local issuer certificate",
            "SSL certificate problem: unable to get local issuer certificate",
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_is_the_cause(said: str, cause: str) -> None:
    error = _failing("exit code: 1", f"{said}\nERROR: No matching distribution found for six\n")
    assert error.details == f"{cause} (exit code 1)"
    assert "`mirrors: {ca: FILE}`" in error.hint


def test_podmans_and_the_classic_builders_sentences() -> None:
    assert _failing('building at STEP "RUN make": exit status 2').details == "The command ended with exit code 2."
    assert _failing('building at STEP "RUN make": while running runtime: exit status 137').hint.startswith("137 means")
    assert _failing("The command 'make' returned a non-zero code: 2").details == "The command ended with exit code 2."


def test_a_disk_that_is_full_is_no_fault_of_the_step() -> None:
    assert type(_failing("failed to copy files: write /x: no space left on device")) is DiskFull
    assert type(_failing("exit code: 1", "cp: error writing '/x': No space left on device\n")) is DiskFull


def test_another_architecture_without_emulation() -> None:
    error = _failing("exit code: 1", "exec /bin/sh: exec format error\n")
    assert type(error) is HostRequirementMissing
    assert "linux/arm64" in error.message
    assert "robenv binfmt register" in error.hint


def test_out_of_memory_has_a_hint() -> None:
    assert "memory" in _failing("exit code: 137").hint
    assert "memory" in _failing("exit code: 2", "make: *** [Makefile:3: a] Killed\n").hint
    assert "memory" in _failing("exit code: 1", "", "c++: fatal error: Killed signal terminated program cc1plus\n").hint
    assert _failing("exit code: 2", "Killed three birds\n").hint == ""
    assert _failing("exit code: 1377").hint == ""


@pytest.mark.parametrize(
    "said",
    [
        "/bin/sh: 1: nvidia-smi: not found",
        "bash: line 1: nvidia-smi: command not found",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory",
        "/usr/bin/ld: warning: libcuda.so.1, needed by ./libx.so, not found (try using -rpath or -rpath-link)",
        "/usr/bin/ld: cannot find -lcuda: No such file or directory",
        "RuntimeError: Found no NVIDIA driver on your system.",
        "RuntimeError: No CUDA GPUs are available",
        "cudaGetDeviceCount failed: no CUDA-capable device is detected",
    ],
)
def test_a_step_that_wants_a_gpu_is_told_that_a_build_has_none(said: str) -> None:
    error = _failing("exit code: 127", said + "\n")
    assert type(error) is BuildFailed
    assert "A build has no GPU" in error.hint


def test_not_every_failure_is_for_want_of_a_gpu() -> None:
    for said in ("cannot find -lcudart", "nvcc: not found", "looking for nvidia-smi: found", "curand: not found"):
        assert "GPU" not in _failing("exit code: 1", said).hint


def test_a_long_step_is_shortened() -> None:
    state = apply_event(
        BuildState(), StepEvent("1", "[2/2] RUN " + "x" * 5000, started=1, completed=2, error="exit code: 1")
    )
    assert len(build_error(REQUEST, state, "exit code: 1").message) < 250


def test_a_failure_before_any_step() -> None:
    error = build_error(REQUEST, BuildState(), "dockerfile parse error line 2: unknown instruction: FOO")
    assert error.message == "The build of robenv/picker:0123 failed"
    assert "unknown instruction" in error.details


def test_the_query_of_both_builders() -> None:
    query = build_parameters(REQUEST, "id1", {"http_proxy": "http://p"})
    assert query == {
        "t": "robenv/picker:0123",
        "platform": "linux/arm64",
        "dockerfile": "Dockerfile",
        "labels": '{"a": "1", "b": "2"}',
        "buildargs": '{"http_proxy": "http://p"}',
        "rm": "1",
        "forcerm": "1",
        "version": "2",
        "buildid": "id1",
    }
    classic = BuildRequest("t", "linux/amd64", {}, False, True, "D", "host", "last")
    assert build_parameters(classic, "id1", {}) == {
        "t": "t",
        "platform": "linux/amd64",
        "dockerfile": "D",
        "labels": "{}",
        "networkmode": "host",
        "target": "last",
        "nocache": "1",
        "rm": "1",
        "forcerm": "1",
    }


# Sentences of real engines: 20.10, 28.5, 29.7 and Docker Hub's and Debian's registries.
@pytest.mark.parametrize(
    ("sentence", "kind", "hint"),
    [
        ("manifest for r.example/x:1 not found: manifest unknown: manifest unknown", ImageNotFound, "tag"),
        ('failed to resolve reference "r.example/x:1": r.example/x:1: not found', ImageNotFound, "tag"),
        (
            "pull access denied for x, repository does not exist or may require 'docker login': denied: requested "
            "access to the resource is denied",
            ImageNotFound,
            "docker login",
        ),
        (
            'Head "https://r.example/v2/x/manifests/1": no basic auth credentials',
            RegistryDenied,
            "docker login r.example",
        ),
        (
            'failed to resolve reference "r.example/x:1": pull access denied, repository does not exist or may require '
            "authorization: authorization failed: no basic auth credentials",
            RegistryDenied,
            "docker login r.example",
        ),
        ("unauthorized: authentication required", RegistryDenied, "docker login r.example"),
        (
            "Head https://r.example/v2/x/manifests/1: unauthorized: incorrect username or password",
            RegistryDenied,
            "login",
        ),
        ("toomanyrequests: You have reached your pull rate limit.", RegistryDenied, "docker login"),
        ('Get "https://r.example/v2/": dial tcp: lookup r.example: no such host', RegistryUnreachable, "network"),
        (
            'Get "https://r.example/v2/": dial tcp 10.0.0.1:443: connect: connection refused',
            RegistryUnreachable,
            "network",
        ),
        (
            'Get "https://r.example/v2/": x509: certificate signed by unknown authority',
            RegistryUnreachable,
            "certs.d/r.example",
        ),
        (
            'Get "https://r.example/v2/": http: server gave HTTP response to HTTPS client',
            RegistryUnreachable,
            "insecure-registries",
        ),
        (
            'Get "https://r.example/v2/": net/http: request canceled (Client.Timeout exceeded)',
            RegistryUnreachable,
            "network",
        ),
        ("write /var/lib/docker/tmp/GetImageBlob: no space left on device", DiskFull, "robenv clean"),
        ("something that nobody has seen", OperationFailed, ""),
    ],
)
def test_why_a_pull_failed(sentence: str, kind: type[RobenvError], hint: str) -> None:
    error = pull_failure(sentence, "r.example/x:1", with_credentials=False)
    assert type(error) is kind
    assert hint in error.hint
    assert sentence in f"{error.message} {error.details}"


def test_refused_credentials_are_told_from_none() -> None:
    assert "wants a login" in pull_failure("unauthorized", "r.example/x", with_credentials=False).message
    assert "refused the credentials" in pull_failure("unauthorized", "r.example/x", with_credentials=True).message


@pytest.mark.parametrize(
    ("reference", "registry"),
    [
        ("debian", "docker.io"),
        ("ros:noetic", "docker.io"),
        ("docker.io/library/debian", "docker.io"),
        ("nvcr.io/nvidia/l4t-base:r36", "nvcr.io"),
        ("127.0.0.1:5000/x:1", "127.0.0.1:5000"),
        ("localhost/x", "localhost"),
        ("r.example/x@sha256:" + "0" * 64, "r.example"),
    ],
)
def test_the_registry_of_a_reference(reference: str, registry: str) -> None:
    assert registry_of(reference) == registry


def test_a_reference_that_is_none() -> None:
    with pytest.raises(UsageError):
        registry_of("https://r.example/x")


def test_platforms_in_two_spellings() -> None:
    assert same_platform("linux/arm64", "linux/arm64/v8")
    assert not same_platform("linux/arm64", "linux/arm/v7")
    assert same_platform("plan9/mips", "plan9/mips")


def test_an_image_without_a_config_is_read_all_the_same() -> None:
    info = image_info({"Id": "sha256:1", "Os": "linux", "Architecture": "arm64", "Variant": "v8", "RepoTags": None})
    assert (info.platform, info.tags, info.labels, info.layers) == ("linux/arm64", (), {}, ())
