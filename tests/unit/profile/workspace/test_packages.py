from pathlib import Path

import pytest

from robenv.profile.workspace.conditions import holds
from robenv.profile.workspace.container_paths import BoundFolders
from robenv.profile.workspace.package_xml import TYPES
from robenv.profile.workspace.packages import Packages, read_links, read_packages

_HEAD = "<package format='3'><name>{}</name>\n"


def _read(root: Path, *volumes: tuple[str, str]) -> Packages:
    return read_packages(root, BoundFolders([("/workspace", str(root)), *volumes]), "/workspace")


def _names(found: Packages) -> list[str]:
    return [package.name for package in found.found]


def _package(folder: Path, where: str) -> None:
    _write(folder, where, _HEAD.format(where.rpartition("/")[2]) + "</package>")


def _write(folder: Path, where: str, text: str) -> None:
    (folder / where).mkdir(parents=True)
    (folder / where / "package.xml").write_text(text)


def test_keys_are_those_of_all_packages_without_their_own(tmp_path: Path) -> None:
    _write(tmp_path, "src/a", _HEAD.format("a") + "<depend>zlib</depend>\n  <test_depend>b</test_depend></package>")
    _write(
        tmp_path, "src/b", _HEAD.format("b") + "<doc_depend>doxygen</doc_depend><exec_depend>jq</exec_depend></package>"
    )
    _write(tmp_path, "src/c", "<package><name>c</name><run_depend>bc</run_depend></package>")
    found = _read(tmp_path)
    assert found.problems == ()
    keys = found.keys(TYPES[:-1], ("jq",), {})
    assert [key for key, _ in keys] == ["bc", "zlib"]
    assert (keys[1][1].file, keys[1][1].line, keys[1][1].column) == ("src/a/package.xml", 2, 1)
    assert [key for key, _ in found.keys(("doc",), (), {})] == ["doxygen"]


def test_conditions_count_in_format_3_alone(tmp_path: Path) -> None:
    line = "<depend condition='$ROS_VERSION == 2'>rclcpp</depend></package>"
    _write(tmp_path, "three", _HEAD.format("three") + line)
    _write(tmp_path, "two", "<package format='2'><name>two</name>" + line.replace("rclcpp", "roscpp"))
    found = _read(tmp_path)
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
    found = _read(tmp_path)
    assert found.keys(TYPES, (), {}) == ()
    assert tmp_path / "src/gone/COLCON_IGNORE" in found.seen, "without it, packages would be found there"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<depend>$(touch x)</depend>", "no rosdep key"),
        ("<depend condition='x ='>b</depend>", "cannot be read"),
    ],
)
def test_what_a_package_itself_says_wrongly_is_a_problem_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    _write(tmp_path, "a", _HEAD.format("a") + text + "</package>")
    found = _read(tmp_path)
    (problem,) = found.problems
    assert said in problem.message
    assert str(problem.location) == "a/package.xml:2:1"
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("", "it is empty", 1),
        (" \n", "it is empty", 1),
        ("<package>\n<name>", "not XML", 2),
        ("<package/>", "no <name>", 1),
        ("<!-- generated -->\n<packages><name>a</name></packages>", "its root element is `<packages>`", 2),
        ("<package format='9'><name>a</name></package>", "formats 1, 2 and 3", 1),
        (
            '<package version="2.0" xmlns="http://pear.php.net/dtd/package-2.0"><name>grpc</name></package>',
            "pear.php",
            1,
        ),
        (
            '<!DOCTYPE package SYSTEM "http://pear.php.net/dtd/package-1.0">\n<package><name>a</name></package>',
            "dtd",
            1,
        ),
        ('<!DOCTYPE p [<!ENTITY e "x">]><package><name>&e;</name></package>', "entities", 1),
        ("<package>\0</package>", "not XML", 1),
        ("x" * 2_000_000, "too large", 1),
    ],
)
def test_a_file_of_that_name_that_is_none_of_ros_is_a_note_and_what_is_below_it_is_found(
    tmp_path: Path, text: str, said: str, line: int
) -> None:
    _write(tmp_path, "src/a", text)
    _package(tmp_path, "src/a/below")
    found = _read(tmp_path)
    assert found.problems == ()
    assert _names(found) == ["below"]
    (note,) = found.notes
    assert said in note.message
    assert note.location is not None
    assert (note.location.file, note.location.line) == ("src/a/package.xml", line)


def test_of_many_notes_of_a_kind_five_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    for number in range(8):
        _write(tmp_path, f"src/{number}", "")
    notes = _read(tmp_path).notes
    assert len(notes) == 6
    assert notes[-1].message == "and 3 more package.xml that are none of ROS"


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("ISO-8859-1", "iso-8859-1"),
        ("windows-1252", "windows-1252"),
        ("Shift_JIS", "shift_jis"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-8", "iso-8859-1"),
        ("no-such-charset", "utf-8"),
        ("punycode", "utf-8"),
        ("", "iso-8859-1"),
    ],
)
def test_a_manifest_is_read_by_its_own_encoding(tmp_path: Path, declared: str, encoding: str) -> None:
    said = f" encoding='{declared}'" if declared else ""
    person = "久" if encoding == "shift_jis" else "Jürgen"
    text = (
        f"<?xml version='1.0'{said}?>\n<package><name>a</name><author>{person}</author><depend>zlib</depend></package>"
    )
    (tmp_path / "package.xml").write_bytes(text.encode(encoding))
    found = _read(tmp_path)
    assert (found.problems, found.notes) == ((), ())
    ((key, place),) = found.keys(TYPES, (), {})
    assert (key, place.line) == ("zlib", 2)


