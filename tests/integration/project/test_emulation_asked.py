"""What a command does about an architecture that the kernel does not run yet: for root it registers QEMU, others are
told; here, through an engine elsewhere, and by `doctor --fix`. The programs are tiny ones of ppc64le, which end with
their own exit code: seen, it proves that they ran.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.catalog.emulators import EMULATORS, PROOF, Emulator, tiny_program
from robenv.engine.protocol import BuildRequest, Engine
from robenv.engine.transport.endpoint import DEFAULT_URL
from robenv.host.probes.binfmt import FOLDER, read_handlers
from robenv.plan.names import LABEL_ROLE, ROLE_BASE
from robenv.render import stream
from robenv.render.entries import FILE, ContextEntry
from tests.support.images.emulation import ensure_mounted
from tests.support.projects.project import Project
from tests.support.servers.ssh_server import SshServer

pytestmark = pytest.mark.engine

PPC = next(emulator for emulator in EMULATORS if emulator.qemu == "ppc64le")
USER = 1000
LDCONFIG = "/sbin/ldconfig"
STEP = "steps: [{name: try it, run: 'true'}]\n"
NOW = "this machine now emulates ppc64le"


@pytest.fixture
def _nothing_registered() -> Iterator[None]:
    """As on a machine where nobody has registered ppc64le; what was there is there again afterwards."""
    ensure_mounted()  # without it, nobody but root learns what is registered
    before = [handler.name for handler in read_handlers() if handler.takes(PPC)]
    for name in before:
        (FOLDER / name).write_text("0")
    yield
    if (FOLDER / PPC.name).exists() and PPC.name not in before:
        (FOLDER / PPC.name).write_text("-1")
    for name in before:
        (FOLDER / name).write_text("1")


@contextmanager
def _image(engine: Engine, emulator: Emulator, label: str, *paths: str) -> Iterator[str]:
    """An image of ppc64le in which every program is ``emulator``'s tiny one."""
    name = f"robenvtest-ppc64le:{secrets.token_hex(4)}"
    copied = (("passwd", "/etc/passwd"), ("group", "/etc/group"), *(("tiny", path) for path in paths))
    lines = ("FROM scratch", *(f"COPY {source} {path}" for source, path in copied))
    entries = [
        ContextEntry("Dockerfile", FILE, 0o644, data="\n".join(lines).encode()),
        ContextEntry("group", FILE, 0o644, data=b"root:x:0:\n"),
        ContextEntry("passwd", FILE, 0o644, data=b"root:x:0:0:root:/:/bin/sh\n"),
        ContextEntry("tiny", FILE, 0o755, data=tiny_program(emulator)),
    ]
    wanted = BuildRequest(name, emulator.platform, {LABEL_ROLE: label}, no_cache=True)
    for _ in engine.build(wanted, stream(entries)):
        pass
    try:
        yield name
    finally:
        engine.remove_image(name, force=True)


@pytest.fixture(scope="module")
def tiny(engine: Engine) -> Iterator[str]:
    with _image(engine, PPC, "test", "/bin/sh", "/bin/bash", "/bin/sleep", "/usr/bin/true") as name:
        yield name


@pytest.fixture
def foreign(project: Callable[..., Project], tiny: str) -> Callable[..., Project]:
    return lambda extra="": project(f"platforms: [{PPC.platform}]\n{extra}", tiny)


@pytest.mark.usefixtures("_nothing_registered")
def test_root_gets_what_a_build_takes(foreign: Callable[..., Project]) -> None:
    one = foreign(STEP)
    said = one.run("build", "--no-accel", check=5).stderr
    assert NOW in said
    assert f"exit code: {PROOF}" in said or f"exit code {PROOF}" in said
    assert NOW not in one.run("build", "--no-accel", check=5).stderr, "it is there now"
    assert f"took back {PPC.name}" in one.run("binfmt", "unregister", "ppc64le").stderr


