"""The image that the tests of the engine stand on: a Debian made from the package archive, once per engine."""

from __future__ import annotations

import fcntl
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import docker

TAG = "robenvtest-base:bookworm"
LABEL = "robenvtest.base"
"""Set on the shared base alone, so that nothing else is taken for it and nothing removes it."""

_DOCKERFILE = f'FROM scratch\nADD root.tar /\nLABEL {LABEL}="bookworm"\nCMD ["bash"]\n'


def ensure(api: docker.APIClient) -> str:
    """The tag of a Debian bookworm of the variant minbase, without package lists; made where it is missing."""
    with Path(tempfile.gettempdir(), "robenvtest-base.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not api.images(name=TAG, quiet=True):
            with tempfile.TemporaryDirectory(prefix="robenvtest-base-", dir="/var/tmp") as folder:
                _build(api, Path(folder))
    return TAG


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


def _build(api: docker.APIClient, folder: Path) -> None:
    root = folder / "root.tar"
    source = "deb http://deb.debian.org/debian bookworm main"
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    bootstrap = ["mmdebstrap", "--quiet", "--variant=minbase", f"--keyring={keyring}", "bookworm", str(root), source]
    subprocess.run(bootstrap, check=True, stdin=subprocess.DEVNULL, timeout=600)
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    context = folder / "context.tar"
    # BuildKit knows a tar by its first kilobyte, in which a PAX header, as a time with fractions makes, would not end.
    with tarfile.open(context, "w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(folder / "Dockerfile", "Dockerfile")
        tar.add(root, "root.tar")
    build_context(api, context, TAG)


def build_context(api: Any, context: Path, tag: str) -> str:
    """Builds a context, a tar file, with BuildKit through the Engine API; the image's ID."""
    with context.open("rb") as body:
        answer = api._post(
            api._url("/build"),
            data=body,
            params={"version": "2", "t": tag},
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
