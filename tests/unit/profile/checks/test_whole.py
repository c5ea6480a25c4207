"""What no key can tell alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.projects.profiles import Project

BASE = "base: {image: x}\n"
SUM = f"package_checksum: 'sha256:{'0' * 64}'"
REPOSITORY = "apt: {{repositories: {{r: {{{}}}}}}}\n"


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("name: x\n", "there is no base", (1, 1)),
        ("base: {}\n", "this base is empty", (1, 7)),
        ("base: {image: x, bootstrap: {suite: y}}\n", "`image` and `bootstrap` exclude each other", (1, 7)),
        (
            BASE + "stages: {t: {}, s: {base: {image: x, stage: t}}}\n",
            "`image` and `stage` exclude each other",
            (2, 27),
        ),
        (BASE + "stages: {s: {base: {stage: t}}}\n", "there is no stage `t`", (2, 28)),
        (BASE + "stages: {s: {base: {stage: t}}, t: {}}\n", "does not come before", (2, 28)),
        (BASE + "stages: {s: {base: {stage: s}}}\n", "does not come before", (2, 28)),
        (BASE + "stages: {build: {}}\nfiles: [{from: biuld, source: /x, target: /x}]\n", "no stage `biuld`", (3, 16)),
        (BASE + "files: [{from: s, source: /x, target: /x}]\n", "there is no stage `s`", (2, 16)),
        (BASE + "stages: {s: {}}\nfiles: [{from: s, source: x, target: /x}]\n", "not an absolute path", (3, 27)),
        (BASE + "steps: [{name: a, run: x}, {name: a, run: y}]\n", "is already at line 2", (2, 35)),
        (BASE + REPOSITORY.format("suite: ./"), "has no `url`", (2, 25)),
        (BASE + REPOSITORY.format("url: http://x/"), "has no `suite`", (2, 25)),
        (BASE + REPOSITORY.format("url: http://x/, suite: s"), "has no `components`", (2, 25)),
        (BASE + REPOSITORY.format("url: http://x/, suite: ./, components: [main]"), "has no components", (2, 65)),
        (BASE + REPOSITORY.format("url: http://x/, suite: ./, key: https://x/k"), "needs its checksum", (2, 58)),
        (BASE + REPOSITORY.format("url: http://x/, suite: ./, key: ftp://x/k"), "no address of http", (2, 58)),
        (BASE + REPOSITORY.format("url: http://x/, suite: ./, key: ./none.asc"), "there is no file", (2, 58)),
        (BASE + REPOSITORY.format("package: http://x/a.deb"), "needs its checksum", (2, 35)),
        (BASE + REPOSITORY.format(f"package: http://x/a.deb, {SUM}, url: http://y/"), "the package's own", (2, 149)),
        (BASE + REPOSITORY.format(f"url: http://x/, suite: ./, {SUM}"), "a checksum without a `package`", (2, 71)),
        (BASE + "ros: {variant: desktop}\n", "a variant of which ROS?", (2, 16)),
        ("base: {image: ros:humble}\nros: {distro: jazzy}\n", "the base image is of humble", (2, 15)),
        (BASE + "ros: {distro: noetic, rmw: zenoh}\n", "has no middleware to choose", (2, 28)),
        (BASE + "image: {healthcheck: {interval: 1s}}\n", "has no `test`", (2, 22)),
        (BASE + "run: {network_mode: host, ports: [80]}\n", "no port can be published", (2, 34)),
        (BASE + "run: {network_mode: 'container:x', ports: [80]}\n", "no port can be published", (2, 43)),
        (BASE + "run: {network_mode: 'container:x', hostname: y}\n", "is the other container's", (2, 46)),
        (BASE + "run: {uts: host, hostname: y}\n", "the host's own", (2, 28)),
        (BASE + "run: {volumes: ['a:/a', 'b:/a/']}\n", "the same path in the container as at line 2", (2, 25)),
        (BASE + "run: {devices: [/dev/a, '/dev/b:/dev/a']}\n", "the same path in the container", (2, 25)),
        (BASE + "run: {volumes: ['a:/a'], tmpfs: [/a]}\n", "a volume is at `/a` already", (2, 34)),
        (BASE + "run: {volumes: ['a:/workspace']}\n", "the workspace is at `/workspace` already", (2, 17)),
        (BASE + "run: {volumes: ['a:/']}\n", "over the whole container", (2, 17)),
        (BASE + "run: {memswap_limit: 1g}\n", "needs `mem_limit`", (2, 22)),
        (BASE + "run: {memswap_limit: 1g, mem_limit: 2g}\n", "is below `mem_limit`", (2, 22)),
        (BASE + "run: {mem_reservation: 3g, mem_limit: 2g}\n", "is above `mem_limit`", (2, 24)),
        (BASE + "run: {cpus: 1, cpu_quota: 5000}\n", "exclude each other", (2, 13)),
        (BASE + "run: {ulimits: {nofile: {soft: 2, hard: 1}}}\n", "is above the hard one", (2, 25)),
        (BASE + "run: {cap_add: [KILL], cap_drop: [KILL]}\n", "both added and dropped", (2, 34)),
    ],
)
def test_what_does_not_fit_together(text: str, words: str, place: tuple[int, int], project: Project) -> None:
    problem = project.problem(text)
    assert words in problem.message
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == place


def test_over_levels(project: Project) -> None:
    project.write("t.yaml", BASE + "run: {network_mode: host, volumes: ['a:/a']}\nsteps: [{name: a, run: x}]\n")
    project.write("robenv.local.yaml", "run: {ports: [80]}\n")
    problem = project.problem("extends: ./t.yaml\nrun: {volumes: ['b:/a']}\nsteps: [{name: a, run: y}]\n")
    assert "no port can be published" in problem.message
    assert str(problem.location) == "robenv.local.yaml:1:14"


def test_a_repository_may_be_completed_by_another_level(project: Project) -> None:
    project.write("t.yaml", BASE + REPOSITORY.format("suite: s, components: [main]"))
    repository = project.resolve("extends: ./t.yaml\n" + REPOSITORY.format("url: http://x/"))
    assert repository.profile.apt.repositories["r"].suite == "s"


def test_what_is_wrong_by_itself_hides_nothing_and_causes_nothing(project: Project) -> None:
    text = "base: {bootstrap: {suite: '!'}}\n"
    text += "run: {mem_limit: x, memswap_limit: 1g, ports: [80, y], network_mode: host, hostname: '!'}\n"
    text += "files: [{source: none, target: /x}, {source: none}]\nstages: {s: {base: {stage: '!'}}}\n"
    text += "apt: {repositories: {r: {url: '!', suite: ./}}}\n"
    found = {(problem.location.line, problem.location.column) for problem in project.problems(text) if problem.location}
    assert found == {(1, 27), (2, 18), (2, 47), (2, 52), (2, 86), (3, 18), (3, 37), (4, 28), (5, 31)}


def test_a_missing_file_of_the_chain_causes_nothing_else(project: Project) -> None:
    problem = project.problem("extends: ./none.yaml\nfiles: [{from: s, source: /x, target: /x}]\n")
    assert "there is no such file" in problem.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("run_image: {}\n", ["robenv.yaml:2:1"]),
        ("run_image: {apt: {packages: [bc]}}\n", ["robenv.yaml:2:1"]),
        ("run_image: {build: make, install: /opt/p}\n", []),
        ("per_platform: {linux/arm64: {run_image: {build: make, install: /opt/p}}}\nrun_image: {setup: /x}\n", []),
        ("", []),
    ],
)
def test_a_run_image_that_is_none_is_told(project: Project, text: str, told: list[str]) -> None:
    """`build --stage run` would say that there is none."""
    warnings = project.resolve(BASE + text).warnings
    assert [str(warning.location) for warning in warnings] == told
    assert all("`run_image` has no `build`" in warning.message for warning in warnings)
