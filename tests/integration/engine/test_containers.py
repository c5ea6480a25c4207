"""Containers and volumes on a real engine: what the run half promises, and what it says when the engine refuses."""

from __future__ import annotations

import io
import secrets
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from robenv.engine.terminal.process_session import FrameDecoder, capture
from robenv.engine.terminal.types import ExecRequest
from robenv.errors import (
    ContainerNotFound,
    EngineLost,
    HostRequirementMissing,
    ImageNotFound,
    NameTaken,
    OperationFailed,
    PortInUse,
    RobenvError,
)
from tests.support.engines.second_engine import SecondEngine
from tests.support.engines.sessions import collect

pytestmark = pytest.mark.engine

LABEL = "robenv.test.containers"
Create = Callable[..., str]


def unique(kind: str) -> str:
    return f"robenvtest-{kind}-{secrets.token_hex(4)}"


@pytest.fixture
def create(engine: Engine, base_image: str) -> Iterator[Create]:
    """``create(*command, **of the create body)``: the ID of a container, removed after the test."""
    made: list[str] = []

    def created(*command: str, name: str = "", **body: Any) -> str:
        request = {"Image": base_image, "Cmd": list(command), "Labels": {LABEL: "one"}, **body}
        made.append(engine.create_container(name or unique("c"), request))
        return made[-1]

    yield created
    for container in made:
        with suppress(ContainerNotFound):
            engine.remove_container(container, force=True)


def logged(engine: Engine, container: str, **options: Any) -> dict[str, bytes]:
    seen = {"stdout": b"", "stderr": b""}
    for stream, data in engine.logs(container, **options):
        seen[stream] += data
    return seen


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


# from made to gone


def test_a_life(engine: Engine, create: Create) -> None:
    name = unique("life")
    container = create("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done", name=name)
    found = engine.find_container(name)
    assert found is not None
    assert (found.id, found.status, found.labels[LABEL]) == (container, "created", "one")
    engine.start(container)
    engine.start(container)  # it runs already
    found = engine.find_container(name)
    assert found is not None
    assert found.running
    engine.stop(container, timeout=10)
    engine.stop(container)  # it has stopped already
    assert engine.wait(container) == 3
    found = engine.find_container(name)
    assert found is not None
    assert (found.status, found.exit_code, found.running) == ("exited", 3, False)
    engine.remove_container(container)
    assert engine.find_container(name) is None


def test_wait_waits(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "sleep 0.7; exit 9")
    engine.start(container)
    before = time.monotonic()
    assert engine.wait(container) == 9
    assert time.monotonic() - before > 0.2


def test_stop_kills_what_does_not_end(engine: Engine, create: Create) -> None:
    container = create("sleep", "60")  # as process 1 it takes no SIGTERM
    engine.start(container)
    engine.stop(container, timeout=0.4)
    assert engine.wait(container) == 137


def test_signals_reach_the_main_process(engine: Engine, create: Create) -> None:
    container = create("bash", "-c", "trap 'exit 4' USR1; echo on; while :; do sleep 0.1; done")
    engine.start(container)
    wait_for(lambda: logged(engine, container)["stdout"] == b"on\n")
    engine.kill(container, "SIGUSR1")
    assert engine.wait(container) == 4
    with pytest.raises(OperationFailed, match="not running"):
        engine.kill(container, "SIGTERM")


def test_a_running_container_is_removed_only_by_force(engine: Engine, create: Create) -> None:
    container = create("sleep", "60")
    engine.start(container)
    with pytest.raises(OperationFailed, match="remove"):
        engine.remove_container(container)
    engine.remove_container(container, force=True)
    with pytest.raises(ContainerNotFound):
        engine.remove_container(container, force=True)


