"""What users do with robenv, one small check each, through the command line alone: the same on every engine.

A check is a function of a ``Bench`` and raises AssertionError. The table of ``make test-engines`` has a line for each.
"""

from __future__ import annotations

import json
import os
import re
import resource
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.engines.podman_engine import USER
from tests.support.folders import ROOT
from tests.support.machine.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.engines.bench import Bench, UserProject

HOOK = "trap 'sleep 1; echo ended > /workspace/ended; exit 0' TERM; echo ready; while :; do sleep 0.1; done"


@dataclass(frozen=True)
class Behaviour:
    name: str
    check: Callable[[Bench], None]
    profile: str
    """What an engine that cannot have it is asked to bring up."""
    quick: bool
    """Of `make test` too, on the engines that are tried there."""


BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(
    name: str, profile: str = "", quick: bool = False
) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    def note(check: Callable[[Bench], None]) -> Callable[[Bench], None]:
        BEHAVIOURS[name] = Behaviour(name, check, profile, quick)
        return check

    return note


# --- images ----------------------------------------------------------------------------------------------------------

STEPS = """
steps:
  - {name: files, run: "echo built > /built; mkdir -m 777 /cache"}
  - name: own files
    as: user
    run: echo own > ~/.fromstep; mkdir ~/folder
"""


@behaviour("build", quick=True)
def build(bench: Bench) -> None:
    assert bench.up(STEPS).inside("cat /built") == "built\n"
    mine = bench.project(STEPS)
    image = mine.run("build").stdout
    again = mine.run("build")
    assert (again.stdout, "Built" in again.stderr) == (image, False)


@behaviour("build: a failing step")
def failing_step(bench: Bench) -> None:
    done = bench.project("steps:\n  - name: failing\n    run: echo to be seen >&2; exit 7\n").run("up", check=5)
    assert "robenv.yaml:4:" in done.stderr and "to be seen" in done.stderr
    assert re.search(r"exit code:? 7\b", done.stderr), done.stderr


@behaviour("build: cancelled")
def cancelled_build(bench: Bench) -> None:
    length = f"600.{secrets.randbelow(10**9)}"  # which no other process of this machine has
    mine = bench.project(f"steps:\n  - name: long\n    run: echo begun; sleep {length}\n")
    process = _started(mine, "build", stderr=subprocess.PIPE)
    assert process.stderr
    seen = ""
    while "begun\n" not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line.partition("| ")[2] or line
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    process.stderr.close()
    program = f"sleep\0{length}".encode()
    if words := bench.row.says.get("build: cancelled"):
        assert re.search(words, rest, re.MULTILINE), rest
        for number in _running(program):  # for which nobody waits: no other process of this machine has its arguments
            os.kill(number, signal.SIGKILL)
    _until(lambda: not _running(program))


SECRET = """
secrets: {token: {environment: MY_TOKEN}}
steps:
  - name: borrowing
    run: test "$(cat /run/secrets/token)" = hunter2 && touch /was-there
    secrets: [token]
"""


@behaviour("secrets", SECRET)
def secret(bench: Bench) -> None:
    mine = bench.project(SECRET)
    mine.environ["MY_TOKEN"] = "hunter2"
    script = "ls /was-there; cat /run/secrets/token 2>/dev/null || echo gone"
    assert mine.run("up", "--", "sh", "-c", script).stdout == "/was-there\ngone\n"


@behaviour("save, load")
def save_and_load(bench: Bench) -> None:
    mine = bench.project(STEPS)
    mine.run("up", "-d")
    image = mine.run("build").stdout.strip()
    mine.run("save", "../kept.tar")
    mine.run("down", "--volumes")
    bench.api.remove_image(image, force=True)
    mine.run("load", "../kept.tar", "--to", "../unpacked")
    there = mine.folder.parent / "unpacked"
    done = mine.run("up", "--", "cat", "/built", cwd=there)
    assert done.stdout == "built\n" and "Built" not in done.stderr
    mine.run("down", "--volumes", cwd=there)


