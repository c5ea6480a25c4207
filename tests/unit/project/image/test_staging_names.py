"""Names that images have while `save` and `load` are at work."""

from __future__ import annotations

import os
import re
import subprocess

from robenv.project.image.staging_names import abandoned, is_staging, staging_name


def test_no_two_are_the_same_and_all_are_names_of_images() -> None:
    names = {staging_name() for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert is_staging(name)
        assert re.fullmatch(r"robenv/saved:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", name)


def test_only_what_a_process_of_this_machine_has_left_is_abandoned() -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine = staging_name()
    left = mine.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    machine = mine.partition(":")[2].partition("-")[0]
    elsewhere = left.replace(machine, "0" * 8)
    strange = ["robenv/saved:" + "ab" * 16, f"other:{machine}-{dead.pid}-00", f"robenv/saved:{machine}-x-00", "a:b"]
    assert abandoned([mine, left, elsewhere, *strange]) == [left]
