"""The user's own `catalog.yaml`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from robenv.catalog.jetpack import JETPACKS, jetpack_of, jetpack_of_image
from robenv.errors import ProfileError
from robenv.plan.image.ros import past_end_of_life
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.catalog_overrides import CorrectedTables, corrections_file, read_corrections
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved


def read(folder: Path, text: str | bytes) -> CorrectedTables:
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


def test_a_target_is_still_of_the_jetpack_whose_base_was_corrected(picker: Callable[..., Resolved]) -> None:
    resolved = picker("jetpack: {jp7.2: {base: 'r.example.org/ubuntu:24.04', cuda: 13.3}}\n", "jetson/jp7.2")
    row = jetpack_of_image(resolved.profile.base.image, resolved.jetpacks)
    assert row is not None and (row.name, row.cuda) == ("jp7.2", "13.3")


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
        ("ros:\n  jazy: {until: 2029-05}\n", "robenv has no ROS distribution `jazy`", 2),
        ("ros:\n  jazzy: 2029-05\n", "expected a mapping", 2),
        ("ros:\n  jazzy: {until: 2029}\n", "`2029` is no month", 2),
        ("ros:\n  jazzy: {util: 2029-05}\n", "a ROS distribution has no `util` here", 2),
        ("ros:\n  jazzy: {until: [2029-05]}\n", "`until`: expected one value", 2),
        ("ros:\n  jazzy: {key: ./mine.asc}\n", "expected an address that begins with https://", 2),
        ("ros: [jazzy]\n", "expected a mapping", 1),
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


@pytest.fixture
def picker(tmp_path: Path) -> Callable[[str], Resolved]:
    """Resolves a project that extends ros/jazzy, with that catalog.yaml."""

    def resolve(text: str, extends: str = "ros/jazzy") -> Resolved:
        read(tmp_path, text)
        (tmp_path / "robenv.yaml").write_text(f"extends: [{extends}]\n")
        return resolve_project(find_project(tmp_path), {"XDG_CONFIG_HOME": str(tmp_path)})

    return resolve


def test_when_a_ros_distribution_ends(picker: Callable[[str], Resolved]) -> None:
    day = date(2026, 11, 26)
    assert past_end_of_life(picker("ros: {humble: {until: 2020-01}}\n"), day) == ()
    (warned,) = past_end_of_life(picker("ros: {jazzy: {until: 2026-10}}\n"), day)
    assert "has had no updates since October 2026" in warned.message
    assert past_end_of_life(picker("ros: {jazzy: {until: never}}\n"), date(2040, 1, 1)) == ()


def test_where_the_packages_of_a_ros_distribution_come_from(picker: Callable[[str], Resolved]) -> None:
    checksum = "sha256:" + "ab" * 32
    resolved = picker(f"ros:\n  jazzy: {{package: 'https://lab/x_all.deb', package_checksum: '{checksum}'}}\n")
    repository = resolved.profile.apt.repositories["ros"]
    assert (repository.package, repository.package_checksum) == ("https://lab/x_all.deb", checksum)
    place = resolved.locate(("apt", "repositories", "ros", "package_checksum"))
    assert place is not None and place.file.endswith("robenv/catalog.yaml") and place.line == 2
    (placed,) = (repository for level in resolved.levels for repository in level.part.repositories)
    assert placed.location == place, "what goes wrong with it is told there"
    assert picker("").profile.apt.repositories["ros"].package_checksum != checksum


def test_a_value_that_no_profile_may_have_is_told_where_the_user_wrote_it(picker: Callable[[str], Resolved]) -> None:
    with pytest.raises(ProfileError) as caught:
        picker("ros:\n  jazzy: {package_checksum: abc}\n")
    (problem,) = caught.value.problems
    assert problem.location is not None
    assert (problem.location.file.rpartition("/")[2], problem.location.line) == ("catalog.yaml", 2)
