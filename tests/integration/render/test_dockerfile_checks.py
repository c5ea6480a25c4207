"""BuildKit's own checks of Dockerfiles, by an engine that is new enough to have them, on those of all targets.

https://docs.docker.com/reference/build-checks/: an engine tells them as it begins a build, before anything runs. The
bases are left out, since no registry is here: what stands upon them is what robenv writes.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.build.buildkit.messages import StatusResponse
from tests.support.engines.newer_engine import NewerEngine
from tests.support.folders import ROOT

pytestmark = pytest.mark.engine

GOLDEN = ROOT / "tests" / "golden" / "profiles"


def checked(api: Any, dockerfile: str) -> list[str]:
    """What BuildKit says of it. The build itself fails, as nothing can run without a base."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w", format=tarfile.GNU_FORMAT) as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
    answer = api._post(
        api._url("/build"),
        data=context.getvalue(),
        params={"version": "2"},
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=120,
    )
    answer.raise_for_status()
    found: list[str] = []
    for line in answer.iter_lines():
        record = json.loads(line)
        if record.get("id") == "moby.buildkit.trace":
            status = StatusResponse.FromString(base64.b64decode(record["aux"]))
            found += [warning.short.decode() for warning in status.warnings]
    return found


def without_base(dockerfile: str) -> str:
    """The same instructions for any of the bases: those of two targets are often the same."""
    text = re.sub(r"^FROM \S+", "FROM scratch", dockerfile, flags=re.MULTILINE)
    return re.sub(r"id=robenv-[^,]+", "id=x", text)


def test_buildkit_would_say_something(newer_engine: NewerEngine) -> None:
    (warning,) = checked(newer_engine.api(), "FROM scratch as x\nCMD exec true\n")[:1]
    assert "FromAsCasing" in warning or "JSONArgsRecommended" in warning


def test_buildkit_finds_nothing_in_the_dockerfiles_of_all_targets(newer_engine: NewerEngine) -> None:
    unique: dict[str, Path] = {}
    for path in sorted(GOLDEN.iterdir()):
        unique.setdefault(without_base(path.read_text()), path)
    with ThreadPoolExecutor(4) as pool:
        told = pool.map(lambda text: checked(newer_engine.api(), text), unique)
    assert {path.name: said for path, said in zip(unique.values(), told, strict=True) if said} == {}