def test_two_may_remove_at_once(engine: Engine, create: Create) -> None:
    container = create("sleep", "60")
    engine.start(container)
    problems: list[BaseException] = []

    def remove() -> None:
        try:
            engine.remove_container(container, force=True)
        except ContainerNotFound:
            pass
        except RobenvError as error:
            problems.append(error)

    threads = [threading.Thread(target=remove) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_containers_by_labels(engine: Engine, create: Create) -> None:
    stopped = create("true", Labels={LABEL: "listed", "other": "x"})
    running = create("sleep", "60", Labels={LABEL: "listed"})
    engine.start(running)
    assert {found.id for found in engine.containers({LABEL: "listed"})} == {stopped, running}
    assert {found.id for found in engine.containers({LABEL: "listed"}, all_states=False)} == {running}
    assert {found.id for found in engine.containers({LABEL: None, "other": "x"})} == {stopped}
    assert engine.containers({LABEL: "no such"}) == []


def test_what_runs_by_exec_is_known(engine: Engine, create: Create) -> None:
    container = create("sleep", "60")
    engine.start(container)
    session = engine.open_exec(ExecRequest(container, ("sleep", "50"), "0"))
    wait_for(lambda: any(row["CMD"] == "sleep 50" for row in engine.processes(container)))
    found = engine.find_container(container)
    assert found is not None
    assert len(found.exec_ids) == 1
    session.close()


def _heard(engine: Engine, container: str, since: float) -> bool:
    return engine.oom_events(container, since, time.time()) >= 1


def test_a_want_of_memory_is_known_after_the_end(engine: Engine, create: Create) -> None:
    # Time for the engine to hear of it: containerd drops the event where the cgroup is gone when it looks. Where it is
    # slower still, on a machine that has much to do, the next one is heard of.
    hog = "head -c 200000000 /dev/zero | tail; code=$?; sleep 2; exit $code"
    for last in (False, False, True):
        container = create("bash", "-c", hog, HostConfig={"Memory": 12 << 20, "MemorySwap": 12 << 20})
        began = time.time()
        engine.start(container)
        assert engine.wait(container) != 0
        with suppress(*([] if last else [AssertionError])):  # it is told apart from the end, and after it
            wait_for(partial(_heard, engine, container, began - 1))
            break
    assert engine.oom_events(container, began - 60, began - 30) == 0
    found = engine.find_container(container)
    assert found is not None
    assert found.ending == "was killed for want of memory"


def test_a_main_process_that_is_killed(engine: Engine, create: Create) -> None:
    container = create("bash", "-c", "kill -9 $$", HostConfig={"Init": True})  # nothing can kill what has PID 1
    engine.start(container)
    assert engine.wait(container) == 137
    found = engine.find_container(container)
    assert found is not None
    assert found.ending == "was killed (exit code 137), most often for want of memory"


def test_a_command_killed_for_want_of_memory(engine: Engine, create: Create) -> None:
    container = create("sleep", "60", HostConfig={"Memory": 12 << 20, "MemorySwap": 12 << 20})
    engine.start(container)
    began = time.time()
    result = capture(
        engine.open_exec(ExecRequest(container, ("sh", "-c", "head -c 200000000 /dev/zero | tail; exit $?"), "0"))
    )
    assert result.exit_code == 137
    wait_for(lambda: engine.oom_events(container, began - 1, time.time()) >= 1)
    found = engine.find_container(container)
    assert found is not None
    assert found.running


# what the engine refuses


def test_a_name_that_is_taken(engine: Engine, create: Create) -> None:
    name = unique("taken")
    create("true", name=name)
    with pytest.raises(NameTaken, match=name):
        create("true", name=name)


def test_an_image_that_is_not_there(engine: Engine, create: Create) -> None:
    with pytest.raises(ImageNotFound, match="robenvtest-no-such-image"):
        create("true", Image="robenvtest-no-such-image:1")


def published(port: str, address: str = "127.0.0.1") -> dict[str, Any]:
    binding = {"HostIp": address, "HostPort": port}
    return {"ExposedPorts": {"80/tcp": {}}, "HostConfig": {"PortBindings": {"80/tcp": [binding]}}}


def test_a_port_in_use_by_a_process(engine: Engine, create: Create) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        container = create("sleep", "60", **published(port))
        with pytest.raises(PortInUse, match=f"Port {port} is taken") as caught:
            engine.start(container)
    assert caught.value.hint
    found = engine.find_container(container)
    assert found is not None
    assert not found.running
    engine.remove_container(container)


def test_a_port_in_use_by_a_container(engine: Engine, create: Create) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    engine.start(create("sleep", "60", **published(port)))
    second = create("sleep", "60", **published(port))
    with pytest.raises(PortInUse, match=f"Port {port} is taken"):
        engine.start(second)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"Cmd": ["no-such-command"]}, OperationFailed, "there is no no-such-command in the image"),
        (
            published("8080", "192.0.2.1"),
            OperationFailed,
            "port 8080 at 192.0.2.1, which is no address of the engine's",
        ),
        ({"Entrypoint": ["/no/such"]}, OperationFailed, "there is no /no/such in the image"),
        ({"Entrypoint": ["/etc/passwd"]}, OperationFailed, "/etc/passwd in the image is not an executable file"),
        ({"Entrypoint": ["/etc"]}, OperationFailed, "/etc in the image is not an executable file"),
        ({"User": "nobody-there"}, OperationFailed, "the image has no user nobody-there"),
        ({"User": "0:nobodies"}, OperationFailed, "the image has no group nobodies"),
        (
            {"HostConfig": {"Mounts": [{"Type": "bind", "Source": "/no/such/folder", "Target": "/x"}]}},
            OperationFailed,
            "/no/such/folder is to be mounted and is not there",
        ),
        (
            {"HostConfig": {"Binds": ["/etc/passwd:/etc"]}},
            OperationFailed,
            "/etc/passwd cannot be mounted at /etc: one is a file and the other is a directory",
        ),
        (
            {"HostConfig": {"Devices": [{"PathOnHost": "/dev/no-such", "PathInContainer": "/dev/x"}]}},
            HostRequirementMissing,
            "the device /dev/no-such is not there",
        ),
        (
            {"HostConfig": {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}},
            HostRequirementMissing,
            "the engine cannot give it a GPU",
        ),
        (
            {"HostConfig": {"Runtime": "no-such-runtime"}},
            HostRequirementMissing,
            "the engine has no runtime no-such-runtime",
        ),
        ({"HostConfig": {"NetworkMode": "no-such-net"}}, OperationFailed, "there is no network no-such-net"),
        ({"HostConfig": {"CapAdd": ["NO_SUCH"]}}, OperationFailed, "CAP_NO_SUCH"),
        ({"HostConfig": {"Memory": 1 << 20}}, OperationFailed, "`mem_limit` is too small"),
    ],
)
def test_what_cannot_start_says_why_and_what_to_do(
    engine: Engine, create: Create, body: dict[str, Any], kind: type[RobenvError], said: str
) -> None:
    name = unique("refused")
    with pytest.raises(kind) as caught:
        engine.start(create("true", name=name, **body))
    message = caught.value.message
    assert type(caught.value) is kind
    assert said in message
    assert name in message or message.startswith("Could not")
    assert "OCI runtime" not in message
    assert "shim" not in message


