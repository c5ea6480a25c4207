"""Commands inside with this process's pipes: bytes, ends, exit codes and signals, and nothing left running."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from robenv.engine.terminal.process_session import capture
from robenv.engine.terminal.types import ExecRequest
from robenv.fast.client import DirectEngine
from tests.support.engines.second_engine import SecondEngine

pytestmark = pytest.mark.engine

URL = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
MEGABYTES = 100


class Inside:
    """A running container, and the driver that runs commands in it."""

    def __init__(self, root: Path, url: str, container: str) -> None:
        self.url, self.container = url, container
        self._root = root

    def command(self, *argv: str, kind: str = "direct", tty: str = "no-tty") -> list[str]:
        driver = str(self._root / "tests/support/projects/exec_driver.py")
        return [sys.executable, driver, kind, self.url, self.container, "1234:1234", tty, *argv]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self._root)}

    def start(self, *argv: str, kind: str = "direct", stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*argv, kind=kind),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )

    def run(self, *argv: str, kind: str = "direct", given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(*argv, kind=kind), input=given, capture_output=True, timeout=120, env=self.environment()
        )

    def shell(self, line: str) -> subprocess.CompletedProcess[bytes]:
        """A line of bash here, in which ``$INSIDE`` runs a command there."""
        inside = " ".join(self.command())
        return subprocess.run(
            ["bash", "-c", line], capture_output=True, timeout=60, env={**self.environment(), "INSIDE": inside}
        )

    def runs(self, command: str) -> bool:
        engine = DirectEngine(self.url)
        script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
        seen = capture(engine.open_exec(ExecRequest(self.container, ("sh", "-c", script), "0")))
        engine.close()
        return command.encode() in seen.stdout


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def inside(docker_api: docker.APIClient, base_image: str, root: Path) -> Iterator[Inside]:
    name = f"robenvtest-exec-{secrets.token_hex(4)}"
    config = docker_api.create_host_config(init=True)
    docker_api.create_container(base_image, ["sleep", "infinity"], name=name, host_config=config)
    docker_api.start(name)
    yield Inside(root, URL, name)
    docker_api.remove_container(name, force=True)


@pytest.mark.parametrize("kind", ["direct", "docker-py"])
def test_a_pipe_through_cat(inside: Inside, kind: str) -> None:
    result = inside.run("cat", kind=kind, given=b"hi\n")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"hi\n", b"")


@pytest.mark.parametrize("code", [0, 1, 42, 125, 255])
def test_exit_codes_are_passed_through(inside: Inside, code: int) -> None:
    assert inside.run("sh", "-c", f"exit {code}").returncode == code


def test_a_command_killed_inside_has_a_shells_exit_code(inside: Inside) -> None:
    assert inside.run("sh", "-c", "kill -SEGV $$").returncode == 128 + signal.SIGSEGV


@pytest.mark.parametrize("kind", ["direct", "docker-py"])
def test_much_goes_both_ways_unchanged_in_little_memory(inside: Inside, kind: str) -> None:
    block = os.urandom(1 << 20)
    expected, got = hashlib.sha256(), hashlib.sha256()
    process = inside.start("cat", kind=kind, stdin=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    writer = os.fork()
    if writer == 0:
        for _ in range(MEGABYTES):
            process.stdin.write(block)
        process.stdin.flush()
        os._exit(0)
    process.stdin.close()
    for _ in range(MEGABYTES):
        expected.update(block)
    size = peak = 0
    while data := process.stdout.read1(1 << 20):  # type: ignore[attr-defined]
        got.update(data)
        size += len(data)
        if size > (MEGABYTES - 1) << 20 and not peak:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = int(status.partition("VmHWM:")[2].split()[0])
    os.waitpid(writer, 0)
    process.stdin = None
    process.communicate()
    assert process.returncode == 0
    assert got.digest() == expected.digest()
    assert 0 < peak < (30 if kind == "direct" else 80) * 1024  # KiB, most of which Python itself takes


def test_output_waits_for_a_slow_reader(inside: Inside) -> None:
    result = inside.shell("$INSIDE seq 1 300000 | { sleep 1; sha256sum; }")
    assert (
        result.stdout.split()[0].decode() == hashlib.sha256(b"".join(b"%d\n" % n for n in range(1, 300001))).hexdigest()
    )


@pytest.mark.parametrize("line", ["$INSIDE cat </dev/null", "$INSIDE cat <&-", "$INSIDE cat </etc/hostname >/dev/null"])
def test_whatever_stdin_is(inside: Inside, line: str) -> None:
    result = inside.shell(line)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_closed_outputs_are_no_error(inside: Inside) -> None:
    assert inside.shell("$INSIDE sh -c 'echo out; echo err >&2; exit 3' >&- 2>&- </dev/null").returncode == 3


def test_a_full_disk_is_said_and_the_command_ends(inside: Inside) -> None:
    result = inside.shell("$INSIDE sh -c 'while :; do echo 34.25; sleep 0.1; done' >/dev/full </dev/null")
    assert result.returncode == 1
    assert b"DiskFull" in result.stderr
    wait_for(lambda: not inside.runs("echo 34.25"))


def test_a_reader_that_leaves_ends_the_command_quietly(inside: Inside) -> None:
    result = inside.shell("$INSIDE seq 35 100000000 </dev/null | head -1; echo ${PIPESTATUS[0]}")
    assert (result.stdout, result.stderr) == (b"35\n141\n", b"")
    wait_for(lambda: not inside.runs("seq 35"))


def test_a_reader_that_leaves_ends_also_what_ignores_it(inside: Inside) -> None:
    script = "trap '' PIPE; while :; do echo 36.25; sleep 0.1; done"
    result = inside.shell(f'$INSIDE bash -c "{script}" </dev/null | head -1; echo ${{PIPESTATUS[0]}}')
    assert (result.stdout, result.stderr) == (b"36.25\n141\n", b"")
    wait_for(lambda: not inside.runs("echo 36.25"))


def test_timeout_leaves_nothing_running_inside(inside: Inside) -> None:
    result = inside.shell("timeout 1.5 $INSIDE sleep 37.5 </dev/null; timeout --foreground 1.5 $INSIDE sleep 37.5")
    assert result.returncode == 124
    assert result.stderr == b""
    assert not inside.runs("sleep 37.5")


@pytest.mark.parametrize("kind", ["direct", "docker-py"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_command_inside(inside: Inside, kind: str, number: signal.Signals) -> None:
    process = inside.start("sleep", f"38.{number}", kind=kind)
    wait_for(lambda: inside.runs(f"sleep 38.{number}"))
    process.send_signal(number)
    _, errors = process.communicate(timeout=15)
    assert process.returncode == 128 + number
    assert errors == b""
    assert not inside.runs(f"sleep 38.{number}")


def test_the_command_may_take_its_time_to_end(inside: Inside) -> None:
    script = "trap 'echo ending; sleep 4; echo ended; exit 9' TERM; echo on; while :; do sleep 0.1; done"
    process = inside.start("bash", "-c", script)
    assert process.stdout
    assert process.stdout.readline() == b"on\n"
    process.terminate()
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (9, b"ending\nended\n")


def test_a_command_that_minds_no_signal_is_left_when_the_user_insists(inside: Inside) -> None:
    process = inside.start("bash", "-c", "trap '' INT; echo on; while :; do sleep 0.2; done; : 39.25")
    assert process.stdout
    assert process.stdout.readline() == b"on\n"
    process.send_signal(signal.SIGINT)
    time.sleep(3.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 130
    assert inside.runs(": 39.25")
    end_all(inside, "39.25")


def test_a_signal_in_the_first_moment_is_not_lost(inside: Inside) -> None:
    for delay in (0.05, 0.12, 0.2, 0.3):
        process = inside.start("sleep", "40.5")
        time.sleep(delay)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode in (143, -signal.SIGTERM)  # -: Python itself was not yet there
        assert not inside.runs("sleep 40.5")


def test_many_at_once(inside: Inside) -> None:
    processes = [inside.start("sh", "-c", f"echo {n}; exit {n}") for n in range(8)]
    for n, process in enumerate(processes):
        assert process.communicate(timeout=60)[0] == b"%d\n" % n
        assert process.returncode == n


def test_an_engine_that_hangs_and_dies_meanwhile(
    second_engine: Callable[..., SecondEngine], base_image: str, root: Path
) -> None:
    second = second_engine(image=base_image)
    container = second.api().create_container(base_image, ["sleep", "600"], name="robenvtest-dies")["Id"]
    second.api().start(container)
    inside = Inside(root, second.url, container)
    running, lost = inside.start("sh", "-c", "echo on; sleep 60"), inside.start("sh", "-c", "echo on; sleep 60")
    for process in (running, lost):
        assert process.stdout
        assert process.stdout.readline() == b"on\n"

    second.freeze()
    starting = inside.start("true")
    time.sleep(0.5)
    for _ in range(3):  # one that is sent on and hangs, one that is noted, and one that insists
        for process in (running, starting):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        time.sleep(1.2)
    for process in (running, starting):
        process.communicate(timeout=10)
        assert process.returncode == 130
    second.thaw()

    second.kill()
    _, errors = lost.communicate(timeout=30)
    assert lost.returncode == 4
    assert errors == b"EngineLost: The connection to the engine broke.\n"


def end_all(inside: Inside, part: str) -> None:
    engine = DirectEngine(inside.url)
    script = f"kill -9 $(grep -lsF -e {part} /proc/[0-9]*/cmdline | cut -d/ -f3 | grep -vx $$) 2>/dev/null"
    capture(engine.open_exec(ExecRequest(inside.container, ("sh", "-c", script), "0")))
    engine.close()
