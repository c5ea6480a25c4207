"""A real terminal tied to a real TTY inside: keys, sizes, detaching, and the terminal as it was whatever happens."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from robenv.engine.terminal.process_session import capture
from robenv.engine.terminal.types import ExecRequest
from robenv.errors import ContainerNotFound
from robenv.fast.client import DirectEngine
from tests.support.engines.second_engine import SecondEngine
from tests.support.machine.terminal import Terminal

pytestmark = pytest.mark.engine

URL = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


class Inside:
    """A running container and the commands that go there."""

    def __init__(self, root: Path, url: str, container: str, kind: str) -> None:
        self._driver = [
            sys.executable,
            str(root / "tests/support/projects/exec_driver.py"),
            kind,
            url,
            container,
            "1234:1234",
        ]
        self.root, self.url, self.container = root, url, container

    def command(self, *argv: str, tty: str = "tty") -> list[str]:
        return [*self._driver, tty, *argv]

    def shell(self, terminal: Terminal) -> subprocess.Popen[bytes]:
        """Starts an interactive shell inside, and waits for its prompt."""
        process = terminal.start(self.command("env", "PS1=inside> ", "bash", "--norc", "--noprofile", "-i"), self.root)
        terminal.see("inside> ")
        return process

    def runs(self, command: str) -> bool:
        engine = DirectEngine(self.url)
        script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
        seen = capture(engine.open_exec(ExecRequest(self.container, ("sh", "-c", script), "0")))
        engine.close()
        return command.encode() in seen.stdout

    def end_all(self) -> None:
        """Whatever a test that failed has left inside."""
        engine = DirectEngine(self.url)
        capture(engine.open_exec(ExecRequest(self.container, ("sh", "-c", "kill -9 -1"), "1234:1234")))
        engine.close()


@pytest.fixture(scope="module")
def container(docker_api: docker.APIClient, base_image: str) -> Iterator[str]:
    name = f"robenvtest-terminal-{secrets.token_hex(4)}"
    config = docker_api.create_host_config(init=True)
    docker_api.create_container(base_image, ["sleep", "infinity"], name=name, host_config=config)
    docker_api.start(name)
    yield name
    docker_api.remove_container(name, force=True)


@pytest.fixture(params=["direct", "docker-py"])
def inside(request: pytest.FixtureRequest, root: Path, container: str) -> Iterator[Inside]:
    made = Inside(root, URL, container, request.param)
    yield made
    made.end_all()


@pytest.fixture
def quick(root: Path, container: str) -> Iterator[Inside]:
    made = Inside(root, URL, container, "direct")
    yield made
    made.end_all()


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def test_a_shell_from_its_prompt_to_its_exit_code(inside: Inside, terminal: Terminal) -> None:
    inside.shell(terminal)
    raw = terminal.attributes()
    assert not raw[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    terminal.type("echo $((6*7)); tty; test -t 0 -a -t 1 -a -t 2 && echo all-tty\r")
    terminal.see("42\r\n/dev/pts/[0-9]+\r\nall-tty\r\n")
    terminal.type("exit 17\r")
    assert terminal.ends() == 17
    assert terminal.attributes() == terminal.before


def test_the_window_size_follows(inside: Inside, terminal: Terminal) -> None:
    inside.shell(terminal)
    terminal.type("stty size\r")
    terminal.see("30 100\r\n")
    terminal.resize(51, 133)
    wait_for(lambda: inside.runs("bash --norc"))  # the kernel's SIGWINCH has gone its way
    terminal.type("stty size\r")
    terminal.see("51 133\r\n")
    terminal.type("exit\r")
    assert terminal.ends() == 0


def test_control_c_is_for_the_command_inside(quick: Inside, terminal: Terminal) -> None:
    quick.shell(terminal)
    terminal.type("sleep 41.5\r")
    wait_for(lambda: quick.runs("sleep 41.5"))
    terminal.type("\x03")
    terminal.see("\\^C.*inside> ")
    terminal.type("echo $?\r")
    terminal.see("130\r\n")
    assert not quick.runs("sleep 41.5")
    terminal.type("\x04")
    assert terminal.ends() == 0
    assert terminal.attributes() == terminal.before


def test_control_z_and_others_go_inside_too(quick: Inside, terminal: Terminal) -> None:
    quick.shell(terminal)
    terminal.type("cat -v\r")
    terminal.see("cat -v\r\n")
    time.sleep(0.3)
    terminal.type("\x16\x1a\x16\x1c\x16\x03\r")  # ^V before each has it taken as it is
    terminal.see("\\^Z\\^\\\\\\^C\r\n")
    terminal.type("\x1a")
    terminal.see("Stopped")
    terminal.type("kill -9 %1; sleep 0.5; exit 5\r")
    assert terminal.ends() == 5


def test_detach_keys_leave_the_process_be(inside: Inside, terminal: Terminal) -> None:
    terminal.start(
        inside.command("bash", "-c", "trap '' HUP; echo on; while :; do sleep 0.2; done; : 42.25"), inside.root
    )
    terminal.see("on\r\n")
    terminal.type("\x10")
    time.sleep(0.2)
    terminal.type("\x11")
    terminal.see("detached\r\n")
    assert terminal.ends() == 0
    assert terminal.attributes() == terminal.before
    assert inside.runs(": 42.25")


def test_what_ends_with_its_terminal_is_not_said_to_run_on(inside: Inside, terminal: Terminal) -> None:
    """Docker Engine closes the terminal of an exec that nobody is attached to any more."""
    terminal.start(inside.command("bash", "-c", "echo on; exec sleep 42.75"), inside.root)
    terminal.see("on\r\n")
    terminal.type("\x10")
    time.sleep(0.2)
    terminal.type("\x11")
    code = terminal.ends()
    assert inside.runs("sleep 42.75") is (code == 0)
    assert code in (0, 129)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_shell_and_gives_the_terminal_back(
    inside: Inside, terminal: Terminal, number: signal.Signals
) -> None:
    process = inside.shell(terminal)
    terminal.type(f"sleep 43.{number}\r")
    wait_for(lambda: inside.runs(f"sleep 43.{number}"))
    process.send_signal(number)
    assert terminal.ends() >= 128
    assert terminal.attributes() == terminal.before
    wait_for(lambda: not inside.runs(f"sleep 43.{number}"))
    assert not inside.runs("bash --norc")


def test_a_window_that_is_closed_ends_the_shell_inside(quick: Inside, terminal: Terminal) -> None:
    process = quick.shell(terminal)
    terminal.type("sleep 44.5\r")
    wait_for(lambda: quick.runs("sleep 44.5"))
    os.close(terminal.slave)
    os.close(terminal.master)
    process.wait(timeout=20)
    wait_for(lambda: not quick.runs("sleep 44.5"))
    assert not quick.runs("bash --norc")


def test_a_container_removed_in_mid_shell(
    root: Path, terminal: Terminal, docker_api: docker.APIClient, base_image: str
) -> None:
    name = f"robenvtest-removed-{secrets.token_hex(4)}"
    docker_api.create_container(base_image, ["sleep", "infinity"], name=name)
    docker_api.start(name)
    Inside(root, URL, name, "direct").shell(terminal)
    docker_api.remove_container(name, force=True)
    # An engine that is still at it knows the shell's exit code; then the container is not missed yet.
    assert terminal.ends() in (ContainerNotFound.exit_code, 128 + signal.SIGKILL)
    assert terminal.attributes() == terminal.before


def test_a_container_stopped_in_mid_shell(
    root: Path, terminal: Terminal, docker_api: docker.APIClient, base_image: str
) -> None:
    name = f"robenvtest-stopped-{secrets.token_hex(4)}"
    docker_api.create_container(base_image, ["sleep", "infinity"], name=name)
    docker_api.start(name)
    try:
        Inside(root, URL, name, "direct").shell(terminal)
        docker_api.kill(name)
        assert terminal.ends() == 137
        assert terminal.attributes() == terminal.before
    finally:
        docker_api.remove_container(name, force=True)


@pytest.mark.parametrize("kind", ["direct", "docker-py"])
def test_an_engine_that_dies_in_mid_shell(
    second_engine: Callable[..., SecondEngine], base_image: str, root: Path, terminal: Terminal, kind: str
) -> None:
    second = second_engine(image=base_image)
    container = second.api().create_container(base_image, ["sleep", "600"], name="robenvtest-dies")["Id"]
    second.api().start(container)
    Inside(root, second.url, container, kind).shell(terminal)
    assert terminal.attributes() != terminal.before
    second.kill()
    terminal.see("EngineLost: The connection to the engine broke.\r\n")
    assert terminal.ends() == 4
    assert terminal.attributes() == terminal.before


def test_a_job_in_the_background_neither_stops_nor_takes_the_keys(quick: Inside, terminal: Terminal) -> None:
    terminal.start(["bash", "--norc", "--noprofile", "-i"], quick.root)
    terminal.see("outside> ")
    line = " ".join(quick.command("sleep", "2", tty="no-tty"))
    terminal.type(f"{line} &\r")
    terminal.see("outside> ")
    for number in range(4):
        time.sleep(0.3)
        terminal.type(f"echo $((100 + {number}))\r")
        terminal.see(f"{100 + number}\r\n")
    terminal.type("wait %1; echo code $?; jobs\r")
    terminal.see("code 0\r\n")
    terminal.type("exit\r")
    assert terminal.ends() == 0


def test_a_shell_started_in_the_background_comes_to_the_foreground(quick: Inside, terminal: Terminal) -> None:
    terminal.start(["bash", "--norc", "--noprofile", "-i"], quick.root)
    terminal.see("outside> ")
    line = " ".join(quick.command("sh", "-c", "'sleep 1; read x; echo got $x; stty size'"))
    terminal.type(f"{line} &\r")
    terminal.see("outside> ")
    time.sleep(0.5)
    terminal.type("fg\r")
    time.sleep(2)
    terminal.type("typed\r")
    terminal.see("got typed\r\n30 100\r\n")
    terminal.see("outside> ")
    terminal.type("exit\r")
    assert terminal.ends() == 0
    assert terminal.attributes() == terminal.before


def test_without_a_tty_inside_control_c_ends_the_command_and_not_the_terminal(
    quick: Inside, terminal: Terminal
) -> None:
    terminal.start(quick.command("sleep", "45.5", tty="no-tty"), quick.root)
    wait_for(lambda: quick.runs("sleep 45.5"))
    terminal.type("\x03")
    assert terminal.ends() == 130
    assert not quick.runs("sleep 45.5")
    assert terminal.attributes() == terminal.before


def test_without_a_tty_inside_the_end_of_file_is_typed(quick: Inside, terminal: Terminal) -> None:
    terminal.start(quick.command("sh", "-c", "cat; echo over", tty="no-tty"), quick.root)
    time.sleep(0.5)
    terminal.type("a line\r")
    terminal.see("a line\r\na line\r\n")
    terminal.type("\x04")
    terminal.see("over\r\n")
    assert terminal.ends() == 0
