"""Measures robenv beside its peers, in one run on one machine.

    python -m benchmarks.run [--quick] [GROUP…]

Groups: startup resolving memory entering walking rebuilding deploying compiling; by default all of them.

Prints a table of medians and ratios, and writes results.json and results.svg into benchmarks/results. Goals are shown
and never fail the run: a machine that is busy with other things is no defect of robenv.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import compiling, deploying, entering, memory, peers, picture, rebuilding, resolving, startup, walking
from benchmarks.measure import ROOT, Group

RESULTS = ROOT / "benchmarks" / "results"


def _groups(folder: Path, quick: bool) -> dict[str, Callable[[], Group | list[Group]]]:
    return {
        "startup": lambda: startup.measure(5 if quick else 21),
        "resolving": lambda: resolving.measure(folder, 2 if quick else 7),
        "memory": lambda: memory.measure(folder, 1 if quick else 3),
        "entering": lambda: entering.measure(folder, 3 if quick else 15),
        "walking": lambda: walking.measure(folder, 3 if quick else 15),
        "rebuilding": lambda: rebuilding.measure(folder, 1 if quick else 3),
        "deploying": lambda: deploying.measure(folder, quick),
        "compiling": lambda: compiling.measure(folder, quick),
    }


def machine() -> dict[str, object]:
    """What the numbers were taken on."""
    from robenv import __version__
    from robenv.engine import docker_engine

    engine = docker_engine.connect(os.environ)
    info = engine.info()
    engine.close()
    return {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "engine": f"{info.product} {info.version}, {info.storage_driver}",
        "robenv": __version__,
        "taken": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def table(group: Group) -> str:
    lines = [group.title]
    for name, values in group.values.items():
        ratio = group.ratio(name)
        beside = f"{ratio:8.2f} x" if ratio is not None else ""
        lines.append(f"  {name:<34}{group.median(name):10.3f} {group.unit:<3}{beside}   n={len(values)}")
    for check in group.checks:
        lines.append(f"  goal: {check.name} <= {check.goal:g}: {check.value:.3f}, {'met' if check.met else 'MISSED'}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description="Measures robenv beside its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it runs, not to quote")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="which to measure; default: all")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="robenv-bench-") as temporary:
        known = _groups(Path(temporary), options.quick)
        unknown = set(options.groups) - set(known)
        if unknown:
            parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        groups: list[Group] = []
        for name in options.groups or known:
            print(f"measuring: {name}", file=sys.stderr, flush=True)
            measured = known[name]()
            for group in measured if isinstance(measured, list) else [measured]:
                groups.append(group)
                print(f"\n{table(group)}\n", flush=True)
    _write(groups)
    return 0


def _write(groups: Sequence[Group]) -> None:
    RESULTS.mkdir(exist_ok=True)
    result = {"machine": machine(), "groups": [group.to_json() for group in groups]}
    if any("rocker" in group.values for group in groups):
        result["peers"] = peers.versions()
    (RESULTS / "results.json").write_text(json.dumps(result, indent=2) + "\n")
    picture.draw(groups, RESULTS / "results.svg")
    print(f"written: {RESULTS / 'results.json'}, {RESULTS / 'results.svg'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
