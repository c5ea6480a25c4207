"""``pip`` by more than names, and logins of package archives and indexes."""

from __future__ import annotations

import pytest

from robenv.errors import ProfileError
from robenv.plan.image.build import plan_build
from robenv.plan.secrets import StepSecret, borrowers
from robenv.profile.resolve.resolved import Resolved
from robenv.render import content_hash, render
from tests.support.projects.profiles import BASE, Project

AT = "linux/amd64"
LOGINS = "secrets: {netrc: {environment: NETRC}}\n"
NETRC = StepSecret("netrc", "/run/secrets/netrc", "0400")


def _dockerfile(resolved: Resolved, buildkit: bool = True) -> str:
    return render(plan_build(resolved, AT), buildkit).dockerfile


def test_names_stay_one_call_and_the_others_are_each_their_own(project: Project) -> None:
    project.write("requirements.txt", "scipy\n")
    project.write("limits.txt", "scipy<2\n")
    text = BASE + LOGINS + (
        "pip:\n"
        "  - {requirements: requirements.txt, constraints: limits.txt}\n"
        "  - numpy==2.1.3\n"
        "  - {packages: [arm, 'grip>2'], index_url: 'http://pypi.lab:81/simple', extra_index_urls: 'https://pypi.org/simple',"
        " login: netrc}\n"
        "  - {packages: cython}\n"
    )  # fmt: skip
    group = plan_build(project.resolve(text), AT).stages[-1].groups[-1]
    assert group.pip == ("numpy==2.1.3", "cython")
    found = _dockerfile(project.resolve(text))
    place = group.pip_installs[0].files[0].path.rpartition("/")[0]
    plain, first, second = found.split("python3 -m pip install")[1:]
    assert "-- \\\n      numpy==2.1.3 \\\n      cython\n" in plain
    assert f"-r /run/robenv/{place}/requirements.txt \\\n      -c /run/robenv/{place}/constraints.txt\n" in first
    assert f"--mount=type=bind,source={place}/constraints.txt,target=/run/robenv/{place}/constraints.txt" in found
    assert (
        "      --index-url http://pypi.lab:81/simple \\\n      --trusted-host pypi.lab:81 \\\n"
        "      --extra-index-url https://pypi.org/simple \\\n      -- arm 'grip>2'\n"
    ) in second
    assert found.count("export NETRC=/run/secrets/netrc;") == found.count("--mount=type=secret,id=netrc,") == 1


def test_the_classic_builder_reads_files_too(project: Project) -> None:
    project.write("requirements.txt", "scipy\n")
    found = _dockerfile(project.resolve(BASE + "pip: [{requirements: requirements.txt}]\n"), buildkit=False)
    (copied,) = (line for line in found.splitlines() if line.startswith("COPY"))
    source, target = copied.removeprefix('COPY ["').removesuffix('"]').split('", "')
    assert target == f"/run/robenv/{source}"
    assert f"-r {target}\n" in found


def test_what_a_file_says_counts_and_what_it_is_called_does_not(project: Project) -> None:
    def hashed(name: str, text: str) -> str:
        project.write(name, text)
        return content_hash(plan_build(project.resolve(f"{BASE}pip: [{{requirements: {name}}}]\n"), AT))

    first = hashed("requirements.txt", "scipy\n")
    assert hashed("other.txt", "scipy\n") == first
    assert hashed("requirements.txt", "scipy<2\n") != first


_LEADING = [
    "-r base.txt", "-rbase.txt", "  -c limits.txt", "-e .", "--editable=./lib", "./lib", "../lib", ".", "/lib",
    "-f wheels", "--find-links=./wheels", "file:///lib", "arm[all] @ file:///lib",
]  # fmt: skip