@behaviour("clean")
def clean(bench: Bench) -> None:
    mine = bench.project("steps: [{name: n, run: echo 1 > /n}]\n")
    old = mine.run("build").stdout.strip()
    mine.write("steps: [{name: n, run: echo 2 > /n}]\n")
    time.sleep(1.1)  # images' times are in seconds, and of two that are equally new neither is out of date
    new = mine.run("build").stdout.strip()
    mine.run("clean")
    left = {tag for image in bench.api.images() for tag in image["RepoTags"] or ()}
    assert _has(left, new) and not _has(left, old)


@behaviour("lock")
def lock(bench: Bench) -> None:
    mine = bench.project(STEPS)
    done = mine.run("lock", check=None)
    # The base is of no registry: the words say so, and the project still comes up.
    assert done.returncode in (0, 1) and mine.base_image.partition(":")[0] in done.stderr + done.stdout, done.stderr
    assert mine.run("up", "--", "cat", "/built").stdout == "built\n"


# --- commands --------------------------------------------------------------------------------------------------------


@behaviour("exec: exit codes", quick=True)
def exit_codes(bench: Bench) -> None:
    mine = bench.up()
    for code in (0, 7, 255):
        mine.run("exec", "--", "sh", "-c", f"exit {code}", check=code)
    mine.run("exec", "--", "sh", "-c", "kill -9 $$", check=137)


@behaviour("exec: output")
def output(bench: Bench) -> None:
    done = bench.up().run("exec", "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


@behaviour("exec: input", quick=True)
def piped_input(bench: Bench) -> None:
    mine = bench.up()
    assert mine.run("exec", "--", "wc", "-c", input="x" * 3_000_000).stdout.strip() == "3000000"
    assert mine.run("exec", "--", "wc", "-c").stdout.strip() == "0"


@behaviour("exec: no such program")
def no_such_program(bench: Bench) -> None:
    done = bench.up().run("exec", "--", "nothing-of-this-name", check=None)
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode in (126, 127) and len(lines) == 1 and "nothing-of-this-name" in lines[0], done.stderr


@behaviour("exec: terminal", quick=True)
def terminal_inside(bench: Bench) -> None:
    mine = bench.up()
    # Engines before API 1.42 are told the size only once it has begun.
    begin = "while [ \"$(stty size)\" = '0 0' ]; do sleep 0.1; done; stty size"
    script = f"{begin}; trap 'stty size; exit 3' INT; echo ready; sleep 60"
    with _terminal(mine, "exec", "--", "sh", "-c", script) as seen:
        seen.see(r"30 100\r\n")
        seen.see("ready")
        seen.resize(41, 90)
        assert seen.process
        seen.process.send_signal(signal.SIGWINCH)
        time.sleep(0.5)
        seen.type("\x03")
        seen.see(r"41 90\r\n")
        assert seen.ends() == 3


@behaviour("exec: detach keys")
def detach_keys(bench: Bench) -> None:
    mine = bench.up()
    with _terminal(mine, "exec", "--", "sh", "-c", "trap '' HUP; echo begun; sleep 77") as seen:
        seen.see("begun")
        seen.type("\x10")
        time.sleep(0.3)  # as fingers do: Podman knows only keys that come one by one
        seen.type("\x11")
        seen.see("detached; the command runs on")
        assert seen.ends() == 0
    assert "77" in mine.inside("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    mine.inside("pkill -f 'sleep 77' || for p in /proc/[0-9]*; do "
                "grep -qs '^sleep.77' $p/cmdline && kill ${p#/proc/}; done; true")  # fmt: skip


@behaviour("exec: signals")
def signals(bench: Bench) -> None:
    mine = bench.up()
    process = _started(mine, "exec", "--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done",
                       stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 9
    process.stdout.close()


@behaviour("run")
def run_once(bench: Bench) -> None:
    mine = bench.project()
    done = mine.run("run", "--", "sh", "-c", "echo out; cat; exit 5", input="in\n", check=5)
    assert done.stdout == "out\nin\n"
    assert not bench.api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})


