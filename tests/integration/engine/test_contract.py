"""What both engines promise about entering a container: one suite over the quick one and docker-py's."""

from __future__ import annotations

import io
import os
import secrets
import struct
import tarfile
import threading
import time
from collections.abc import Iterator

import docker
import pytest

from robenv.engine.terminal.process_session import Captured, capture
from robenv.engine.terminal.types import ExecRequest, ProcessSession, SessionEngine
from robenv.errors import ContainerNotFound, EngineUnreachable, OperationFailed
from tests.support.engines.sessions import collect
from tests.support.projects.exec_driver import open_engine

pytestmark = pytest.mark.engine

DEFAULT = "unix:///var/run/docker.sock"


@pytest.fixture(scope="module", params=["direct", "docker-py"])
def entering(request: pytest.FixtureRequest) -> Iterator[SessionEngine]:
    engine = open_engine(request.param, os.environ.get("DOCKER_HOST") or DEFAULT)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def container(docker_api: docker.APIClient, base_image: str) -> Iterator[str]:
    """A container that runs, with labels, a user of its own, and an init."""
    name = f"robenvtest-contract-{secrets.token_hex(4)}"
    docker_api.create_container(
        base_image,
        ["sleep", "infinity"],
        name=name,
        labels={"robenv.test": "contract"},
        environment={"FROM_IMAGE": "yes"},
        host_config=docker_api.create_host_config(init=True),
    )
    docker_api.start(name)
    yield name
    docker_api.remove_container(name, force=True)


def run(entering: SessionEngine, container: str, *argv: str, user: str = "0:0") -> Captured:
    return capture(entering.open_exec(ExecRequest(container, argv, user)))


def read(session: ProcessSession) -> bytes:
    data = b""
    while piece := session.recv(65536):
        data += piece
    return data


def test_a_container_is_found_by_name_and_id(entering: SessionEngine, container: str) -> None:
    found = entering.find_container(container)
    assert found is not None
    assert found.name == container
    assert found.running
    assert found.status == "running"
    assert found.labels["robenv.test"] == "contract"
    assert found.image_id.startswith("sha256:")
    assert found.created.endswith("Z")
    assert found.started_at >= found.created
    assert not found.oom_killed
    assert entering.find_container(found.id) == found
    assert entering.find_container(found.id[:12]) == found


@pytest.mark.parametrize("name", ["robenvtest-no-such", "", "no/such", "..", "a b", "é", "x?all=1", "%2e%2e/info"])
def test_there_is_no_such_container(entering: SessionEngine, name: str) -> None:
    assert entering.find_container(name) is None


def test_both_streams_and_the_exit_code(entering: SessionEngine, container: str) -> None:
    assert run(entering, container, "sh", "-c", "echo out; echo err >&2; exit 42") == (42, b"out\n", b"err\n")


def test_who_where_and_with_what(entering: SessionEngine, container: str) -> None:
    request = ExecRequest(
        container, ("sh", "-c", "id -u; id -g; pwd; echo $A-$FROM_IMAGE"), "1234:2345", "/usr", ("A=b c",)
    )
    assert capture(entering.open_exec(request)) == (0, b"1234\n2345\n/usr\nb c-yes\n", b"")


def test_arguments_reach_the_command_as_they_are(entering: SessionEngine, container: str) -> None:
    arguments = ("a b", "", "$(id)", "`id`", "'\"", "\n", "ü", "*")
    assert run(entering, container, "printf", "[%s]", *arguments).stdout.decode() == "".join(
        f"[{a}]" for a in arguments
    )


def test_binary_output_comes_unchanged(entering: SessionEngine, container: str) -> None:
    script = "for i in 1 2 3 4; do printf '\\000\\001\\002\\377\\r\\n'; done"
    assert run(entering, container, "sh", "-c", script).stdout == b"\0\1\2\xff\r\n" * 4


def test_much_output_comes_whole(entering: SessionEngine, container: str) -> None:
    result = run(entering, container, "sh", "-c", "head -c 20000000 /dev/zero; head -c 1000000 /dev/zero >&2")
    assert (len(result.stdout), len(result.stderr), result.exit_code) == (20_000_000, 1_000_000, 0)


def test_the_end_of_stdin_is_seen_inside(entering: SessionEngine, container: str) -> None:
    session = entering.open_exec(ExecRequest(container, ("sh", "-c", "cat; echo end"), "0"))
    assert session.send(b"in\0put") == 6
    session.close_stdin()
    from robenv.engine.terminal.process_session import FrameDecoder

    assert collect(FrameDecoder().feed(read(session)))[1] == b"in\0putend\n"
    assert session.exit_code() == 0
    session.close()


