"""What a machine lacks is one report, in the order of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import HostLacks
from robenv.host.facts import EngineFacts, Facts, Kernel
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import load

EVERYTHING = frozenset(("kernel", "distribution", "engine", "gpu", "devices", "session"))
FACTS = Facts(
    1000, 1000, "someone", "linux/amd64", read=EVERYTHING, kernel=Kernel(cpus=(0, 1)), engine=EngineFacts(cpus=2)
)


def test_everything_that_is_lacking_is_named_from_top_to_bottom(tmp_path: Path) -> None:
    lines = ("base: {image: x}", "run: {cpus: 64}", "devices: [ttyUSB7]", "display: required", "gpu: required")
    (tmp_path / "robenv.yaml").write_text("\n".join(lines))
    loaded = load(resolve_project(find_project(tmp_path), {}), "linux/amd64")
    with pytest.raises(HostLacks) as caught:
        loaded.grant(FACTS)
    places = [problem.location for problem in caught.value.problems]
    assert [place.line for place in places if place] == [2, 3, 4, 5]