@behaviour("logs")
def logs(bench: Bench) -> None:
    mine = bench.project('run: {command: ["sh", "-c", "echo out; echo err >&2; exec sleep 600"]}\n')
    mine.run("up", "-d")
    _until(lambda: mine.run("logs").stdout == "out\n" and mine.run("logs").stderr == "err\n")


# --- whose files, and what the user may ------------------------------------------------------------------------------

USER_FILES = STEPS + "run: {volumes: [cache:/cache]}\n"


@behaviour("user", quick=True)
def user(bench: Bench) -> None:
    assert bench.up(USER_FILES).inside("id -u").strip() == str(bench.row.container_user)


@behaviour("workspace: owner", quick=True)
def workspace(bench: Bench) -> None:
    mine = bench.up(USER_FILES)
    mine.inside("mkdir -p /workspace/made && echo x > /workspace/made/file")
    status = (mine.folder / "made/file").stat()
    assert (status.st_uid, status.st_gid) == (USER, USER)
    (mine.folder / "made/outside").write_text("y")
    mine.give(mine.folder / "made")
    assert mine.inside("cat /workspace/made/outside; stat -c %u /workspace") == f"y{bench.row.container_user}\n"


@behaviour("home: owner", quick=True)
def home(bench: Bench) -> None:
    mine = bench.up(USER_FILES)
    assert mine.inside("cat ~/.fromstep; echo more >> ~/.fromstep && touch ~/folder/file ~/file && echo done") == (
        "own\ndone\n"
    )
    assert mine.inside("stat -c %u ~ ~/.fromstep ~/folder").split() == [str(bench.row.container_user)] * 3
    assert mine.inside("ls -A ~").count(".bashrc") == 1


@behaviour("volume: owner")
def volume(bench: Bench) -> None:
    assert bench.up(USER_FILES).inside("touch /cache/file && echo done") == "done\n"


@behaviour("powers", quick=True)
def powers(bench: Bench) -> None:
    told = dict(re.findall(r"(\w+):\s*(\S+)", bench.up().inside("cat /proc/self/status")))
    assert told["NoNewPrivs"] == "1"
    docker_default = 0xA80425FB
    allowed = docker_default if bench.row.rootless else 0
    assert int(told["CapEff"], 16) & ~allowed == 0 and int(told["CapBnd"], 16) & ~allowed == 0


# --- what containers are given ---------------------------------------------------------------------------------------

LIMITS = "run: {mem_limit: 64mb, pids_limit: 50, cpus: 0.5}\n"


@behaviour("limits", LIMITS)
def limits(bench: Bench) -> None:
    where = "/sys/fs/cgroup"
    found = bench.up(LIMITS).inside(
        f"cat {where}/memory/memory.limit_in_bytes {where}/pids/pids.max {where}/cpu/cpu.cfs_quota_us 2>/dev/null ||"
        f" cat {where}/memory.max {where}/pids.max {where}/cpu.max"
    )
    assert found.split()[:3] == [str(64 << 20), "50", "50000"]


MISC = """
run:
  environment: {WORD: "a b"}
  hostname: arm
  shm_size: 32mb
  tmpfs: [/scratch:size=1m]
  volumes: [{type: tmpfs, target: /faster, tmpfs: {size: 1mb}}]
"""


@behaviour("environment, host name")
def environment(bench: Bench) -> None:
    assert bench.up(MISC).inside('echo "$WORD"; cat /etc/hostname').split("\n")[:2] == ["a b", "arm"]


# Podman raises nproc where it is not named, and an engine in a container may not.
_NPROC = resource.getrlimit(resource.RLIMIT_NPROC)[1]
ULIMITS = f"run: {{ulimits: {{nofile: {{soft: 512, hard: 1024}}, core: 0, nproc: {_NPROC}}}}}\n"


@behaviour("ulimits", ULIMITS)
def ulimits(bench: Bench) -> None:
    mine = bench.up(ULIMITS)
    # runc before 1.2 may raise the soft limit of what `exec` starts to the hard one (opencontainers/runc#4195).
    own = mine.inside("grep 'Max open files' /proc/1/limits").split()
    assert own[3:5] == ["512", "1024"], own
    assert mine.inside("ulimit -H -n; ulimit -c").split() == ["1024", "0"]