def test_everything_about_a_container_that_is_not_there(engine: Engine) -> None:
    name = "robenvtest-not-there"
    calls: list[Callable[[], object]] = [
        lambda: engine.start(name),
        lambda: engine.stop(name),
        lambda: engine.kill(name, "SIGTERM"),
        lambda: engine.wait(name),
        lambda: list(engine.logs(name)),
        lambda: engine.processes(name),
        lambda: engine.changes(name),
        lambda: engine.put_archive(name, "/", b""),
        lambda: engine.get_archive(name, "/etc/passwd"),
        lambda: engine.open_attach(name, False, False),
        lambda: engine.remove_container(name),
    ]
    for call in calls:
        with pytest.raises(ContainerNotFound):
            call()


# attach and logs


def test_attached_before_the_start_nothing_is_missed(engine: Engine, create: Create) -> None:
    body = {"OpenStdin": True, "StdinOnce": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
    container = create("sh", "-c", "echo first; cat; echo err >&2; exit 6", **body)
    session = engine.open_attach(container, tty=False, stdin=True)
    assert session.exit_code() is None
    engine.start(container)
    session.send(b"through\n")
    session.close_stdin()
    data = b""
    while piece := session.recv(65536):
        data += piece
    assert collect(FrameDecoder().feed(data)) == {1: b"first\nthrough\n", 2: b"err\n"}
    assert session.exit_code() == 6
    session.close()


def test_an_attached_tty_has_its_size_and_signals(engine: Engine, create: Create) -> None:
    script = "trap 'stty size; exit 8' USR1; echo on; while :; do sleep 0.1; done"
    container = create("bash", "-c", script, Tty=True, OpenStdin=True)
    session = engine.open_attach(container, tty=True, stdin=True)
    engine.start(container)
    assert b"on" in session.recv(100)
    session.resize(35, 105)
    assert session.send_signal("USR1") == 1
    data = b""
    while piece := session.recv(65536):
        data += piece
    assert b"35 105\r\n" in data
    assert session.exit_code() == 8
    session.close()


def test_detached_from_a_container_it_runs_on(engine: Engine, create: Create) -> None:
    container = create("sleep", "60", Tty=True, OpenStdin=True)
    session = engine.open_attach(container, tty=True, stdin=True, detach_keys="ctrl-x")
    engine.start(container)
    session.send(b"\x18")
    assert session.recv(100) == b""
    assert session.detached
    assert session.exit_code() is None
    session.close()


def test_logs_of_both_streams(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "for n in 1 2 3; do echo out$n; echo err$n >&2; done; printf '\\000\\001'")
    engine.start(container)
    engine.wait(container)
    assert logged(engine, container) == {"stdout": b"out1\nout2\nout3\n\0\1", "stderr": b"err1\nerr2\nerr3\n"}
    assert logged(engine, container, tail=1) == {"stdout": b"\0\1", "stderr": b""}
    assert logged(engine, container, tail=0) == {"stdout": b"", "stderr": b""}
    assert logged(engine, container, since=time.time() + 60) == {"stdout": b"", "stderr": b""}
    stamped = logged(engine, container, timestamps=True)["stderr"].splitlines()[0]
    assert stamped.endswith(b"Z err1")


def test_logs_of_a_tty_are_as_they_are(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "echo out; echo err >&2", Tty=True)
    engine.start(container)
    engine.wait(container)
    assert logged(engine, container) == {"stdout": b"out\r\nerr\r\n", "stderr": b""}


def test_logs_are_followed_until_the_end(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "for n in 1 2 3; do echo $n; sleep 0.3; done")
    engine.start(container)
    began, times, seen = time.monotonic(), [], b""
    for _, data in engine.logs(container, follow=True):
        times.append(time.monotonic() - began)
        seen += data
    assert seen == b"1\n2\n3\n"
    assert times[-1] - times[0] > 0.4


def test_following_can_end_before_the_container(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "echo on; sleep 60")
    engine.start(container)
    following = engine.logs(container, follow=True)
    assert next(following) == ("stdout", b"on\n")
    following.close()  # type: ignore[attr-defined]


# processes, changes, archives


def test_processes_by_their_titles(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "sleep 47.5 & sleep 48.5; true")
    engine.start(container)
    wait_for(lambda: len(engine.processes(container)) == 3)
    rows = {row["CMD"]: row for row in engine.processes(container)}
    shell = rows["sh -c sleep 47.5 & sleep 48.5; true"]
    assert rows["sleep 47.5"]["PPID"] == rows["sleep 48.5"]["PPID"] == shell["PID"]
    assert shell["UID"] == "root"
    engine.stop(container, timeout=0)
    with pytest.raises(ContainerNotFound, match="not running"):
        engine.processes(container)


def test_changes_against_the_image(engine: Engine, create: Create) -> None:
    container = create("sh", "-c", "touch /etc/new; echo x >>/etc/hostname; rm /etc/issue; echo y >>/etc/passwd")
    assert engine.changes(container) == []
    engine.start(container)
    engine.wait(container)
    changes = {path: kind for kind, path in engine.changes(container)}
    assert changes["/etc/new"] == "A"
    assert changes["/etc/passwd"] == "C"
    assert changes["/etc/issue"] == "D"


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.uid, member.gid, member.mode = len(content), 1234, 2345, 0o640
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_files_go_in_and_come_out(engine: Engine, create: Create) -> None:
    container = create("stat", "-c", "%u:%g %a %n", "/etc/one", "/srv/data/two", Volumes={"/srv/data": {}})
    engine.put_archive(container, "/etc", archive(one=b"1"))
    engine.put_archive(container, "/srv/data", archive(two=b"22"))
    engine.start(container)
    assert engine.wait(container) == 0
    assert logged(engine, container)["stdout"] == b"1234:2345 640 /etc/one\n1234:2345 640 /srv/data/two\n"
    tar = engine.get_archive(container, "/srv/data/two")
    assert tar is not None
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        file = opened.extractfile("two")
        assert file is not None
        assert file.read() == b"22"


def test_what_is_not_there_comes_as_none(engine: Engine, create: Create) -> None:
    container = create("true")
    assert engine.get_archive(container, "/no/such/file") is None
    assert engine.get_archive(container, "/etc/passwd/below-a-file") is None


def test_archives_that_cannot_be_unpacked(engine: Engine, create: Create) -> None:
    container = create("true")
    with pytest.raises(OperationFailed, match="unpack files into"):
        engine.put_archive(container, "/no/such/folder", archive(one=b"1"))
    with pytest.raises(OperationFailed, match="unpack files into"):
        engine.put_archive(container, "/etc", b"this is no tar archive" * 100)


def test_only_small_archives_come_out(engine: Engine, create: Create) -> None:
    container = create("head", "-c", "70000000", "/dev/zero")
    engine.put_archive(container, "/srv", archive(large=bytes(66 << 20)))
    with pytest.raises(OperationFailed, match="more than 64 MiB"):
        engine.get_archive(container, "/srv/large")


# volumes


def test_volumes(engine: Engine, create: Create) -> None:
    name, label = unique("volume"), secrets.token_hex(4)
    labels = {LABEL: label, "x": "y"}
    engine.create_volume(name, labels)
    engine.create_volume(name, labels)  # it is there already
    try:
        assert [(found.name, found.labels) for found in engine.volumes({LABEL: label})] == [(name, labels)]
        assert [found.name for found in engine.volumes({LABEL: None, "x": "y"})] == [name]
        assert engine.volumes({LABEL: "no such"}) == []
        container = create("true", HostConfig={"Mounts": [{"Type": "volume", "Source": name, "Target": "/v"}]})
        with pytest.raises(OperationFailed, match="in use"):
            engine.remove_volume(name)
        engine.remove_container(container)
    finally:
        engine.remove_volume(name)
    assert engine.volumes({LABEL: label}) == []
    engine.remove_volume(name)  # it is gone already


# an engine that goes away


def test_an_engine_that_dies_is_lost_in_every_stream(
    second_engine: Callable[..., SecondEngine], base_image: str
) -> None:
    second = second_engine(image=base_image)
    engine = connect({"DOCKER_HOST": second.url})
    container = engine.create_container("robenvtest-lost", {"Image": base_image, "Cmd": ["sleep", "600"]})
    engine.start(container)
    found: dict[str, BaseException | None] = {}

    def meet(name: str, call: Callable[[], object]) -> None:
        try:
            call()
            found[name] = None
        except BaseException as error:
            found[name] = error

    calls: dict[str, Callable[[], object]] = {
        "wait": lambda: engine.wait(container),
        "logs": lambda: list(engine.logs(container, follow=True)),
        "events": lambda: engine.oom_events(container, time.time(), time.time() + 60),
        "exec": lambda: capture(engine.open_exec(ExecRequest(container, ("sleep", "60"), "0"))),
    }
    threads = [threading.Thread(target=meet, args=item) for item in calls.items()]
    for thread in threads:
        thread.start()
    time.sleep(2)
    second.kill()
    for thread in threads:
        thread.join(30)
    assert {name: type(error) for name, error in found.items()} == dict.fromkeys(calls, EngineLost)
    with pytest.raises(RobenvError) as caught:
        engine.find_container(container)
    assert caught.value.exit_code == 4
    engine.close()


def test_what_runs_by_exec_is_listed(engine: Engine, docker_api: Any, base_image: str) -> None:
    made = docker_api.create_container(base_image, ["sleep", "infinity"])["Id"]
    try:
        docker_api.start(made)
        begun = docker_api.exec_create(made, ["sleep", "4321"])["Id"]
        docker_api.exec_start(begun, detach=True)
        wait_for(lambda: engine.running_commands(made) == [("sleep", "4321")])
        docker_api.exec_start(docker_api.exec_create(made, ["true"])["Id"])
        assert engine.running_commands(made) == [("sleep", "4321")]
    finally:
        docker_api.remove_container(made, force=True)
