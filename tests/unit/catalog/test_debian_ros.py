"""Which ROS 1 packages Debian lacks, by the data made from its archive."""

from __future__ import annotations

import pytest

from robenv.catalog.debian_ros import missing_packages

SUITES = ("bookworm", "trixie")


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("package", ["roscpp", "rviz", "tf2_ros", "euslisp", "jskeus"])
def test_what_debian_has_is_not_lacking(suite: str, package: str) -> None:
    """euslisp and jskeus are there without a package.xml, under their own names."""
    assert package not in missing_packages(suite)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("package", "repository"), [("xacro", "xacro"), ("roslint", "roslint"), ("laser_proc", "laser_proc")]
)
def test_what_debian_lacks_has_its_source(suite: str, package: str, repository: str) -> None:
    found = missing_packages(suite)[package]
    assert found.url.endswith(f"/{repository}.git")
    assert found.version


def test_of_a_suite_that_was_not_looked_at_nothing_is_said() -> None:
    assert missing_packages("sid") == {}