def test_links_are_followed_as_the_container_has_them_and_each_folder_once(tmp_path: Path) -> None:
    root, other = tmp_path / "ws", tmp_path / "other"
    (root / "src/deep").mkdir(parents=True)
    (root / "pkgs").mkdir()
    (root / "pkgs/COLCON_IGNORE").touch()
    for name in ("near", "twice", "inner"):
        _package(root, f"pkgs/{name}")
    _package(other, "mounted")
    (root / "src/near").symlink_to("../pkgs/near")
    (root / "src/hop").symlink_to("deep/../twice")
    (root / "src/twice").symlink_to("../pkgs/twice")
    (root / "src/inner").symlink_to("/workspace/pkgs/inner")
    (root / "src/mounted").symlink_to("/opt/other/mounted")
    (root / "src/deep/up").symlink_to("../..")
    (root / "src/round").symlink_to("round")
    (root / "src/nowhere").symlink_to("../pkgs/nowhere")
    found = _read(root, ("/opt/other", str(other)))
    assert _names(found) == ["twice", "inner", "mounted", "near"], "sorted by the names they are found under"
    assert (found.problems, found.notes) == ((), ())
    assert root / "pkgs/nowhere" in found.absent, "with it, a package may be found there"
    assert root / "src/near/package.xml" in found.seen


def test_links_to_what_the_container_does_not_have_are_noted_and_not_followed(tmp_path: Path) -> None:
    root, other = tmp_path / "ws", tmp_path / "other"
    _package(other, "away")
    _package(root, "pkgs/near")
    (root / "src/linked").mkdir(parents=True)
    (root / "src/away").symlink_to(other / "away")
    (root / "src/near").symlink_to(root / "pkgs/near")
    (root / "src/linked/package.xml").symlink_to(other / "away/package.xml")
    (root / "src/file").symlink_to(other / "away/package.xml")
    found = _read(root)
    assert _names(found) == ["near"], "pkgs/near itself"
    assert [(note.message.partition(" ")[0], note.hint.partition(":")[0]) for note in found.notes] == [
        ("src/away", "mount it at the same path"),
        ("src/linked/package.xml", "mount it at the same path"),
        ("src/near", "make the link relative"),
    ]
    (root / "src/linked/package.xml").unlink()
    assert _names(_read(root, (str(other), str(other)))) == ["near", "away"]


def test_without_dependencies_links_at_the_top_and_in_src_are_noted(tmp_path: Path) -> None:
    root = tmp_path / "ws"
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    root.mkdir()
    (root / "data").symlink_to(tmp_path / "elsewhere")
    (root / "src").symlink_to(tmp_path / "elsewhere")
    inside = BoundFolders([("/workspace", str(root))])
    found = read_links(root, inside, "/workspace")
    assert [note.message.partition(" ")[0] for note in found.notes] == ["data", "src"]
    (root / "src").unlink()
    (root / "src").mkdir()
    (root / "src/one").symlink_to(tmp_path / "elsewhere/deep")
    found = read_links(root, inside, "/workspace")
    assert [note.message.partition(" ")[0] for note in found.notes] == ["data", "src/one"]
    assert found.seen == ()


def test_src_is_searched_first_and_whole_and_a_limit_beside_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robenv.profile.workspace.packages._MOST_BESIDE", 10)
    for number in range(20):
        (tmp_path / f"data/{number:02}/below").mkdir(parents=True)
        (tmp_path / f"src/plain/{number:02}").mkdir(parents=True)
    _package(tmp_path, "src/plain/99/app")
    _package(tmp_path, "beside")
    found = _read(tmp_path)
    assert _names(found) == ["beside", "app"]
    (note,) = found.notes
    assert "first 10 folders beside src only: from data/08 on" in note.message
    assert "such as data" in note.hint
    assert tmp_path / "data/07" in found.seen
    assert tmp_path / "data/08" not in found.seen
    (tmp_path / "data/COLCON_IGNORE").touch()
    assert _read(tmp_path).notes == ()


def test_a_limit_that_is_just_met_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robenv.profile.workspace.packages._MOST", 3)
    for name in ("a/b", "c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").symlink_to(__file__)
    assert _read(tmp_path).notes == ()
    (tmp_path / "d").mkdir()
    (note,) = _read(tmp_path).notes
    assert "first 3 folders only: from a/b on" in note.message


def test_two_packages_of_one_name_are_told(tmp_path: Path) -> None:
    _write(tmp_path, "a", _HEAD.format("a") + "</package>")
    _write(tmp_path, "b", _HEAD.format("a") + "</package>")
    (problem,) = _read(tmp_path).problems
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