@behaviour("memory file systems", MISC)
def memory_file_systems(bench: Bench) -> None:
    mine = bench.up(MISC)
    assert mine.inside("df -k --output=size /dev/shm /scratch /faster").split()[1:] == ["32768", "1024", "1024"]
    mine.inside("touch /scratch/x")


DEVICE = "run: {devices: ['/dev/zero:/dev/robenvtest']}\n"


@behaviour("devices", DEVICE)
def devices(bench: Bench) -> None:
    assert bench.up(DEVICE).inside("head -c 5 /dev/robenvtest | wc -c").strip() == "5"


READ_ONLY = "run: {read_only: true}\n"


@behaviour("read-only root", READ_ONLY)
def read_only(bench: Bench) -> None:
    mine = bench.up(READ_ONLY)
    assert mine.inside("touch /usr/x 2>/dev/null || echo refused; touch ~/x /workspace/x && echo done") == (
        "refused\ndone\n"
    )


GIT = "git: true\n"


@behaviour("git identity", GIT)
def git_identity(bench: Bench) -> None:
    mine = bench.project(GIT)
    (mine.home / ".gitconfig").write_text("[user]\n\tname = Jane\n\temail = jane@example.org\n")
    mine.give(mine.home)
    done = mine.run("up", "--", "sh", "-c", "cat /run/robenv/gitconfig; tail -n 2 /etc/gitconfig")
    assert "Jane" in done.stdout and "/run/robenv/gitconfig" in done.stdout


DISPLAY = "display: auto\naudio: auto\n"


@behaviour("display", DISPLAY)
def display(bench: Bench) -> None:
    folder = bench.up(DISPLAY).inside('stat -c "%u %a" "$XDG_RUNTIME_DIR" && touch "$XDG_RUNTIME_DIR/x"')
    assert folder == f"{bench.row.container_user} 700\n"


# --- networks --------------------------------------------------------------------------------------------------------

PORT = "run: {ports: ['127.0.0.1:18734:8000'], command: [perl, /workspace/serve]}\n"
SERVER = (
    "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 8000, Listen => 5, ReuseAddr => 1) or die;"
    'while (my $c = $s->accept) { print $c "hello\\n"; close $c }'
)


@behaviour("ports", PORT)
def ports(bench: Bench) -> None:
    mine = bench.project(PORT)
    (mine.folder / "serve").write_text(SERVER)
    mine.run("up", "-d")
    probe = "exec 3<>/dev/tcp/127.0.0.1/18734 && cat <&3"
    _until(lambda: _in_network(bench, "bash", "-c", probe) == "hello\n")
    mine.run("down")


LAN = "networks: {lan: {}}\nrun: {networks: {lan: {aliases: [gripper]}}}\n"


@behaviour("networks", LAN)
def networks(bench: Bench) -> None:
    mine = bench.project(LAN)
    mine.run("up", "-d")
    assert mine.run("run", "--", "getent", "hosts", "gripper").stdout.split()[-1].startswith("gripper")
    removed = mine.run("down").stdout.split()
    assert any(name.endswith("_lan") for name in removed), removed


HOST_NETWORK = "run: {network_mode: host}\n"


@behaviour("host network", HOST_NETWORK)
def host_network(bench: Bench) -> None:
    here = _in_network(bench, "readlink", "/proc/self/ns/net").strip()
    assert bench.up(HOST_NETWORK).inside("readlink /proc/self/ns/net").strip() == here


# --- the life of a container -----------------------------------------------------------------------------------------


@behaviour("stop: SIGTERM, and waits", quick=True)
def stop(bench: Bench) -> None:
    mine = bench.project(f"run: {{command: {json.dumps(['sh', '-c', HOOK])}}}\n")
    mine.run("up", "-d")
    _until(lambda: mine.run("logs").stdout == "ready\n")
    mine.run("stop")
    assert (mine.folder / "ended").read_text() == "ended\n"
    assert re.search(r"exited \(0\)", mine.run("ps").stdout)


