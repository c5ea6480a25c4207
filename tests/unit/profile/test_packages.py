from pathlib import Path

import pytest

from robenv.profile.packages import TYPES, holds, read_packages

_HEAD = "<package format='3'><name>{}</name>\n"


def _write(folder: Path, where: str, text: str) -> None:
    (folder / where).mkdir(parents=True)
    (folder / where / "package.xml").write_text(text)


def test_keys_are_those_of_all_packages_without_their_own(tmp_path: Path) -> None:
    _write(tmp_path, "src/a", _HEAD.format("a") + "<depend>zlib</depend>\n  <test_depend>b</test_depend></package>")
    _write(
        tmp_path, "src/b", _HEAD.format("b") + "<doc_depend>doxygen</doc_depend><exec_depend>jq</exec_depend></package>"
    )
    _write(tmp_path, "src/c", "<package><name>c</name><run_depend>bc</run_depend></package>")
    found = read_packages(tmp_path)
    assert found.problems == ()
    keys = found.keys(TYPES[:-1], ("jq",), {})
    assert [key for key, _ in keys] == ["bc", "zlib"]
    assert (keys[1][1].file, keys[1][1].line, keys[1][1].column) == ("src/a/package.xml", 2, 1)
    assert [key for key, _ in found.keys(("doc",), (), {})] == ["doxygen"]


def test_conditions_count_in_format_3_alone(tmp_path: Path) -> None:
    line = "<depend condition='$ROS_VERSION == 2'>rclcpp</depend></package>"
    _write(tmp_path, "three", _HEAD.format("three") + line)
    _write(tmp_path, "two", "<package format='2'><name>two</name>" + line.replace("rclcpp", "roscpp"))
    found = read_packages(tmp_path)
    assert [key for key, _ in found.keys(TYPES, (), {"ROS_VERSION": "1"})] == ["roscpp"]
    assert [key for key, _ in found.keys(TYPES, (), {"ROS_VERSION": "2"})] == ["rclcpp", "roscpp"]


@pytest.mark.parametrize(
    "place", ["build/a", "install/a", "devel/a", "log/a", ".git/a", "src/gone/a", "src/whole/inner"]
)
def test_what_builds_leave_and_what_is_ignored_is_not_looked_at(tmp_path: Path, place: str) -> None:
    _write(tmp_path, place, _HEAD.format("a") + "<depend>zlib</depend></package>")
    (tmp_path / "src/gone").mkdir(parents=True, exist_ok=True)
    (tmp_path / "src/gone/COLCON_IGNORE").touch()
    (tmp_path / "src/whole").mkdir(exist_ok=True)
    (tmp_path / "src/whole/package.xml").write_text(_HEAD.format("whole") + "</package>")
    found = read_packages(tmp_path)
    assert found.keys(TYPES, (), {}) == ()
    assert tmp_path / "src/gone/COLCON_IGNORE" in found.seen, "without it, packages would be found there"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<package>", "no XML"),
        ("<package/>", "no <name>"),
        ("<package format='9'><name>a</name></package>", "formats 1, 2 and 3"),
        (_HEAD.format("a") + "<depend>$(touch x)</depend></package>", "no rosdep key"),
        (_HEAD.format("a") + "<depend condition='x ='>b</depend></package>", "cannot be read"),
        ('<!DOCTYPE p [<!ENTITY e "x">]><package><name>&e;</name></package>', "entities"),
    ],
)
def test_a_manifest_that_is_none_is_refused_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    _write(tmp_path, "a", text)
    (problem, *_) = read_packages(tmp_path).problems
    assert said in problem.message
    assert problem.location is not None and problem.location.file == "a/package.xml"


def test_two_packages_of_one_name_are_told(tmp_path: Path) -> None:
    _write(tmp_path, "a", _HEAD.format("a") + "</package>")
    _write(tmp_path, "b", _HEAD.format("a") + "</package>")
    (problem,) = read_packages(tmp_path).problems
    assert "a/package.xml" in problem.message


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("$A == 1", True),
        ("$A == 2 or $B == two", True),
        ("$A == 1 and ($B != two or $C == '')", True),
        ("$A > 1", False),
        ("$A <= 1", True),
    ],
)
def test_conditions(text: str, answer: bool) -> None:
    assert holds(text, {"A": "1", "B": "two"}) is answer
