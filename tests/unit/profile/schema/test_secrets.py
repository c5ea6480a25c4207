"""``secrets`` of a profile, and the steps that read them."""

from __future__ import annotations

import pytest

from robenv.errors import ProfileError
from robenv.plan.image.build import plan_build
from robenv.plan.secrets import StepSecret
from robenv.render import content_hash, render
from tests.support.projects.profiles import BASE, Project

STEPS = "steps: [{name: a, run: 'true', secrets: [token, {source: netrc, target: /root/.netrc, mode: '0600'}]}]\n"
SECRETS = "secrets: {token: {environment: TOKEN}, netrc: {file: ~/.netrc}}\n"


def test_what_a_step_borrows(project: Project) -> None:
    resolved = project.resolve(BASE + SECRETS + STEPS, {"HOME": "/home/jane"})
    assert resolved.profile.secrets["netrc"].file == "/home/jane/.netrc"
    (step,) = plan_build(resolved, "linux/amd64").stages[-1].groups[-1].steps
    assert step.secrets == (
        StepSecret("token", "/run/secrets/token", "0400"),
        StepSecret("netrc", "/root/.netrc", "0600"),
    )
    assert not step.ssh


@pytest.mark.parametrize("form", ["{source: netrc, target: /n}", "[{source: netrc, target: /n}]"])
def test_a_single_one_need_be_no_list(form: str, project: Project) -> None:
    wanted = (StepSecret("netrc", "/n", "0400"),)
    profile = f"{BASE}{SECRETS}steps: [{{name: a, run: 'true', secrets: {form}}}]\n"
    profile += f"run_image: {{build: make, install: /opt/arm, secrets: {form}}}\n"
    plan = plan_build(project.resolve(profile, {"HOME": "/h"}), "linux/amd64", "run")
    steps = [step for stage in plan.stages for group in stage.groups for step in group.steps if step.secrets]
    assert [step.secrets for step in steps] == [wanted, wanted]
    wrong = project.problem(profile.replace("target: /n", "targt: /n", 1), {"HOME": "/h"})
    assert wrong.message.startswith("unknown key `targt`") and wrong.location and wrong.location.line == 3


def test_the_dockerfile_has_names_and_places_alone(project: Project) -> None:
    user = "steps: [{name: a, run: 'true', as: user, secrets: token, ssh: true}]\n"
    text = render(plan_build(project.resolve(BASE + SECRETS + user, {"HOME": "/home/jane"}), "linux/amd64")).dockerfile
    assert (
        "RUN --mount=type=secret,id=token,target=/run/secrets/token,mode=0444,required=true \\\n"
        '    --mount=type=ssh,mode=0666,required=true \\\n    ["/bin/sh", "-ec", "true"]\n'
    ) in text
    assert "TOKEN" not in text and "jane" not in text


def test_the_build_of_a_run_image_borrows_too(project: Project) -> None:
    run = "run_image: {build: make, install: /opt/arm, secrets: token, ssh: true}\n"
    plan = plan_build(project.resolve(BASE + SECRETS + run, {"HOME": "/h"}), "linux/amd64", "run")
    (step,) = (step for stage in plan.stages for group in stage.groups for step in group.steps if step.secrets)
    assert (step.name, step.ssh) == ("build the workspace", True)
    assert step.secrets == (StepSecret("token", "/run/secrets/token", "0400"),)
    wrong = project.problem(BASE + SECRETS + run.replace("token", "tokn"), {"HOME": "/h"})
    assert wrong.message == "there is no secret `tokn`" and "did you mean" in wrong.hint


def test_the_classic_builder_has_none(project: Project) -> None:
    plan = plan_build(project.resolve(BASE + SECRETS + STEPS, {"HOME": "/h"}), "linux/amd64")
    with pytest.raises(ProfileError, match="the classic builder lends nothing") as caught:
        render(plan, buildkit=False)
    (problem,) = caught.value.problems
    assert problem.location is not None and problem.location.line == 3


def test_where_a_secret_is_makes_no_other_image(project: Project) -> None:
    environ = {"HOME": "/home/jane", "TOKEN": "a"}
    first = plan_build(project.resolve(BASE + SECRETS + STEPS, environ), "linux/amd64")
    elsewhere = "secrets: {token: {file: /run/token}, netrc: {environment: NETRC}}\n"
    second = plan_build(project.resolve(BASE + elsewhere + STEPS, {"HOME": "/root", "TOKEN": "b"}), "linux/amd64")
    assert content_hash(first) == content_hash(second)


@pytest.mark.parametrize(("text", "message", "hint", "at"), [
    (STEPS + "secrets: {netrc: {file: x}, tokem: {file: x}}\n", "there is no secret `token`", "did you mean", (2, 42)),
    ("steps: [{name: a, run: 'true', secrets: t}]\n", "there is no secret `t`", "secrets: {t:", (2, 41)),
    ("secrets: {t: {}}\n", "the secret `t` is in neither a file nor a variable", "`{file: PATH}`", (2, 14)),
    ("secrets: {t: {file: x, environment: X}}\n", "is in both a file and a variable", "`{file: PATH}`", (2, 14)),
    ("secrets: {t: {environment: '1X'}}\n", "a variable's name", "", (2, 28)),
    ("secrets: {'a b': {file: x}}\n", "a secret's name", "", (2, 11)),
    (
        "secrets: {t: {file: x}}\nsteps: [{name: a, run: 'true', secrets: [{source: t, target: t}]}]\n",
        "target", "", (3, 62),
    ),
])  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(
    project: Project, text: str, message: str, hint: str, at: tuple[int, int]
) -> None:
    problem = project.problem(BASE + text)
    assert message in problem.message
    assert hint in problem.hint
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == at


@pytest.mark.parametrize("target", ["/a b", "/a,b", '/a"b', "/$HOME", "/a\\b"])
def test_a_place_that_a_mount_cannot_carry(project: Project, target: str) -> None:
    step = f"{{name: a, run: 'true', secrets: [{{source: token, target: '{target.replace('$', '$$')}'}}]}}"
    plan = plan_build(project.resolve(BASE + SECRETS + f"steps: [{step}]\n", {"HOME": "/h"}), "linux/amd64")
    with pytest.raises(ProfileError) as caught:
        render(plan)
    assert "which a mount cannot carry" in caught.value.problems[0].message


def test_only_the_users_own_files_say_where(project: Project) -> None:
    problem = project.problem(BASE + "per_platform: {linux/arm64: {secrets: {t: {file: x}}}}\n")
    assert "secrets" in problem.message
