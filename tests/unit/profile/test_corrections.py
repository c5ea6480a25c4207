"""The user's own `catalog.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.catalog.jetpack import JETPACKS, jetpack_of
from robenv.profile.corrections import Corrected, corrections_file, read_corrections


def read(folder: Path, text: str | bytes) -> Corrected:
    path = folder / "robenv" / "catalog.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_corrections({"XDG_CONFIG_HOME": str(folder)})


def test_where_it_is() -> None:
    assert corrections_file({"XDG_CONFIG_HOME": "/c", "HOME": "/h"}) == Path("/c/robenv/catalog.yaml")
    assert corrections_file({"XDG_CONFIG_HOME": "c", "HOME": "/h"}) == Path("/h/.config/robenv/catalog.yaml")
    assert corrections_file({}) is None


def test_without_one(tmp_path: Path) -> None:
    found = read_corrections({"HOME": str(tmp_path)})
    assert (found.jetpacks, found.exists, found.problems) == (JETPACKS, False, ())


def test_one_line_is_corrected(tmp_path: Path) -> None:
    found = read(tmp_path, "jetpack:\n  jp6: {base: 'r.example.org/l4t-jetpack:r36.4.3', ubuntu: 22.04}\n")
    assert found.problems == ()
    row = jetpack_of((36, 4, 3), found.jetpacks)
    assert row is not None
    assert (row.base, row.suite, row.cuda) == ("r.example.org/l4t-jetpack:r36.4.3", "jammy", "12.6")
    assert [row for row in found.jetpacks if row.name != "jp6"] == [row for row in JETPACKS if row.name != "jp6"]


def test_a_line_is_added(tmp_path: Path) -> None:
    text = "jetpack:\n  jp8: {versions: '8.0', first: 40, last: 40, ubuntu: resolute, python: 3.14, cuda: 14.0,"
    found = read(tmp_path, text + " base: 'ubuntu:26.04', source: the lab, checked: 2026-11-26}\n")
    assert found.problems == ()
    row = jetpack_of((40, 1), found.jetpacks)
    assert row is not None
    assert (row.name, row.first) == ("jp8", (40, 0))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("- a\n", "expected a mapping", 1),
        ("jetpacks: {}\n", "there is no table `jetpacks`", 1),
        ("jetpack: [jp6]\n", "expected a mapping", 1),
        ("jetpack:\n  jp6: 36.4\n", "expected a mapping", 2),
        ("jetpack:\n  jp6: {first: r36}\n", "`r36` is not a release of L4T", 2),
        ("jetpack:\n  jp6: {first: [36]}\n", "`first`: expected one value", 2),
        ("jetpack:\n  jp6: {ubuntu: nobel}\n", "`nobel` is no release of Ubuntu that robenv knows", 2),
        ("jetpack:\n  jp6: {cuda: ''}\n", "expected a text on one line", 2),
        ("jetpack:\n  jp6: {last: 36.3}\n", "`jp6` ends before it begins", 2),
        ("jetpack:\n  jp9: {first: 41}\n", "`jp9` is new, and has no versions", 2),
        ("jetpack:\n  jp6: {cuda: 1}\n  jp6: {cuda: 2}\n", "jp6", 3),
        ("a: [\n", "", 2),
        (b"\xff", "", 1),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, text: str | bytes, message: str, line: int) -> None:
    found = read(tmp_path, text)
    (problem,) = found.problems
    assert message in problem.message
    assert problem.location is not None
    assert problem.location.file == str(tmp_path / "robenv" / "catalog.yaml")
    assert problem.location.line == line
    assert found.jetpacks == JETPACKS
