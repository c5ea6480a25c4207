"""Bases on a real engine: made from Debian's archive, and pulled.

mmdebstrap's variant ``extract`` only unpacks what ``include`` names, which keeps these tests short.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.bases.ensure import ensure_base
from robenv.engine.docker_engine import connect
from robenv.engine.protocol import BuildEvent, BuildRequest, Engine, ImageEvent, LogEvent, StepEvent
from robenv.errors import DiskFull, OperationFailed, ProfileError
from robenv.plan.models import Base, Bootstrap
from tests.support.images.building import context, output
from tests.support.servers.registry import Registry

pytestmark = pytest.mark.engine

REFERENCE = "robenv/robenvtest-base-made:1"
MIRROR = "http://deb.debian.org/debian"


def _base(mirror: str = MIRROR, suite: str = "bookworm", include: str = "busybox-static") -> Base:
    wanted = Bootstrap(suite, mirror, ("main",), "extract", (include,), "linux/amd64")
    return Base(REFERENCE, bootstrap=wanted)


@pytest.fixture(autouse=True)
def _nothing_left_here(docker_api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No temp folder, no mount, no process, nothing in the cache but the lock."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Not below the test's own folder, which is root's alone: apt has a user of its own.
    with tempfile.TemporaryDirectory(prefix="robenvtest-bases-") as temporary:
        Path(temporary).chmod(0o755)
        monkeypatch.setenv("TMPDIR", temporary)
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        yield
        assert list(Path(temporary).iterdir()) == []
    if docker_api.images(name=REFERENCE):
        docker_api.remove_image(REFERENCE, force=True)
    assert list(tmp_path.glob("cache/robenv/bases/*")) == []
    assert _processes(str(tmp_path)) == []


def _processes(mark: str) -> list[str]:
    """Processes of mmdebstrap's that run with this in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if mark.encode() in (entry / "environ").read_bytes() and b"mmdebstrap" in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def _ensure(engine: Engine, base: Base) -> list[BuildEvent]:
    events: list[BuildEvent] = []
    ensure_base(engine, base, "linux/amd64", events.append)
    return events


def test_a_base_is_made_once_and_always_the_same(engine: Engine, docker_api: Any) -> None:
    events = _ensure(engine, _base())
    image = engine.find_image(REFERENCE)
    assert image is not None
    assert image.platform == "linux/amd64"
    assert image.labels["robenv.role"] == "base"
    assert image.command == ("bash",)
    assert not any(isinstance(event, ImageEvent) for event in events), "a build that then fails would count as built"
    steps = [event for event in events if isinstance(event, StepEvent)]
    assert steps[0].name == "base debian bookworm (linux/amd64)"
    assert steps[-1] == StepEvent(steps[0].id, steps[0].name, steps[0].started, steps[-1].completed)
    assert "I: running apt-get update" in output(events)

    assert _ensure(engine, _base()) == []

    files = _files(docker_api)
    assert {"bin/busybox", "etc"} <= files
    assert not {"etc/resolv.conf", "etc/hostname"} & files
    assert not [name for name in files if name.startswith("var/lib/apt/lists/") and "Packages" in name]

    engine.remove_image(REFERENCE)
    _ensure(engine, _base())
    again = engine.find_image(REFERENCE)
    assert again is not None
    assert again.layers == image.layers


def _files(api: Any) -> set[str]:
    """What the image's layers hold."""
    names: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(b"".join(api.get_image(REFERENCE)))) as archive:
        for layer in json.loads(_member(archive, "manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(_member(archive, layer))) as files:
                names.update(name.removeprefix("./") for name in files.getnames())
    return names


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def test_two_at_once_make_one(engine: Engine) -> None:
    told: list[list[BuildEvent]] = [[], []]

    def ensure(number: int) -> None:
        own = connect(os.environ)
        ensure_base(own, _base(), "linux/amd64", told[number].append)
        own.close()

    threads = [threading.Thread(target=ensure, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outputs = sorted(map(output, told), key=len)
    assert outputs[0] == "another robenv makes this base; waiting for it\n"
    assert "I: success" in outputs[1]
    assert engine.find_image(REFERENCE) is not None


_SCRIPT = """
import os, sys
from robenv.bases.ensure import ensure_base
from robenv.engine.docker_engine import connect
from robenv.engine.protocol import LogEvent
from tests.integration.bases.test_bases import _base
def tell(event):
    if isinstance(event, LogEvent):
        print(event.text, end="", flush=True)
try:
    ensure_base(connect(os.environ), _base(), "linux/amd64", tell)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("moment", ["I: running apt-get update", "I: extracting archives"])
def test_an_interrupt_leaves_nothing(engine: Engine, root: Path, moment: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    try:
        assert any(line.startswith(moment) for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().splitlines()[-1] == "interrupted"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert engine.find_image(REFERENCE) is None
    assert "robenv-base-" not in Path("/proc/self/mounts").read_text()


def test_a_package_that_does_not_exist(engine: Engine) -> None:
    with pytest.raises(OperationFailed) as caught:
        _ensure(engine, _base(include="robenvtest-no-such-package"))
    assert "Unable to locate package robenvtest-no-such-package" in caught.value.details
    assert MIRROR in caught.value.hint


def test_a_suite_and_a_mirror_that_do_not_exist(engine: Engine) -> None:
    with pytest.raises(OperationFailed, match="has no suite robenvtest"):
        _ensure(engine, _base(suite="robenvtest"))
    with pytest.raises(OperationFailed, match="does not answer"):
        _ensure(engine, _base(mirror="http://no-such-host.invalid/debian"))
    with pytest.raises(ProfileError, match="does not know where the suite bokworm is"):
        _ensure(engine, _base(mirror="", suite="bokworm"))


def test_a_cache_folder_that_is_full(engine: Engine, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(cache)], check=True)
    try:
        with pytest.raises(DiskFull) as caught:
            _ensure(engine, _base())
        assert str(cache) in f"{caught.value.message} {caught.value.hint}"
        assert list(cache.glob("robenv/bases/*")) == []
    finally:
        subprocess.run(["umount", str(cache)], check=True)
    assert engine.find_image(REFERENCE) is None


def test_an_image_is_pulled_unless_it_is_there_for_that_platform(
    engine: Engine, docker_api: Any, registry: Callable[..., Registry]
) -> None:
    reference = f"{registry().address}/robenvtest-based:1"
    dockerfile = "FROM scratch\nCOPY Dockerfile /\n"
    list(engine.build(BuildRequest(reference, "linux/arm64", {}), context(dockerfile)))
    docker_api.push(reference)
    list(engine.build(BuildRequest(reference, "linux/amd64", {}), context(dockerfile)))
    try:
        events: list[BuildEvent] = []
        assert (
            ensure_base(engine, Base(reference, image=reference), "linux/amd64", events.append).platform
            == "linux/amd64"
        )
        assert events == []
        assert (
            ensure_base(engine, Base(reference, image=reference), "linux/arm64/v8", events.append).platform
            == "linux/arm64"
        )
        assert isinstance(events[0], StepEvent)
        assert events[0].name.startswith(f"pull {reference}")
        assert not any(isinstance(event, LogEvent) for event in events)
    finally:
        engine.remove_image(reference)
