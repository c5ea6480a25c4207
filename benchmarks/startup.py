"""How long robenv takes to say what it can do."""

from __future__ import annotations

import sys

from benchmarks.measure import ROBENV, Check, Group, interleaved, run


def measure(rounds: int) -> Group:
    actions = {
        "python3 -c pass": lambda: run([sys.executable, "-c", "pass"]),
        "robenv --help": lambda: run([ROBENV, "--help"]),
    }
    group = Group("Start-up", "s", interleaved(actions, rounds), reference="python3 -c pass")
    group.checks = [Check("robenv --help", group.median("robenv --help"), 0.15)]
    return group
