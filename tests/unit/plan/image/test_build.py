"""From real profiles to build plans: one group a level, everything in its place, nothing of this machine in names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from robenv.errors import ProfileError, UsageError
from robenv.plan.image.build import plan_build
from robenv.plan.models import BuildPlan, Healthcheck, ImageSettings, Stage
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_builtin, resolve_project
from robenv.render import content_hash, render

Plan = Callable[..., BuildPlan]
BASE = "base: {bootstrap: {suite: bookworm}}\n"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Plans a project: robenv.yaml's text, and other files by name."""

    def make(text: str, platform: str = "linux/amd64", folder: str = "project", **files: str) -> BuildPlan:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        for name, content in {"robenv.yaml": text, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        return plan_build(resolve_project(find_project(root), {}), platform)

    return make


def last(plan: BuildPlan) -> Stage:
    return plan.stages[-1]


def test_one_group_for_each_level_that_adds_something(plan: Plan) -> None:
    made = plan(
        "name: p\nextends: [./target.yaml, ./run.yaml]\napt: {packages: [nano]}\nenvironment: {A: own}\n",
        **{
            "target.yaml": BASE + "apt: {packages: [git, curl]}\nenvironment: {A: theirs, B: '2'}\n",
            "run.yaml": "run: {ipc: host}\n",
            "robenv.local.yaml": "pip: [six]\n",
        },
    )
    groups = last(made).groups
    assert [group.profile for group in groups] == ["target.yaml", "robenv.yaml", "robenv.local.yaml"]
    assert [group.packages for group in groups] == [("git", "curl"), ("nano",), ()]
    assert [group.environment for group in groups] == [(("A", "theirs"), ("B", "2")), (("A", "own"),), ()]
    assert groups[2].pip == ("six",)
    assert groups[1].packages_location and groups[1].packages_location.file == "robenv.yaml"
    assert str(groups[2].pip_location) == "robenv.local.yaml:1:6"


def test_a_package_that_the_target_has_is_not_in_the_projects_group(plan: Plan) -> None:
    made = plan("extends: ./t.yaml\napt: {packages: [git, nano]}\n", **{"t.yaml": BASE + "apt: {packages: [git]}\n"})
    assert [group.packages for group in last(made).groups] == [("git",), ("nano",)]


def test_a_bootstrapped_base_is_spelled_out(plan: Plan) -> None:
    text = "base: {bootstrap: {suite: noble, include: [nano, git]}}\n"
    amd64, arm64 = plan(text), plan(text, "linux/arm64")
    found = last(amd64).base.bootstrap
    assert found is not None
    assert (found.mirror, found.components, found.variant) == (
        "http://archive.ubuntu.com/ubuntu", ("main", "universe"), "minbase",
    )  # fmt: skip
    assert found.include == ("git", "nano")
    other = last(arm64).base.bootstrap
    assert other is not None and other.mirror == "http://ports.ubuntu.com/ubuntu-ports"
    assert last(amd64).base.reference != last(arm64).base.reference
    assert str(last(amd64).base.location) == "robenv.yaml:1:7"


def test_the_default_written_out_is_the_same_base(plan: Plan) -> None:
    written = "base: {bootstrap: {suite: bookworm, mirror: http://deb.debian.org/debian, components: [main]}}\n"
    assert last(plan(BASE)).base.reference == last(plan(written)).base.reference
    other = "base: {bootstrap: {suite: bookworm, mirror: http://mirror.example.org/debian}}\n"
    assert last(plan(other)).base.reference != last(plan(BASE)).base.reference


def test_an_unknown_suite_is_named_with_its_place(plan: Plan) -> None:
    with pytest.raises(ProfileError) as caught:
        plan("base: {bootstrap: {suite: bookwurm}}\n")
    (problem,) = caught.value.problems
    assert "bookwurm" in problem.message and "bookworm" in problem.hint
    assert problem.location and problem.location.line == 1
    assert last(plan("base: {bootstrap: {suite: kali, mirror: http://x.example.org/k}}\n")).base.bootstrap


def test_an_unknown_platform_is_a_usage_error(plan: Plan) -> None:
    with pytest.raises(UsageError):
        plan(BASE, "linux/vax")


def test_an_image_is_named_as_it_was_written(plan: Plan) -> None:
    base = last(plan("base: {image: 'registry.example.org:5000/x/y:1'}\n")).base
    assert (base.reference, base.image, base.bootstrap) == (*["registry.example.org:5000/x/y:1"] * 2, None)


def test_stages_stand_on_their_own_base_the_profiles_or_each_other(plan: Plan) -> None:
    made = plan(
        BASE
        + "stages:\n"
        + "  one: {base: {image: 'x:1'}, apt: {packages: [gcc]}, steps: [{name: s, run: make}]}\n"
        + "  two: {base: {stage: one}, environment: {A: '1'}}\n"
        + "  three: {pip: [six]}\n"
        + "files: [{from: two, source: /out, target: /opt/, mode: '0755', owner: root}]\n"
    )
    assert [stage.name for stage in made.stages] == ["one", "two", "three", "image"]
    assert [stage.base.reference for stage in made.stages[:2]] == ["x:1", "one"]
    assert made.stages[1].base.stage == "one"
    assert made.stages[2].base == last(made).base
    (group,) = made.stages[0].groups
    assert (group.packages, group.steps[0].run) == (("gcc",), "make")
    (file,) = last(made).groups[0].files
    assert (file.stage, file.source, file.host_path, file.mode, file.owner) == ("two", "/out", "", "0755", "root")
    assert [base.reference for base in made.bases] == ["x:1", last(made).base.reference]


def test_a_stage_named_as_the_last_one_is(plan: Plan) -> None:
    made = plan(BASE + "stages: {image: {}, image-last: {}}\n")
    assert len({stage.name for stage in made.stages}) == 3


def test_settings_of_the_image(plan: Plan) -> None:
    made = plan(
        BASE
        + "setup: [/opt/ros/setup.bash]\n"
        + "image:\n  labels: {b: '2', a: '1'}\n  shell: [/bin/bash, -c]\n  working_dir: /opt\n  user: dev\n"
        + "  entrypoint: [a]\n  command: []\n  args: {V: 1.2}\n"
        + "  healthcheck: {test: 'true', interval: 2s, timeout: 500ms, retries: 5, start_period: 1m}\n"
    )
    assert last(made).settings == ImageSettings(
        shell=("/bin/bash", "-c"), working_dir="/opt", user="dev", entrypoint=("a",), command=(),
        labels=(("a", "1"), ("b", "2")), healthcheck=Healthcheck(("CMD-SHELL", "true"), 2, 0.5, 60, 5),
        setup_scripts=("/opt/ros/setup.bash",),
    )  # fmt: skip
    assert last(made).groups[0].args == (("V", "1.2"),)
    assert last(plan(BASE + "image: {healthcheck: {disable: true}}\n")).settings.healthcheck == Healthcheck(("NONE",))
    assert last(plan(BASE)).settings == ImageSettings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("steps: [{name: s, run: id}]\n", False),
        ("steps: [{name: s, run: id, as: user}]\n", True),
        ("stages: {one: {steps: [{name: s, run: id, as: user}]}}\n", True),
        ("files: [{source: ./robenv.yaml, target: /x, owner: dev}]\n", True),
        ("files: [{source: ./robenv.yaml, target: /x, owner: 'dev:users'}]\n", True),
        ("files: [{source: ./robenv.yaml, target: /x, owner: games}]\n", False),
        ("image: {user: dev}\n", True),
        ("user: {name: ada}\nimage: {user: dev}\n", False),
    ],
)
def test_the_image_has_the_user_only_where_it_needs_it(text: str, expected: bool, plan: Plan) -> None:
    made = plan(BASE + text)
    assert made.create_user is expected
    assert ("useradd" in render(made).dockerfile) is expected


