"""The shape of the Dockerfile: the order of things, what is cached, what each builder gets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.plan.models import Base, Bootstrap, BuildPlan, FileCopy, Group, Healthcheck, ImageSettings, Stage, Step
from robenv.render import render, render_base
from robenv.render.templating import RenderReport, environment
from tests.support.images.dockerfile_reader import Read, read_dockerfile
from tests.support.projects.plans import BOOKWORM, CHECKSUM, at, full_plan, plan_of


def reads_of(plan: BuildPlan, buildkit: bool = True) -> list[Read]:
    return read_dockerfile(render(plan, buildkit).dockerfile)


def kinds(plan: BuildPlan, buildkit: bool = True) -> list[str]:
    return [read.kind for read in reads_of(plan, buildkit)]


def test_one_group_after_the_other_and_inside_what_changes_rarely_first(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    first = Group("target", packages=("git",), environment=(("A", "1"),), steps=(Step("s", "true", False),))
    second = Group(
        "project",
        args=(("X", "1"),),
        packages=("nano",),
        pip=("six",),
        environment=(("B", "2"),),
        files=(FileCopy("files/1", str(tmp_path / "f"), "/f"),),
        steps=(Step("s", "true", False),),
    )
    settings = ImageSettings(
        shell=("sh", "-c"), working_dir="/w", entrypoint=("e",), command=("c",), labels=(("l", "1"),)
    )
    text = render(plan_of(first, second, settings=settings)).dockerfile
    order = [
        "FROM ", "# profile target", " git;", "ENV A=", "# step s", "# profile project", "ARG X=", " nano;",
        "python3-pip;", " six", "ENV B=", "COPY [", "# step s", "LABEL ", "SHELL ", "WORKDIR ", "ENTRYPOINT ", "CMD ",
    ]  # fmt: skip
    places, start = [], 0
    for part in order:
        assert part in text[start:], f"{part!r} is not where it should be"
        start = text.index(part, start)
        places.append(start)
    assert text.count("# profile ") == 2


def test_a_package_more_in_the_project_leaves_the_targets_layers_as_they_are(tmp_path: Path) -> None:
    def text(*packages: str) -> str:
        target = Group("target", packages=("ros-core",), environment=(("A", "1"),))
        return render(plan_of(target, Group("project", packages=packages))).dockerfile

    before, after = text("git"), text("git", "nano")
    below = before.index("# profile project")
    assert before[:below] == after[:below] and before != after


def test_the_order_in_which_packages_are_written_does_not_matter() -> None:
    assert render(plan_of(Group("p", packages=("git", "curl", "git")))).dockerfile == (
        render(plan_of(Group("p", packages=("curl", "git")))).dockerfile
    )


def test_a_level_that_adds_nothing_makes_no_layer() -> None:
    assert kinds(plan_of(Group("p"), Group("q"))) == ["FROM"]


def test_environment_of_a_group_is_one_instruction() -> None:
    (read,) = [
        read for read in reads_of(plan_of(Group("p", environment=(("A", "1"), ("B", "2"))))) if read.kind == "ENV"
    ]
    assert read.value == (("A", "1"), ("B", "2"))


def test_the_classic_builder_gets_nothing_that_it_refuses(tmp_path: Path) -> None:
    plan = full_plan(tmp_path)
    classic = render(plan, buildkit=False).dockerfile
    assert "--mount" not in classic and "--chmod" not in classic
    assert "--mount" in render(plan).dockerfile and "--chmod" in render(plan).dockerfile
    assert "rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*" in classic
    assert "/var/lib/apt/lists/*" not in render(plan).dockerfile
    assert "--no-cache-dir" in classic


@pytest.mark.parametrize("buildkit", [True, False])
def test_each_apt_run_updates_installs_lean_and_cleans_up(buildkit: bool, tmp_path: Path) -> None:
    runs = [
        " ".join(map(str, read.value))
        for read in reads_of(full_plan(tmp_path), buildkit)
        if read.kind == "RUN" and "apt-get" in str(read.value)
    ]
    assert len(runs) == 7
    for run in runs:
        assert run.index("set -e ;") < run.index("apt-get update") < run.index("apt-get install")
        assert "APT::Update::Error-Mode=any" in run and "--no-install-recommends" in run
        assert "DEBIAN_FRONTEND=noninteractive" in run and "/var/log/dpkg.log" in run
    assert "ENV DEBIAN_FRONTEND" not in render(full_plan(tmp_path), buildkit).dockerfile


def _cache_ids(plan: BuildPlan) -> set[str]:
    return set(re.findall(r"id=([^,]+)", render(plan).dockerfile))


def test_caches_are_shared_by_projects_and_not_by_distributions_or_platforms() -> None:
    group = Group("p", packages=("git",), pip=("six",))
    bullseye = Base("x", bootstrap=Bootstrap("bullseye", "http://m", (), "minbase", (), "linux/amd64"))
    noble = Base("ubuntu:24.04", image="ubuntu:24.04")
    slim, fat = Base("debian:x-slim", image="debian:x-slim"), Base("debian-x:slim", image="debian-x:slim")
    plans = [
        plan_of(group), plan_of(group, base=bullseye), plan_of(group, base=noble),
        plan_of(group, platform="linux/arm64"), plan_of(group, platform="linux/arm/v7"),
        plan_of(group, base=slim), plan_of(group, base=fat),
    ]  # fmt: skip
    found = [_cache_ids(plan) for plan in plans]
    assert all(len(ids) == 3 for ids in found)
    assert len(set().union(*found)) == 3 * len(plans)
    assert _cache_ids(plan_of(Group("other", packages=("nano",), pip=("x",)))) == found[0]


def test_a_stage_on_a_stage_has_its_caches() -> None:
    group = Group("p", packages=("git",))
    stage = Stage("one", BOOKWORM, (group,))
    plan = plan_of(group, base=Base("one", stage="one"), stages=(stage,))
    assert len(_cache_ids(plan)) == 2


def test_nothing_in_the_first_lines_can_be_a_parser_directive(tmp_path: Path) -> None:
    first, second, *_ = render(full_plan(tmp_path)).dockerfile.split("\n")
    assert not re.fullmatch(r"#\s*[A-Za-z]+\s*=.*", first) and second == ""
    assert "syntax=" not in render(full_plan(tmp_path)).dockerfile


def test_an_image_with_a_stages_name_is_still_that_image() -> None:
    stage = Stage("debian", BOOKWORM, ())
    reads = reads_of(plan_of(base=Base("debian", image="debian"), stages=(stage,)))
    assert [read.value for read in reads if read.kind == "FROM"][1] == ("debian:latest", "AS", "image")
    inner = reads_of(plan_of(base=Base("debian", stage="debian"), stages=(stage,)))
    assert [read.value for read in inner if read.kind == "FROM"][1] == ("debian", "AS", "image")


def test_the_image_is_made_by_root_whoever_the_base_belongs_to() -> None:
    assert kinds(plan_of(Group("p"), base=Base("x:1", image="x:1"))) == ["FROM", "USER"]
    assert kinds(plan_of(Group("p"))) == ["FROM"]


def test_the_user_is_made_once_right_before_it_is_needed() -> None:
    as_user, as_root = Step("u", "id", True), Step("r", "id", False)
    plan = plan_of(
        Group("p", packages=("git",)), Group("q", steps=(as_root, as_user, as_user)), Group("r", steps=(as_user,))
    )
    reads = reads_of(plan)
    made = [index for index, read in enumerate(reads) if "useradd" in str(read.value)]
    assert len(made) == 1
    assert [(read.kind, read.value) for read in reads[made[0] + 1 :] if read.kind == "USER"] == [
        ("USER", ("dev",)), ("USER", ("root",)), ("USER", ("dev",)), ("USER", ("root",)),
    ]  # fmt: skip
    assert "apt-get" in str(reads[made[0] - 1].value)


def test_a_stage_that_stands_on_one_with_the_user_does_not_make_it_again() -> None:
    group = Group("p", steps=(Step("u", "id", True),))
    plan = plan_of(group, base=Base("one", stage="one"), stages=(Stage("one", BOOKWORM, (group,)),))
    assert render(plan).dockerfile.count("useradd --create-home") == 1


def test_no_user_where_nothing_runs_as_one() -> None:
    assert "useradd" not in render(plan_of(Group("p", steps=(Step("r", "id", False),)))).dockerfile


def test_steps_run_in_the_images_shell_else_in_one_that_stops_at_a_failing_line() -> None:
    group = Group("p", steps=(Step("s", "a\nb", False),))
    assert reads_of(plan_of(group))[-1].value == ("exec", "/bin/sh", "-ec", "a\nb")
    bash = ImageSettings(shell=("/bin/bash", "-euo", "pipefail", "-c"))
    run = next(read for read in reads_of(plan_of(group, settings=bash)) if read.kind == "RUN")
    assert run.value == ("exec", "/bin/bash", "-euo", "pipefail", "-c", "a\nb")


@pytest.mark.parametrize(
    ("check", "flags", "value"),
    [
        (Healthcheck(("NONE",)), (), ("NONE",)),
        (Healthcheck(("CMD", "a", "b c")), (), ("CMD", "a", "b c")),
        (Healthcheck(("CMD-SHELL", "a\n|| b")), (), ("CMD", "/bin/sh", "-c", "a\n|| b")),
        (
            Healthcheck(("CMD", "a"), 0.5, 90, 1.25, 3),
            ("--interval=500ms", "--timeout=90000ms", "--start-period=1250ms", "--retries=3"),
            ("CMD", "a"),
        ),
    ],
)
def test_health_checks(check: Healthcheck, flags: tuple[str, ...], value: tuple[str, ...]) -> None:
    read = reads_of(plan_of(settings=ImageSettings(healthcheck=check)))[-1]
    assert (read.kind, read.flags, read.value) == ("HEALTHCHECK", flags, value)


def test_repositories_and_their_keys(tmp_path: Path) -> None:
    text = render(full_plan(tmp_path)).dockerfile
    assert f'download-file https://packages.example.org/key.asc "$key.key" SHA256:{CHECKSUM[7:]};' in text
    assert (
        "'URIs: https://packages.example.org/debian' 'Suites: bookworm' 'Components: main extra' 'Architectures: amd64'"
        in text
    )
    assert 'COPY ["apt/local", "/etc/apt/keyrings/local.key"]' in text
    assert text.count("ca-certificates;") == 1, "only the group with an https address needs them"


def test_a_value_that_is_refused_names_its_place() -> None:
    with pytest.raises(ProfileError) as caught:
        render(plan_of(Group("p", environment=(("A", "two\nlines"),), environment_location=at(7))))
    (problem,) = caught.value.problems
    assert str(problem.location) == "robenv.yaml:7:3" and "line break" in problem.message
    assert "run.environment" in problem.hint


def test_a_line_that_cannot_be_written_names_its_place() -> None:
    value = "€" * 30_000
    with pytest.raises(ProfileError) as caught:
        render(plan_of(Group("p", environment=(("A", value),), environment_location=at(7))))
    (problem,) = caught.value.problems
    assert str(problem.location) == "robenv.yaml:7:3" and "`files`" in problem.hint


def test_a_template_cannot_put_out_a_value_that_nothing_has_quoted() -> None:
    made = environment().from_string("{{ value }}")
    with pytest.raises(TypeError, match="without a quoting filter"):
        made.render(value="raw", report=RenderReport())
    assert environment().from_string("{{ value|word }}").render(value="a b", report=RenderReport()) == "'a b'"


def test_a_template_that_names_what_is_not_there_is_an_error() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing|word }}").render(report=RenderReport())


def test_importing_the_renderer_does_not_import_jinja2() -> None:
    code = "import sys, robenv.render; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "robenv.render.dockerfile" in modules
    assert not {"jinja2", "pydantic", "docker", "yaml"} & set(modules)


def test_the_dockerfile_of_a_bootstrapped_base() -> None:
    bootstrap = Bootstrap("book\nRUN id", "http://m\nRUN id", (), "minbase", (), "linux/arm64")
    reads = read_dockerfile(render_base(bootstrap))
    assert [(read.kind, read.value) for read in reads[:2]] == [("FROM", ("scratch",)), ("ADD", ("rootfs.tar", "/"))]
    assert [read.kind for read in reads] == ["FROM", "ADD", "ENV", "CMD"]
