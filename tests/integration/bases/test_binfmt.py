"""Emulation registered with the real kernel: in a user namespace of the test's own, which has handlers of its own since
Linux 6.7, so that nothing else on this machine notices; and through an engine, for an architecture that nobody uses.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from robenv.catalog.binfmt import registration
from robenv.catalog.emulators import EMULATORS, PROOF, Emulator, tiny_program
from robenv.cli.reporter import TerminalReporter
from robenv.engine.protocol import Engine
from robenv.host.probes.binfmt import FOLDER, find_interpreter
from robenv.project.image.emulation import EngineKernel, register, unregister
from tests.support.images.emulation import ensure_mounted

pytestmark = pytest.mark.engine

ROBENV = f"{sys.executable} -m robenv binfmt"
S390X = next(emulator for emulator in EMULATORS if emulator.qemu == "s390x")
ARM64 = next(emulator for emulator in EMULATORS if emulator.qemu == "aarch64")
THEIRS = registration("qemu-s390x", S390X.magic, S390X.mask, find_interpreter(S390X), "")
WSL = ":WSLInterop:M::MZ::/bin/true:P"


def _apart(script: str, *, mounted: bool = True, check: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs a shell script where no handler is registered, and no engine answers."""
    mount = f"mount -t binfmt_misc binfmt_misc {FOLDER}; b={FOLDER};" if mounted else ""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{mount} {script}"],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "DOCKER_HOST": "unix:///robenvtest/no.sock", "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == check, done.stderr
    return done


def _root(folder: Path, emulator: Emulator) -> str:
    """A root with nothing but the tiny program: what runs there finds no interpreter by its path."""
    program = folder / "tiny"
    program.write_bytes(tiny_program(emulator))
    program.chmod(0o755)
    return f"chroot {folder} /tiny; echo chroot=$?"


def test_from_nothing_and_back(tmp_path: Path) -> None:
    run = _root(tmp_path, S390X)
    told = _apart(
        f"ls $b; {run}; {ROBENV} register s390x --json; cat $b/robenv-s390x; {run}; {ROBENV} unregister; ls $b"
    )
    start = told.stdout.index("[\n")
    before, rest = told.stdout[:start], told.stdout[start:]
    assert "robenv-" not in before
    assert f"chroot={PROOF}" not in before
    assert json.JSONDecoder().raw_decode(rest)[0][0]["state"] == "works"
    assert "flags: F" in rest
    assert f"chroot={PROOF}" in rest, "the kernel holds the interpreter open"
    assert rest.splitlines()[-2:] == ["register", "status"]
    assert "took back robenv-s390x" in told.stderr


def test_binfmt_misc_is_mounted_where_it_is_not() -> None:
    script = f"umount {FOLDER}; mount -t tmpfs tmpfs {FOLDER}; {ROBENV} register riscv64 arm/v7; ls {FOLDER}"
    assert {"robenv-riscv64", "robenv-arm"} <= set(_apart(script, mounted=False).stdout.split())


def test_all_of_them_run_and_say_so() -> None:
    told = json.loads(_apart(f"{ROBENV} register --credentials >/dev/null; {ROBENV} --json").stdout)
    assert len(told) == len(EMULATORS) - 1
    assert {(one["state"], one["own"]) for one in told} == {("works", True)}
    assert {"".join(sorted(one["flags"])) for one in told} == {"CFO"}


def test_a_handler_of_others_without_f_stays_and_ours_goes_before_it(tmp_path: Path) -> None:
    told = _apart(
        f"echo '{WSL}' >$b/register; echo '{THEIRS}' >$b/register; cat $b/qemu-s390x; {ROBENV}; sleep 0.05;"
        f"{ROBENV} register s390x; {_root(tmp_path, S390X)}; {ROBENV} unregister; cat $b/qemu-s390x; ls $b"
    )
    assert "qemu-s390x lacks the flag F" in told.stderr
    assert "s390x    unfit    qemu-s390x" in told.stdout
    assert f"chroot={PROOF}" in told.stdout
    assert "robenv binfmt register --mend s390x" in told.stderr
    first, second = told.stdout.split("enabled\n")[1:]
    assert second.startswith(first.partition("ARCH")[0]), "it is as it was"
    assert told.stdout.split()[-4:] == ["WSLInterop", "qemu-s390x", "register", "status"]


def test_mending_gives_it_the_flag(tmp_path: Path) -> None:
    told = _apart(
        f"echo '{WSL}' >$b/register; echo '{THEIRS}' >$b/register; {ROBENV} register --mend s390x;"
        f"cat $b/qemu-s390x; {_root(tmp_path, S390X)}; ls $b"
    )
    assert "flags: F" in told.stdout
    assert f"chroot={PROOF}" in told.stdout
    assert told.stdout.split()[-4:] == ["WSLInterop", "qemu-s390x", "register", "status"]


def test_a_mending_that_the_kernel_refuses_leaves_it_as_it_was() -> None:
    gone = THEIRS.replace(find_interpreter(S390X), "/robenvtest/nowhere")
    told = _apart(f"echo '{gone}' >$b/register; {ROBENV} register --mend s390x; echo $?; cat $b/qemu-s390x")
    assert told.stdout.startswith("6\nenabled\ninterpreter /robenvtest/nowhere\n")
    assert "The kernel does not take" in told.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("register loong64", 2, "this machine can emulate: "),
        ("register arm46", 2, "did you mean"),
        ("remove arm64", 2, "status|register|unregister"),
        ("unregister --mend", 2, "are for register"),
    ],
)
def test_bad_input(words: str, code: int, said: str) -> None:
    assert said in _apart(f"{ROBENV} {words}", check=code).stderr


def test_without_rights_and_without_an_engine() -> None:
    bare = f"umount {FOLDER}; mount -t tmpfs tmpfs {FOLDER}; setpriv --bounding-set=-all --inh-caps=-all --no-new-privs"
    said = _apart(f"{bare} {ROBENV} register s390x", mounted=False, check=6).stderr
    assert "This user may not register" in said
    assert "sudo robenv binfmt register" in said


def test_through_the_engine(engine: Engine) -> None:
    ensure_mounted()
    kernel = EngineKernel(engine, TerminalReporter(quiet=True))
    before = _own(kernel)
    try:
        assert [one.state for one in register(kernel, (S390X,))] == ["works"]
        assert S390X.name in {one.name for one in kernel.read()}, "it stays when the container has gone"
    finally:
        assert unregister(kernel, (S390X,)) == (S390X.name,)
    assert _own(kernel) == before == []


def _own(kernel: EngineKernel) -> list[str]:
    """Of s390x alone: other tests register others at the same time."""
    return [one.name for one in kernel.read() if one.name == S390X.name]
