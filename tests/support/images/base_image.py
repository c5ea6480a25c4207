"""The image that the tests of the engine stand on: a Debian made from the package archive, once per engine."""

from __future__ import annotations

import fcntl
import json
import os
import platform as machine
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import docker

from robenv.catalog.platforms import normalize, parse_platform
from tests.support.images.emulation import ensure_emulated

_OWN = normalize(machine.machine())
TAG = "robenvtest-base:bookworm"
LABEL = "robenvtest.base"
"""Set on the shared base alone, so that nothing else is taken for it and nothing removes it."""

_DOCKERFILE = f'FROM scratch\nADD root.tar /\nLABEL {LABEL}="bookworm"\nCMD ["bash"]\n'


def ensure(api: docker.APIClient, platform: str = _OWN) -> str:
    """The tag of a Debian bookworm of the variant minbase, without package lists; made where it is missing.

    One for each platform; those of another than this machine's are made under emulation, in minutes.
    """
    architecture = parse_platform(platform).debian
    tag = TAG if platform == _OWN else f"{TAG}-{architecture}"
    with Path(tempfile.gettempdir(), f"robenvtest-base-{architecture}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not api.images(name=tag, quiet=True):
            ensure_emulated(platform)
            with tempfile.TemporaryDirectory(prefix="robenvtest-base-", dir="/var/tmp") as folder:
                _build(api, Path(folder), tag, platform, architecture)
    return tag


def ensure_made(api: Any, tag: str, dockerfile: str) -> str:
    """``tag``, which is made of the base where it is missing, and kept; ``dockerfile`` gives it the base's label."""
    ensure(api)
    with Path(tempfile.gettempdir(), f"{tag.partition(':')[0]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not api.images(name=tag, quiet=True):
            with tempfile.TemporaryDirectory(prefix="robenvtest-") as folder:
                written, context = Path(folder, "Dockerfile"), Path(folder, "context.tar")
                written.write_text(dockerfile)
                with tarfile.open(context, "w", format=tarfile.GNU_FORMAT) as tar:
                    tar.add(written, "Dockerfile")
                build_context(api, context, tag)
    return tag


def _build(api: docker.APIClient, folder: Path, tag: str, platform: str, architecture: str) -> None:
    root = folder / "root.tar"
    source = "deb http://deb.debian.org/debian bookworm main"
    bootstrap = ["mmdebstrap", "--quiet", "--variant=minbase", f"--architectures={architecture}"]
    bootstrap += ["--keyring=/usr/share/keyrings/debian-archive-keyring.gpg", "bookworm", str(root), source]
    # QEMU before 10 computes pointer authentication in software, at every call.
    environment = {**os.environ, **({"QEMU_CPU": "max,pauth=off"} if architecture == "arm64" else {})}
    subprocess.run(bootstrap, check=True, stdin=subprocess.DEVNULL, timeout=1800, env=environment)
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    context = folder / "context.tar"
    # BuildKit knows a tar by its first kilobyte, in which a PAX header, as a time with fractions makes, would not end.
    with tarfile.open(context, "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(folder / "Dockerfile", "Dockerfile")
        tar.add(root, "root.tar")
    build_context(api, context, tag, platform)


def build_context(api: Any, context: Path, tag: str, platform: str = _OWN) -> str:
    """Builds a context, a tar file, with BuildKit through the Engine API; the image's ID."""
    with context.open("rb") as body:
        answer = api._post(
            api._url("/build"),
            data=body,
            params={"version": "2", "t": tag, "platform": platform},
            headers={"Content-Type": "application/x-tar"},
            stream=True,
            timeout=600,
        )
        answer.raise_for_status()
        image = ""
        for line in answer.iter_lines():
            record = json.loads(line)
            if "error" in record:
                raise RuntimeError(f"{tag} could not be built: {record['error']}")
            if record.get("id") == "moby.image.id":
                image = record["aux"]["ID"]
    if not image:
        raise RuntimeError(f"{tag} could not be built: the engine ended the stream and named no image")
    return image