@pytest.mark.usefixtures("_nothing_registered")
def test_a_build_without_foreign_programs_takes_nothing(foreign: Callable[..., Project]) -> None:
    said = foreign("files: [{source: robenv.yaml, target: /profile}]\n").run("build", "--no-accel").stderr
    assert NOW not in said
    assert not (FOLDER / PPC.name).exists()


@pytest.mark.usefixtures("_nothing_registered")
def test_root_gets_what_run_takes(foreign: Callable[..., Project]) -> None:
    assert NOW in foreign().run("run", "--no-accel", "true", check=PROOF).stderr


@pytest.mark.usefixtures("_nothing_registered")
def test_root_gets_what_up_takes(foreign: Callable[..., Project]) -> None:
    assert NOW in foreign().run("up", "-d", "--no-accel", check=None).stderr  # its main process ends soon, too


@pytest.mark.usefixtures("_nothing_registered")
def test_a_user_of_the_engine_is_told_and_gets_nothing(foreign: Callable[..., Project]) -> None:
    one = foreign(STEP)
    for path in (one.folder, one.folder / "robenv.yaml"):
        os.chown(path, USER, USER)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        one.environ[name] = str(one.folder / name)
    said = one.run("build", "--no-accel", user=USER, check=6).stderr
    assert f"This machine does not run programs of {PPC.platform}" in said
    assert "`robenv binfmt register ppc64le`" in said
    assert not (FOLDER / PPC.name).exists()


@pytest.mark.usefixtures("_nothing_registered")
def test_an_engine_elsewhere_is_left_as_it_is_and_the_failure_says_what_to_do(foreign: Callable[..., Project]) -> None:
    server = SshServer(os.environ.get("DOCKER_HOST") or DEFAULT_URL)
    try:
        one = foreign(STEP)
        one.environ |= server.start().environment
        said = one.run("build", "--no-accel", check=6).stderr
    finally:
        server.close()
    assert f"the engine's machine cannot run programs of {PPC.platform}" in said
    assert "`sudo robenv binfmt register` on that machine" in said
    assert not (FOLDER / PPC.name).exists()


def test_doctor_mends_it(tmp_path: Path) -> None:
    """In a user namespace, which has handlers of its own."""
    (tmp_path / "robenv.yaml").write_text(
        "name: x\nextends: debian/bookworm\nplatforms: [linux/amd64, linux/ppc64le]\n"
    )
    robenv = f"{sys.executable} -m robenv"
    script = (
        f"mount -t binfmt_misc binfmt_misc {FOLDER}; {robenv} doctor --json; {robenv} doctor --fix --yes >&2;"
        f"cat {FOLDER}/{PPC.name}; {robenv} doctor --json"
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PATH": path, "DOCKER_HOST": "unix:///robenvtest/no.sock", "NO_COLOR": "1"},
    )  # fmt: skip
    first, at = json.JSONDecoder().raw_decode(done.stdout)
    told, _, rest = done.stdout[at:].partition("[\n")
    assert "flags: F" in told, done.stderr
    assert [one["fix"] for one in _emulation(first)] == ["robenv binfmt register ppc64le"]
    assert _emulation(json.loads("[\n" + rest)) == []
    assert "running robenv binfmt register ppc64le" in done.stderr


def _emulation(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    return [finding for finding in findings if finding["check"] == "emulation" and finding["status"] != "ok"]


@pytest.mark.usefixtures("_nothing_registered")
def test_bases_in_which_ldconfig_crashes_are_named(engine: Engine) -> None:
    """As QEMU lets it crash: by a signal, here for an instruction that no processor has."""
    crashing = replace(PPC, code="00000000")
    with _image(engine, crashing, ROLE_BASE, LDCONFIG) as bad, _image(engine, PPC, ROLE_BASE, LDCONFIG) as good:
        command = [sys.executable, "-m", "robenv", "binfmt", "register", "ppc64le"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stderr
    assert f"ldconfig crashes in {bad}" in said
    assert good not in said
