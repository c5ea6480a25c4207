"""`robenv profiles`: the catalogue at a glance, and what of it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robenv.cli.profiles_table import lines
from robenv.profile.resolve.resolve import list_builtin
from robenv.profile.resolve.summary import Summary, summaries
from tests.support.projects.command_line import Robenv

NAMES = sorted(one.name for one in list_builtin())


def listed(robenv: Robenv, *options: str) -> dict[str, dict[str, Any]]:
    done = robenv("profiles", "list", *options, "--json")
    assert (done.code, done.stderr) == (0, "")
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_it_lists_all_with_what_they_stand_on(robenv: Robenv) -> None:
    rows = listed(robenv)
    assert list(rows) == NAMES
    assert not any(row["problem"] for row in rows.values())
    jazzy = rows["ros/jazzy"]
    assert (jazzy["system"], jazzy["suite"], jazzy["python"]) == ("Ubuntu 24.04", "noble", "3.12")
    assert (jazzy["ros"], jazzy["until"], jazzy["ended"]) == ("jazzy", "2029-05", False)
    assert rows["jetson/orin-nano"]["jetpack"] == "6.1, 6.2.x"
    assert rows["jetson/nano"]["ended"]
    assert rows["mixins/nav2"]["fits"]["ros"] == ["humble", "iron", "jazzy", "kilted", "lyrical"]
    assert all(row["system"] and row["python"] and row["until"] for row in rows.values() if row["is_target"])


def test_its_table_has_each_by_name_and_says_what_ended(robenv: Robenv) -> None:
    text = robenv("profiles").stdout
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ")}
    assert set(NAMES) <= set(rows)
    assert "ended 2025-05" in rows["ros/noetic"]
    assert "Ubuntu 22.04" in rows["jetson/orin-nano"]
    assert text.splitlines()[0].split() == ["NAME", "ARCH", "SYSTEM", "PY", "SUPPORT", "WHAT"]


def test_filters(robenv: Robenv) -> None:
    every = set(listed(robenv))
    arm = set(listed(robenv, "--arch", "aarch64"))
    assert {"jetson/jp6", "ros/jazzy", "mixins/gdb"} <= arm
    assert not {"cuda/12.8-noble", "x86-dev"} & arm
    noble = set(listed(robenv, "--ubuntu", "24.04"))
    assert noble == set(listed(robenv, "--ubuntu", "noble"))
    assert {"ros/jazzy", "ubuntu/noble", "mixins/nav2", "mixins/gui", "jetson/thor"} <= noble
    assert not {"ros/humble", "debian/bookworm", "jetson/jp6"} & noble
    supported = set(listed(robenv, "--supported"))
    assert every - supported >= {"ros/noetic", "ros/iron", "jetson/nano", "ubuntu/focal"}
    assert {"ros/jazzy", "mixins/gui"} <= supported
    both = set(listed(robenv, "--ubuntu", "noble", "--arch", "amd64", "--supported"))
    assert both <= noble
    assert "jetson/thor" not in both


@pytest.mark.parametrize(
    ("options", "hint"),
    [(("--arch", "arm46"), "did you mean linux/arm64?"), (("--ubuntu", "nobel"), "it knows 18.04 (bionic)")],
)
def test_what_nobody_knows_is_refused(robenv: Robenv, options: tuple[str, ...], hint: str) -> None:
    done = robenv("profiles", "list", *options)
    assert (done.code, done.stdout) == (2, "")
    assert hint in done.stderr


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = "\n".join(lines(summaries(), "2026-11", width))
    assert max(map(len, text.splitlines())) <= width
    assert all(name in text for name in NAMES)
    assert ("WHAT" in text.splitlines()[1]) == (width > 80)


def test_a_profile_that_cannot_be_read_says_why() -> None:
    text = "\n".join(lines([Summary("mixins/x", "", False, problem="it is no mapping")], "2026-11", 0))
    assert "it is no mapping" in text


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_shown(robenv: Robenv, name: str) -> None:
    done = robenv("profiles", "show", name)
    assert done.code == 0
    assert done.stdout.startswith(f"levels: {name}")


def test_what_does_not_fit_exits_with_3_and_says_where(robenv: Robenv, tmp_path: Any) -> None:
    (tmp_path / "robenv.yaml").write_text("extends:\n  - ros/noetic\n  - mixins/nav2\n")
    done = robenv("validate")
    assert done.code == 3
    assert "robenv.yaml:3:5: mixins/nav2 does not fit: it is for ROS humble, iron" in done.stdout + done.stderr


CORRECTIONS = """\
jetpack:
  jp6: {last: 36.6, versions: 6.1 to 6.3}
  jp6.0: {source: the lab}
