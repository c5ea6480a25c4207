from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from robenv.profile.resolve.provenance import provenance

if TYPE_CHECKING:
    from tests.support.projects.profiles import Project

TARGET = """\
base: {image: x}
image: {args: {V: 1, W: 1}}
apt:
  repositories:
    r: {url: http://a/, suite: s, components: [main]}
  packages: [aa, bb]
pip: [one]
environment: {A: 1, B: 1}
files: [{source: here, target: /here}]
steps: [{name: build, run: make}]
stages:
  s: {apt: {packages: [gcc]}, environment: {S: 1}}
"""
OWN = """\
extends: ./target/target.yaml
image: {args: {V: 2}}
apt:
  repositories:
    r: {url: http://b/}
    q: {url: http://q/, suite: ./}
  packages: [cc, aa]
environment: {C: 2, A: 2}
steps: [{name: more, run: make more, as: user}]
stages:
  s: {apt: {packages: [make, gcc]}, environment: {S: 2}}
  t: {pip: [two]}
"""


def test_each_level_keeps_what_it_adds(project: Project) -> None:
    project.write("target/here", "")
    project.write("target/target.yaml", TARGET)
    target, own = project.resolve(OWN).levels
    assert (target.name, own.name) == ("target/target.yaml", "robenv.yaml")
    assert target.part.args == (("V", "1"), ("W", "1"))
    assert own.part.args == (("V", "2"),)
    assert target.part.packages == ("aa", "bb")
    assert own.part.packages == ("cc",)
    assert target.part.environment == (("A", "1"), ("B", "1"))
    assert own.part.environment == (("C", "2"), ("A", "2"))
    assert (target.part.pip, own.part.pip) == (("one",), ())
    assert [repository.name for repository in target.part.repositories] == ["r"]
    assert target.part.repositories[0].value.url == "http://b/"
    assert target.part.repositories[0].value.suite == "s"
    assert [repository.name for repository in own.part.repositories] == ["q"]
    assert [file.value.source for file in target.part.files] == [str(project.root / "target/here")]
    assert [step.name for step in target.part.steps] == ["build"]
    assert [step.value.run_as for step in own.part.steps] == ["user"]
    assert [name for name, _ in own.stage_parts] == ["s", "t"]
    assert target.stage("s").packages == ("gcc",)
    assert own.stage("s").packages == ("make",)
    assert (target.stage("s").environment, own.stage("s").environment) == ((("S", "1"),), (("S", "2"),))
    assert (target.stage("t").pip, own.stage("t").pip) == ((), ("two",))
    assert own.stage("none").pip == ()


def test_each_part_knows_its_place(project: Project) -> None:
    project.write("target/here", "")
    project.write("target/target.yaml", TARGET)
    target, own = project.resolve(OWN).levels
    place = target.part.packages_location
    assert place is not None
    assert (place.file, place.line, place.column) == ("target/target.yaml", 6, 13)
    assert place.chain == ("robenv.yaml:1:10",)
    assert str(own.part.packages_location) == "robenv.yaml:7:13"
    assert str(own.part.environment_location) == "robenv.yaml:8:14"
    assert str(own.part.steps[0].location) == "robenv.yaml:9:9"
    assert str(target.part.files[0].location) == "target/target.yaml:9:9"
    assert str(target.part.repositories[0].location) == "robenv.yaml:5:8", "who had the last word"
    assert own.part.pip_location is None


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ("apt: {packages: !override [cc]}", ()),
        ("apt: !override {packages: [cc]}", ()),
        ("apt: !reset\n", ()),
        ("apt: {packages: [aa]}", ("aa", "bb")),
    ],
)
def test_what_is_overridden_leaves_the_levels_before(own: str, left: tuple[str, ...], project: Project) -> None:
    project.write("t.yaml", "base: {image: x}\napt: {packages: [aa, bb]}\n")
    assert project.resolve(f"extends: ./t.yaml\n{own}\n").levels[0].part.packages == left


@pytest.mark.parametrize(
    ("own", "first", "last"),
    [
        ("environment: {A: !override 3}", (("B", "2"),), (("A", "3"),)),
        ("environment: {A: !reset null}", (("B", "2"),), ()),
        ("environment: !override {C: 3}", (), (("C", "3"),)),
        ("environment: !reset {A: 1}", (), ()),
        ("environment: {B: 2}", (("A", "1"), ("B", "2")), (("B", "2"),)),
    ],
)
def test_environment_of_each_level(
    own: str, first: tuple[tuple[str, str], ...], last: tuple[tuple[str, str], ...], project: Project
) -> None:
    project.write("t.yaml", "base: {image: x}\nenvironment: {A: 1, B: 2}\n")
    levels = project.resolve(f"extends: ./t.yaml\n{own}\n").levels
    assert (levels[0].part.environment, levels[1].part.environment) == (first, last)


def test_provenance_of_every_value(project: Project) -> None:
    project.write("target/here", "")
    project.write("target/target.yaml", TARGET)
    resolved = project.resolve(OWN + "run: {labels: {org.x: y}}\n")
    found = {path: (value, str(place), level) for path, value, place, level in provenance(resolved)}
    assert found["apt.packages[0]"] == ("aa", "target/target.yaml:6:14", "target/target.yaml")
    assert found["apt.packages[2]"] == ("cc", "robenv.yaml:7:14", "robenv.yaml")
    assert found["apt.repositories.r.url"] == ("http://b/", "robenv.yaml:5:14", "robenv.yaml")
    assert found["apt.repositories.r.suite"][1] == "target/target.yaml:5:32"
    assert found['run.labels."org.x"'] == ("y", "robenv.yaml:13:23", "robenv.yaml")
    place = resolved.locate(("apt", "packages", 2))
    assert place is not None
    assert place.line == 7
    assert resolved.locate(("apt", "packages", 9)) is None
    assert resolved.locate(("run", "init")) is None


def test_inputs_are_all_that_was_looked_at(project: Project) -> None:
    project.write("t.yaml", "base: {image: x}\n")
    project.write("vars", "V=1\n")
    project.write(".env", "FROM_DOTENV=2\n")
    text = "extends: ./t.yaml\nenvironment: {A: $SET$UNSET$FROM_DOTENV, PASSED: }\n"
    text += "run: {env_file: [vars, {path: none, required: false}], volumes: ['~/x:/x']}\n"
    inputs = project.resolve(text, {"SET": "s", "HOME": "/home/me"}).inputs
    assert {path.name for path in inputs.files} == {"robenv.yaml", "t.yaml", "vars", ".env"}
    assert {path.name for path in inputs.absent} == {"robenv.local.yaml", "none", "catalog.yaml"}
    assert dict(inputs.variables) == {
        "SET": "s", "UNSET": None, "FROM_DOTENV": None, "PASSED": None, "HOME": "/home/me",
    }  # fmt: skip