def _sudo_groups(made: BuildPlan) -> list[str]:
    return [group.profile for group in last(made).groups if "sudo" in group.packages]


def test_sudo_comes_with_the_level_that_asks_for_it(plan: Plan) -> None:
    target = BASE + "apt: {packages: [git]}\n"
    own = plan("extends: ./t.yaml\nuser: {sudo: true}\n", **{"t.yaml": target})
    assert _sudo_groups(own) == ["robenv.yaml"]
    without = plan("extends: ./t.yaml\n", folder="other", **{"t.yaml": target})
    assert last(own).groups[0] == last(without).groups[0]
    theirs = plan("extends: ./t.yaml\napt: {packages: [nano]}\n", **{"t.yaml": target + "user: {sudo: true}\n"})
    assert _sudo_groups(theirs) == ["t.yaml"]
    assert _sudo_groups(without) == []
    reset = plan("extends: ./t.yaml\nuser: {sudo: false}\n", **{"t.yaml": target + "user: {sudo: true}\n"})
    assert _sudo_groups(reset) == []


def test_sudo_that_is_among_the_packages_already_comes_once(plan: Plan) -> None:
    made = plan(BASE + "user: {sudo: true}\napt: {packages: [sudo, git]}\n")
    assert last(made).groups[0].packages == ("sudo", "git")