@pytest.mark.parametrize("line", _LEADING)
def test_what_leads_to_another_file_is_told_with_its_line(project: Project, line: str) -> None:
    fine = "--index-url https://x/simple\n-f https://x/wheels\nscipy @ https://x/a.whl\n"
    project.write("requirements.txt", f"{fine}{line}\n")
    with pytest.raises(ProfileError, match="cannot be sent") as caught:
        render(plan_build(project.resolve(f"{BASE}pip: [{{requirements: requirements.txt}}]\n"), AT))
    (problem,) = caught.value.problems
    assert "requirements.txt:4: " in problem.message and "leads to another file" in problem.message
    assert problem.location is not None and problem.location.line == 2


@pytest.mark.parametrize(
    ("pip", "words"),
    [
        ("{}", "pip is given nothing to install"),
        ("{index_url: 'https://x/simple'}", "pip is given nothing to install"),
        ("{requirements: nope.txt}", "there is no file `"),
        ("{packages: a, constraints: nope.txt}", "there is no file `"),
        ("{packages: a, login: nope}", "there is no secret `nope`"),
        ("{packages: a, index_url: 'https://joe:pw@x/simple'}", "is not the address of an index"),
        ("{packages: a, extra_index_urls: 'file:///x'}", "is not the address of an index"),
        ("{packages: ['--pre']}", "`--pre` is not a requirement"),
        ("--pre", "`--pre` is not a requirement"),
        ("{package: a}", "unknown key `package`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_entry(project: Project, pip: str, words: str) -> None:
    assert words in project.problem(f"{BASE}pip:\n  - {pip}\n").message


def test_a_login_is_mounted_wherever_apt_works(project: Project) -> None:
    text = BASE + LOGINS + "apt: {login: netrc, packages: [aa]}\npip: [b]\nrun_image: {build: make, install: /opt/x}\n"
    resolved = project.resolve(text)
    found = _dockerfile(resolved)
    calls = [line for line in found.splitlines() if "apt-get " in line]
    assert calls and all("-o Dir::Etc::netrc=/run/secrets/netrc " in line for line in calls)
    assert found.count("--mount=type=secret,id=netrc,target=/run/secrets/netrc,mode=0400,required=true") == 2
    stages = plan_build(resolved, AT, "run").stages
    assert [stage.apt_login for stage in stages] == [NETRC, None, NETRC], "the build of a run image calls no apt"
    own = project.resolve(text.replace("run_image: {", "run_image: {apt: {login: other}, ").replace(
        "{netrc:", "{other: {file: /x}, netrc:"
    ))  # fmt: skip
    login = plan_build(own, AT, "run").stages[-1].apt_login
    assert login is not None and login.name == "other"


def test_logins_are_borrowed_and_the_classic_builder_has_none(project: Project) -> None:
    text = BASE + LOGINS + "apt: {login: netrc, packages: [aa]}\npip: [{packages: b, login: netrc}]\n"
    plan = plan_build(project.resolve(text), AT)
    assert [(borrower.name, borrower.secrets) for borrower in borrowers(plan)] == [
        ("apt for robenv.yaml", (NETRC,)),
        ("pip for robenv.yaml", (NETRC,)),
    ]
    with pytest.raises(ProfileError, match="the classic builder lends nothing") as caught:
        render(plan, buildkit=False)
    assert len(caught.value.problems) == 2


def test_entries_of_levels_below_keep_their_own_index(project: Project) -> None:
    project.write("below.yaml", "pip: [one, {packages: two, index_url: 'https://x/simple'}]\n")
    plan = plan_build(project.resolve(f"extends: ./below.yaml\n{BASE}pip: [three]\n"), AT)
    below, own = plan.stages[-1].groups
    assert (below.pip, own.pip) == (("one",), ("three",))
    assert [install.index_url for install in below.pip_installs] == ["https://x/simple"] and not own.pip_installs
    again = project.resolve(f"extends: ./below.yaml\n{BASE}pip: !override [three]\n")
    assert not any(group.pip_installs for group in plan_build(again, AT).stages[-1].groups)
