"""What a deploy to several robots says where there is no terminal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from robenv.cli.fleet_view import FleetView


def test_lines_of_several_robots_stay_whole(capfd: pytest.CaptureFixture[str]) -> None:
    names = [f"robot{number}" for number in range(8)]
    with FleetView(names, quiet=False) as view, ThreadPoolExecutor(len(names)) as pool:

        def talk(name: str) -> None:
            for step in range(500):
                view.say(name, f"step {step}")

        list(pool.map(talk, names))
    lines = capfd.readouterr().err.splitlines()
    assert sorted(lines) == sorted(f"{name}: step {step}" for name in names for step in range(500))


def test_the_same_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    with FleetView(["rover"], quiet=False) as view:
        view.say("rover", "waiting")
        view.say("rover", "waiting")
        view.ended("rover", "deployed", "3f09")
    assert capfd.readouterr().err == "rover: waiting\nrover: deployed: 3f09\n"
