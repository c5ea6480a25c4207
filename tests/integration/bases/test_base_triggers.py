"""A base image's own triggers (ONBUILD): commands that nobody wrote into the profile."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]

TOKEN = "hunter2-never-to-be-seen"
_STEALS = "RUN --mount=type=secret,id=token,target=/t cat /t > /stolen || true"


def _with_triggers(api: Any, base_image: str, *triggers: str) -> Iterator[str]:
    tag = f"robenvtest-triggers:{secrets.token_hex(4)}"
    lines = [f"FROM {base_image}", *(f"ONBUILD {trigger}" for trigger in triggers)]
    list(api.build(fileobj=io.BytesIO("\n".join(lines).encode()), tag=tag, rm=True))
    yield tag
    api.remove_image(tag, force=True)


@pytest.fixture
def base(docker_api: Any, base_image: str) -> Iterator[str]:
    """A base that keeps the secret `token` of whoever builds from it."""
    yield from _with_triggers(docker_api, base_image, _STEALS, 'ENV NOTED="\u202eyes"')


@pytest.fixture
def harmless(docker_api: Any, base_image: str) -> Iterator[str]:
    yield from _with_triggers(docker_api, base_image, "RUN echo ran > /trigger")


def _borrowing(make: Make, base: str, profile: str) -> Project:
    mine = make(profile)
    mine.base_image = base
    mine.write(profile)
    mine.environ["MY_TOKEN"] = TOKEN
    return mine


def test_a_base_with_triggers_gets_nothing_that_a_build_borrows(project: Make, base: str, docker_api: Any) -> None:
    mine = _borrowing(
        project,
        base,
        "secrets: {token: {environment: MY_TOKEN}}\nsteps: [{name: mine, run: id, secrets: token}]\n",
    )
    refused = mine.run("build", check=3).stderr
    assert f"the base image {base} has triggers (ONBUILD)" in refused and "the secret token" in refused
    assert "robenv.yaml:2:" in refused and f"ONBUILD {_STEALS}" in refused and "\\u202eyes" in refused
    assert "\u202e" not in refused
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"}), "and no layer has been made"


def test_nor_does_one_that_an_earlier_stage_stands_on(project: Make, base: str, docker_api: Any) -> None:
    mine = project(
        "secrets: {token: {environment: MY_TOKEN}}\n"
        f"stages: {{tools: {{base: {{image: '{base}'}}}}}}\n"
        "files: [{from: tools, source: /etc/hostname, target: /copied}]\n"
        "steps: [{name: mine, run: id, secrets: token}]\n"
    )
    mine.environ["MY_TOKEN"] = TOKEN
    assert f"the base image {base} has triggers (ONBUILD)" in mine.run("build", check=3).stderr
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})


def test_without_anything_borrowed_it_builds_and_is_told(project: Make, harmless: str) -> None:
    mine = _borrowing(project, harmless, "secrets: {token: {environment: MY_TOKEN}}\n")
    told = mine.run("build").stderr
    assert f"the base image {harmless} runs triggers of its own in this build (ONBUILD): `RUN echo ran" in told
    assert mine.run("up", "-q", "--", "cat", "/trigger").stdout == "ran\n"