@behaviour("stop, up: kept files")
def stop_and_up(bench: Bench) -> None:
    mine = bench.project()
    mine.run("up", "--", "sh", "-c", "echo kept > ~/kept; echo kept > /tmp/kept")
    mine.run("stop")
    assert mine.run("up", "--", "sh", "-c", "cat ~/kept /tmp/kept").stdout == "kept\nkept\n"


@behaviour("ps")
def ps(bench: Bench) -> None:
    mine = bench.up()
    told = mine.run("ps").stdout
    assert re.search(rf"^robenv-{mine.name}-\w+ .* running +{mine.folder}$", told, re.MULTILINE), told


@behaviour("up: keeps what runs", quick=True)
def busy(bench: Bench) -> None:
    """Also where the image has no ps, as here."""
    mine = bench.project()
    mine.run("up", "-d")
    process = _started(mine, "exec", "--", "sh", "-c", "echo ready; sleep 600", stdout=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == "ready\n"
    mine.write("run: {environment: {A: b}}\n")
    told = mine.run("up", "-d").stderr
    assert process.poll() is None
    assert "kept" in told and "sleep 600" in told, told
    mine.run("down")
    process.wait(30)
    process.stdout.close()


@behaviour("up: replaces what is idle", quick=True)
def idle(bench: Bench) -> None:
    mine = bench.project()
    mine.run("up", "-d")
    mine.write("run: {environment: {A: b}}\n")
    assert mine.run("up", "--", "sh", "-c", "echo $A").stdout == "b\n"


@behaviour("down --volumes", quick=True)
def down(bench: Bench) -> None:
    mine = bench.project(USER_FILES)
    mine.run("up", "--", "touch", "/cache/x")
    mine.run("down")
    assert mine.run("up", "--", "ls", "/cache").stdout == "x\n"
    mine.run("down", "--volumes")
    labelled = {"label": f"robenv.project={mine.name}"}
    assert not bench.api.containers(all=True, filters=labelled)
    left = [one["Name"] for one in bench.api.volumes()["Volumes"] or () if mine.name in one["Name"]]
    assert not left


HEALTH = 'run: {healthcheck: {test: ["CMD", "true"], interval: 1s}}\n'


@behaviour("healthcheck", HEALTH)
def healthcheck(bench: Bench) -> None:
    mine = bench.up(HEALTH)
    _until(lambda: "healthy" in mine.run("ps").stdout, 30)


@behaviour("plan, doctor")
def plan_and_doctor(bench: Bench) -> None:
    mine = bench.up()
    told = mine.run("plan")
    assert "not known" not in told.stdout + told.stderr
    found = mine.run("doctor").stdout
    who = "root" if bench.row.container_user == 0 else "dev"
    assert re.search(rf"{who} inside, UID {bench.row.container_user}\b", found), found


# --- how they are tried ----------------------------------------------------------------------------------------------


def _started(mine: UserProject, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    settings = {"cwd": mine.folder, "env": mine.environ, "text": True, "stdin": subprocess.DEVNULL, **options}
    return subprocess.Popen(mine.command(*arguments), **settings)


@contextmanager
def _terminal(mine: UserProject, *arguments: str) -> Iterator[Terminal]:
    made = Terminal()
    try:
        made.start(mine.command(*arguments), ROOT, {**mine.environ, "TERM": "xterm"}, mine.folder)
        yield made
    finally:
        made.close()


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "not within a minute"
        time.sleep(0.2)


def _in_network(bench: Bench, *command: str) -> str:
    """What a command says in the network of the engine, which is its own."""
    where = ["nsenter", "--net", "--target", str(_first_process(bench))]
    return subprocess.run([*where, *command], capture_output=True, text=True, check=False, timeout=30).stdout


def _first_process(bench: Bench) -> int:
    engine: Any = bench.engine
    return int(engine._process.pid)


def _running(words: bytes) -> list[int]:
    """The processes of this machine, in whatever container, that have ``words`` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if words in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def _has(tags: set[str], image: str) -> bool:
    return any(tag == image or tag.endswith(f"/{image}") for tag in tags)