def test_without_stdin_there_is_nothing_to_read(entering: SessionEngine, container: str) -> None:
    session = entering.open_exec(ExecRequest(container, ("cat",), "0", stdin=False))
    assert read(session) == b""
    assert session.exit_code() == 0
    session.close()


def test_a_tty_of_the_right_size_that_changes(entering: SessionEngine, container: str) -> None:
    script = "read x; stty size; tty | grep -q /dev/pts && echo $TERM; read y; stty size"
    request = ExecRequest(container, ("sh", "-c", script), "0", environment=("TERM=xterm-256color",), tty=True)
    session = entering.open_exec(request, (33, 111))
    session.send(b"\n")
    seen = b""
    while b"xterm-256color" not in seen:
        piece = session.recv(65536)
        assert piece
        seen += piece
    session.resize(44, 122)
    session.send(b"\n")
    seen += read(session)
    assert b"33 111\r\n" in seen
    assert b"44 122\r\n" in seen
    assert session.exit_code() == 0
    session.close()


def test_detach_keys_leave_the_process_be(entering: SessionEngine, container: str) -> None:
    request = ExecRequest(
        container, ("sh", "-c", "trap '' HUP; echo on; sleep 30.5"), "0", tty=True, detach_keys="ctrl-x,y"
    )
    session = entering.open_exec(request, (24, 80))
    assert b"on" in session.recv(100)
    for key in (b"\x18", b"y"):
        session.send(key)
        time.sleep(0.1)  # an engine takes keys for detaching only as they are typed: one at a time
    assert read(session) == b""
    assert session.detached
    assert session.exit_code() is None
    assert running(entering, container, "sleep 30.5")
    assert session.send_signal("KILL") == 2
    session.close()


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_reaches_the_command_and_what_it_started(entering: SessionEngine, container: str, number: int) -> None:
    name = {2: "INT", 15: "TERM"}[number]
    script = "timeout 60 sleep 31.5 & sleep 32.5; wait"  # timeout minds SIGINT, which a background job ignores
    session = entering.open_exec(ExecRequest(container, ("bash", "-c", f"trap 'exit 7' {name}; {script}"), "4321:4321"))
    wait_for(lambda: running(entering, container, "sleep 32.5"))
    assert session.send_signal(name) >= 2
    read(session)
    assert session.exit_code() == 7
    session.close()
    assert not running(entering, container, "sleep 31.5")
    assert not running(entering, container, "sleep 32.5")


def test_a_signal_reaches_nobody_else(entering: SessionEngine, container: str) -> None:
    sessions = [entering.open_exec(ExecRequest(container, ("sleep", "33.5"), "4321:4321")) for _ in range(2)]
    wait_for(lambda: sessions[0].send_signal("TERM") > 0)
    read(sessions[0])
    assert sessions[0].exit_code() == 143
    assert sessions[1].exit_code() is None
    assert sessions[1].send_signal("KILL") == 1
    read(sessions[1])
    assert sessions[1].exit_code() == 137
    for session in sessions:
        session.close()


def test_a_signal_reaches_a_program_that_hides_its_environment(
    entering: SessionEngine, container: str, docker_api: docker.APIClient
) -> None:
    put_hidden_sleep(docker_api, container)
    seen = run(entering, container, "sh", "-c", "hidden-sleep 0.5 & sleep 0.2; cat /proc/$!/environ", user="4321:4321")
    assert b"Permission denied" in seen.stderr  # it does hide it
    for argv in (("hidden-sleep", "34.5"), ("sh", "-c", 'exec "$@"', "-", "hidden-sleep", "34.5")):
        session = entering.open_exec(ExecRequest(container, argv, "4321:4321"))
        wait_for(lambda: running(entering, container, "hidden-sleep 34.5"))
        wait_for(lambda session=session: session.send_signal("TERM") == 1)
        read(session)
        assert session.exit_code() == 143
        session.close()


def test_a_signal_is_sent_soon_to_what_starts_others_all_the_time(entering: SessionEngine, container: str) -> None:
    script = "trap '' TERM; echo on; while :; do sleep 0.001; done"
    session = entering.open_exec(ExecRequest(container, ("bash", "-c", script), "4321:4321"))
    assert session.recv(100)
    began = time.monotonic()
    assert session.send_signal("TERM") >= 1
    assert session.send_signal("KILL") >= 1
    assert time.monotonic() - began < 8
    read(session)
    assert session.exit_code() == 137
    session.close()