ros:
  jazzy: {until: 2026-01}
  humble: {until: never}
  kilted: {package: "https://lab.example.org/x_all.deb"}
"""


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "config/robenv/catalog.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(CORRECTIONS)
    return file


def test_what_the_user_corrects_is_listed_as_corrected(robenv: Robenv, catalog: Path) -> None:
    rows = listed(robenv)
    jazzy, orin = rows["jetson/ros-jazzy"], rows["jetson/orin-nano"]
    assert (jazzy["until"], jazzy["ended"]) == ("2026-01", True)
    assert jazzy["corrected"] == {"ros.jazzy.until": f"{catalog}:5:18"}
    assert (rows["ros/humble"]["until"], rows["ros/humble"]["ended"]) == ("never", False)
    assert orin["jetpack"] == "6.1 to 6.3"
    assert set(orin["corrected"]) == {"jetpack.jp6.last", "jetpack.jp6.versions"}
    assert set(rows["jetson/jp6.0"]["corrected"]) == {"jetpack.jp6.0.source"}
    assert set(rows["ros/kilted"]["corrected"]) == {"ros.kilted.package"}
    assert rows["ros/lyrical"]["corrected"] == rows["jetson/jp5"]["corrected"] == {}
    assert "ros/jazzy" not in listed(robenv, "--supported")


def test_the_table_marks_it_and_names_the_file(robenv: Robenv, catalog: Path) -> None:
    text = robenv("profiles").stdout
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ")}
    assert rows["ros/jazzy"].startswith("  ros/jazzy *") and "ended 2026-01" in rows["ros/jazzy"]
    assert "  never  " in rows["ros/humble"]
    assert "JetPack 6.1 to 6.3 (L4T 36.4 to 36.6), CUDA 12.6; as shipped: " in rows["jetson/jp6"]
    assert "as shipped" not in rows["jetson/jp6.0"]
    assert " * " not in rows["ros/lyrical"]
    *_, blank, last = text.splitlines()
    assert blank == ""
    assert last.startswith(f"* as {catalog} corrects it: jetpack.jp6.0.source, jetpack.jp6.last, ")
    catalog.unlink()
    assert "*" not in robenv("profiles").stdout


def test_show_gives_the_line_of_a_correction(robenv: Robenv, catalog: Path) -> None:
    values = {
        row["path"]: row for row in json.loads(robenv("profiles", "show", "ros/kilted", "--json").stdout)["values"]
    }
    package = values["apt.repositories.ros.package"]
    assert (package["value"], package["location"]) == ("https://lab.example.org/x_all.deb", f"{catalog}:7:21")
    assert str(catalog) not in values["ros.distro"]["location"]


def test_a_correction_that_is_wrong_is_told_at_its_place(robenv: Robenv, catalog: Path) -> None:
    catalog.write_text("ros:\n  jazy: {until: never}\n")
    for command in (("profiles",), ("profiles", "show", "ros/jazzy")):
        done = robenv(*command)
        assert (done.code, done.stdout) == (3, "")
        assert f"{catalog}:2:3: robenv has no ROS distribution `jazy`" in done.stderr
