"""What the benchmarks make of their numbers, and that what they run does what it claims. Nothing here is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import resolving
from benchmarks.measure import Check, Group, interleaved, run
from benchmarks.run import table


def _group() -> Group:
    values = {"docker exec": [0.2, 0.1, 0.4], "robenv up": [0.5, 0.3, 0.4]}
    return Group("Entering", "s", values, "docker exec", [Check("robenv / docker", 2.0, 2.5), Check("help", 0.2, 0.15)])


def test_medians_and_ratios_to_the_reference() -> None:
    group = _group()
    assert group.median("docker exec") == 0.2
    assert group.ratio("robenv up") == 2.0
    assert Group("Alone", "s", {"one": [1.0]}).ratio("one") is None


def test_the_table_says_which_goals_are_met() -> None:
    lines = table(_group()).splitlines()
    assert lines[0] == "Entering"
    assert lines[2].split() == ["robenv", "up", "0.400", "s", "2.00", "x", "n=3"]
    assert lines[3].strip() == "goal: robenv / docker <= 2.5: 2.000, met"
    assert lines[4].strip() == "goal: help <= 0.15: 0.200, MISSED"


def test_the_json_keeps_every_value() -> None:
    document = json.loads(json.dumps(_group().to_json()))
    assert document["values"]["docker exec"] == [0.2, 0.1, 0.4]
    assert document["medians"] == {"docker exec": 0.2, "robenv up": 0.4}
    assert [check["met"] for check in document["checks"]] == [True, False]


def test_actions_are_taken_in_turns_after_a_round_that_warms_up() -> None:
    calls: list[str] = []
    values = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert {name: len(seconds) for name, seconds in values.items()} == {"a": 2, "b": 2}


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="exited with 3:\nwhy\n"):
        run(["sh", "-c", "echo why; exit 3"])


def test_the_chain_that_is_resolved_has_all_levels_and_packages(tmp_path: Path) -> None:
    from robenv.project.planned import plan_project, resolve

    resolving._once(tmp_path, 60)
    (project,) = tmp_path.iterdir()
    groups = plan_project(resolve(project, None, {}), "linux/amd64").build.stages[-1].groups
    assert len(groups) == resolving.LEVELS
    assert sum(len(group.packages) for group in groups) == 60


def test_an_unknown_group_is_refused_and_the_known_are_named(root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.run", "speed"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no such group: speed; there are startup, resolving" in result.stderr