def test_a_signal_to_what_has_ended_reaches_nothing(entering: SessionEngine, container: str) -> None:
    session = entering.open_exec(ExecRequest(container, ("true",), "0"))
    read(session)
    assert session.exit_code() == 0
    assert session.send_signal("TERM") == 0
    session.close()


def test_a_command_that_is_not_there(entering: SessionEngine, container: str) -> None:
    result = run(entering, container, "no-such-command")
    assert result.exit_code in (126, 127)
    assert b"no-such-command" in result.stdout + result.stderr


def test_a_container_that_is_not_there_or_does_not_run(
    entering: SessionEngine, docker_api: docker.APIClient, base_image: str
) -> None:
    with pytest.raises(ContainerNotFound):
        run(entering, "robenvtest-no-such", "true")
    made = docker_api.create_container(base_image, ["true"], name=f"robenvtest-made-{secrets.token_hex(4)}")["Id"]
    try:
        found = entering.find_container(made)
        assert found is not None
        assert found.status == "created"
        assert not found.running
        with pytest.raises(ContainerNotFound, match="not running"):
            run(entering, made, "true")
    finally:
        docker_api.remove_container(made)


def test_a_paused_container_is_an_error_and_not_a_wait(
    entering: SessionEngine, container: str, docker_api: docker.APIClient
) -> None:
    docker_api.pause(container)
    try:
        with pytest.raises(OperationFailed, match="paused"):
            run(entering, container, "true")
    finally:
        docker_api.unpause(container)


def test_detach_keys_that_are_none(entering: SessionEngine, container: str) -> None:
    with pytest.raises(OperationFailed):
        entering.open_exec(ExecRequest(container, ("true",), "0", tty=True, detach_keys="ctrl-1"))


def test_a_container_removed_meanwhile(entering: SessionEngine, docker_api: docker.APIClient, base_image: str) -> None:
    made = docker_api.create_container(base_image, ["sleep", "60"], name=f"robenvtest-gone-{secrets.token_hex(4)}")[
        "Id"
    ]
    docker_api.start(made)
    session = entering.open_exec(ExecRequest(made, ("sleep", "50"), "0"))
    wait_for(lambda: running(entering, made, "sleep 50"))
    threading.Thread(target=docker_api.remove_container, args=(made,), kwargs={"force": True}).start()
    read(session)
    wait_for(lambda: entering.find_container(made) is None)
    with pytest.raises(ContainerNotFound, match="while sleep ran"):
        session.exit_code()
    session.close()


def test_what_is_killed_for_want_of_memory_is_counted(
    entering: SessionEngine, docker_api: docker.APIClient, base_image: str
) -> None:
    small = docker_api.create_host_config(mem_limit=12 << 20, memswap_limit=12 << 20)
    made = docker_api.create_container(
        base_image, ["sleep", "60"], name=f"robenvtest-small-{secrets.token_hex(4)}", host_config=small
    )["Id"]
    try:
        docker_api.start(made)
        began = time.time()
        hog = "head -c 200000000 /dev/zero | tail; exit $?"
        assert run(entering, made, "sh", "-c", hog).exit_code == 137
        wait_for(lambda: entering.oom_events(made, began - 1, time.time()) >= 1)
        assert entering.oom_events(made, began - 60, began - 30) == 0
    finally:
        docker_api.remove_container(made, force=True)


def test_no_engine_there() -> None:
    for kind in ("direct", "docker-py"):
        with pytest.raises(EngineUnreachable, match="No engine answers"):
            open_engine(kind, "unix:///var/tmp/robenvtest-no-engine.sock").find_container("x")


def put_hidden_sleep(api: docker.APIClient, container: str) -> None:
    """Puts sleep there once more with a file capability, which keeps other processes of its user from its memory."""
    stream, _ = api.get_archive(container, "/bin/sleep")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        member = tar.getmember("sleep")
        file = tar.extractfile(member)
        assert file is not None
        program = file.read()
    member.name = "hidden-sleep"
    cap_net_raw = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
    member.pax_headers = {"SCHILY.xattr.security.capability": cap_net_raw.decode("ascii")}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(member, io.BytesIO(program))
    assert api.put_archive(container, "/usr/local/bin", buffer.getvalue())


def running(entering: SessionEngine, container: str, command: str) -> bool:
    script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
    return command.encode() in run(entering, container, "sh", "-c", script).stdout


def wait_for(condition: object, seconds: float = 15) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
