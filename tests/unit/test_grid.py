"""The tables of `make test-catalogue` and `make test-engines`."""

from __future__ import annotations

from tests.support.engines.grid import behaviours_table, grid

TABLE = """\
target     linux/amd64       linux/arm64       linux/arm/v7
ros/jazzy  passed    12.3 s  failed     4.0 s  ·
ros/noetic  ·                ·                 passed   100.0 s

linux/amd64: 1 passed in 12 s
linux/arm64: 1 failed in 4 s
linux/arm/v7: 1 passed in 100 s"""


def test_a_line_for_each_target_and_a_column_for_each_platform() -> None:
    results = {
        "ros/noetic linux/arm/v7": ("passed", 100.0),
        "ros/jazzy linux/arm64": ("failed", 4.0),
        "ros/jazzy linux/amd64": ("passed", 12.3),
    }
    assert [line.split() for line in grid(results)] == [line.split() for line in TABLE.splitlines()]


def test_a_line_for_each_behaviour_and_a_column_for_each_engine() -> None:
    cells = {"build on docker": "ok", "secrets on docker": "ok", "build on podman": "FAIL", "limits on podman": "said"}
    assert behaviours_table(cells) == [
        "| behaviour | docker | podman |",
        "|---|---|---|",
        "| build | ok | FAIL |",
        "| secrets | ok | · |",
        "| limits | · | said |",
        "",
        "2 ok, 1 FAIL, 1 said",
    ]