def test_repositories_and_where_their_keys_come_from(plan: Plan) -> None:
    checksum = "sha256:" + "a" * 64
    url = "https://k.example.org/k"
    made = plan(
        BASE
        + "apt:\n  repositories:\n"
        + "    one: {url: 'http://a.example.org', suite: s, components: [main], key: ./k.asc, architectures: [amd64]}\n"
        + f"    two: {{url: 'http://b.example.org', suite: ./, key: '{url}', key_checksum: '{checksum}'}}\n",
        **{"k.asc": "key"},
    )
    one, two = last(made).groups[0].repositories
    assert one.key.startswith("keys/") and one.key_host_path.endswith("/project/k.asc")
    assert (one.components, one.architectures, str(one.location)) == (("main",), ("amd64",), "robenv.yaml:4:10")
    assert (two.key, two.key_host_path, two.key_checksum) == (url, "", checksum)


def test_paths_in_the_context_are_the_same_on_every_machine_and_for_every_two_files_others(plan: Plan) -> None:
    text = BASE + "files:\n- {source: ./a, target: /x}\n- {source: ./b, target: /x}\n- {source: ./a, target: /y}\n"
    here, there = (plan(text, folder=name, a="1", b="2") for name in ("here", "there"))
    sources = [[file.source for file in last(made).groups[0].files] for made in (here, there)]
    assert sources[0] == sources[1] and len(set(sources[0])) == 3
    assert [Path(file.host_path).name for file in last(here).groups[0].files] == ["a", "b", "a"]
    assert render(here).dockerfile == render(there).dockerfile
    assert content_hash(here) == content_hash(there)
    assert here.directory.endswith("/here")


def test_a_file_less_leaves_the_others_where_they_are(plan: Plan) -> None:
    files = ["- {source: ./a, target: /x}\n", "- {source: ./a, target: /y}\n"]
    both = plan(BASE + "files:\n" + "".join(files), a="1")
    one = plan(BASE + "files:\n" + files[1], a="1")
    assert last(one).groups[0].files[0].source == last(both).groups[0].files[1].source


def test_a_profile_far_away_does_not_bring_its_folder_into_the_image(
    plan: Plan, tmp_path_factory: pytest.TempPathFactory
) -> None:
    far = tmp_path_factory.mktemp("far") / "common.yaml"
    far.write_text("apt: {packages: [git]}\n")
    made = plan(BASE + f"extends: {far}\n")
    assert str(far.parent) not in render(made).dockerfile
    assert last(made).groups[0].profile.endswith("common.yaml")


def test_two_levels_of_one_name_stay_apart(plan: Plan) -> None:
    made = plan(
        BASE + "extends: [./a/x.yaml, ./b/x.yaml]\nuser: {sudo: true}\n",
        **{"a/x.yaml": "apt: {packages: [git]}\n", "b/x.yaml": "apt: {packages: [nano]}\n"},
    )
    assert [group.packages for group in last(made).groups] == [("git",), ("nano",), ("sudo",)]


def test_a_plan_is_a_value_that_prints_as_json(plan: Plan) -> None:
    text = BASE + "apt: {packages: [git]}\nsteps: [{name: s, run: id}]\n"
    made = plan(text)
    assert made == plan(text) and hash(made) == hash(plan(text))
    assert json.loads(json.dumps(made.to_json()))["stages"][0]["groups"][0]["packages"] == ["git"]
    assert replace(made, platform="linux/arm64") != made


def test_a_builtin_profile_can_be_planned_alone() -> None:
    made = plan_build(resolve_builtin("debian/bookworm"), "linux/arm64")
    assert made.directory == "" and made.platform == "linux/arm64" and last(made).groups == ()


def test_a_mixin_has_no_base_to_plan_on() -> None:
    with pytest.raises(ProfileError, match="no base"):
        plan_build(resolve_builtin("mixins/dev"), "linux/amd64")
