"""What a machine lacks is one report, in the order of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import HostRequirementMissing
from robenv.host.facts import EngineFacts, Facts, KernelFacts
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project.planned import plan_project

EVERYTHING = frozenset(("kernel", "distribution", "engine", "gpu", "devices", "session"))
FACTS = Facts(
    1000, 1000, "someone", "linux/amd64", read=EVERYTHING, kernel=KernelFacts(cpus=(0, 1)), engine=EngineFacts(cpus=2)
)


def test_everything_that_is_lacking_is_named_from_top_to_bottom(tmp_path: Path) -> None:
    lines = ("base: {image: x}", "run: {cpus: 64}", "devices: [ttyUSB7]", "display: required", "gpu: required")
    (tmp_path / "robenv.yaml").write_text("\n".join(lines))
    planned = plan_project(resolve_project(find_project(tmp_path), {}), "linux/amd64")
    with pytest.raises(HostRequirementMissing) as caught:
        planned.grant(FACTS)
    places = [problem.location for problem in caught.value.problems]
    assert [place.line for place in places if place] == [2, 3, 4, 5]
