"""Whatever a value holds, it stays in its place: the Dockerfile reads as the same instructions with that one value
in it, or the value is refused with a ProfileError. The reader is a strict one of the tests' own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robenv.errors import ProfileError
from robenv.plan.models import Base, BuildPlan, FileCopy, Group, Healthcheck, ImageSettings, Stage, Step
from robenv.plan.packages import AptRepository
from robenv.render import render
from tests.support.images.dockerfile_reader import Read, read_dockerfile
from tests.support.projects.plans import CHECKSUM, at, plan_of

PLACEHOLDER = "placeholder"

_PIECES = [
    *"\n\r\t\0\x0b\x1b \\\"'`$#;&|<>(){}[]*?!~=-+,:@%^_/.",
    "$(id)", "`id`", "${HOME}", "{{ user }}", "{% raw %}", "{#", "\\\n", "\\\\", "<<EOF\n", "\nRUN id\n",
    "\n# escape=`\n", "--mount=type=bind ", " --from=builder ", "[\"a\"]",
    "\u2028", "\u0085", "\ufeff", "\ud800", "é", "🤖", "word",
]  # fmt: skip
values = st.one_of(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join),
    st.text(min_size=1, max_size=30),
    st.builds(lambda piece, tail: piece * 70_000 + tail, st.sampled_from("a \\\"'$#\n"), st.sampled_from(_PIECES)),
)
"""An empty value means that a setting is not there."""


def _repository(**changes: Any) -> BuildPlan:
    given_values = {
        "name": "ex",
        "url": "http://x",
        "suite": "s",
        "components": ("main",),
        "key": "",
        "key_checksum": "",
    }
    return plan_of(Group("p", repositories=(AptRepository(**{**given_values, **changes}, location=at(1)),)))


def _settings(**changes: Any) -> BuildPlan:
    return plan_of(Group("p"), settings=ImageSettings(**changes))


def _copy(**changes: str) -> BuildPlan:
    builder = Stage("builder", Base("debian:bookworm", image="debian:bookworm"), ())
    fields: dict[str, Any] = {"source": "/out", "host_path": "", "target": "/opt/x", "stage": "builder", **changes}
    return plan_of(Group("p", files=(FileCopy(**fields, location=at(1)),)), stages=(builder,))


PLACES: dict[str, Callable[[str], BuildPlan]] = {
    "profile": lambda v: plan_of(Group(v, packages=("git",))),
    "arg": lambda v: plan_of(Group("p", args=(("A", v),))),
    "arg name": lambda v: plan_of(Group("p", args=((v, "1"),))),
    "repository name": lambda v: _repository(name=v),
    "repository url": lambda v: _repository(url=v),
    "repository suite": lambda v: _repository(suite=v),
    "repository component": lambda v: _repository(components=(v,)),
    "repository architecture": lambda v: _repository(architectures=(v,)),
    "key url": lambda v: _repository(key="https://x/" + v, key_checksum=CHECKSUM),
    "key checksum": lambda v: _repository(key="https://x", key_checksum=v),
    "package": lambda v: plan_of(Group("p", packages=(v,))),
    "pip": lambda v: plan_of(Group("p", pip=(v,))),
    "environment": lambda v: plan_of(Group("p", environment=(("A", v), ("B", "2")))),
    "environment name": lambda v: plan_of(Group("p", environment=((v, "1"), ("B", "2")))),
    "copy source": lambda v: _copy(source=v),
    "copy target": lambda v: _copy(target=v),
    "copy owner": lambda v: _copy(owner=v),
    "copy mode": lambda v: _copy(mode=v),
    "copy stage": lambda v: _copy(stage=v),
    "step": lambda v: plan_of(Group("p", steps=(Step("s", v, False),))),
    "step name": lambda v: plan_of(Group("p", steps=(Step(v, "id", False),))),
    "base": lambda v: plan_of(Group("p"), base=Base(v, image=v)),
    "platform": lambda v: plan_of(Group("p", packages=("git",)), platform=v),
    "label": lambda v: _settings(labels=(("a", v),)),
    "label name": lambda v: _settings(labels=((v, "1"),)),
    "shell": lambda v: _settings(shell=("sh", v)),
    "working_dir": lambda v: _settings(working_dir=v),
    "user": lambda v: _settings(user=v),
    "entrypoint": lambda v: _settings(entrypoint=(v,)),
    "command": lambda v: _settings(command=("a", v)),
    "healthcheck": lambda v: _settings(healthcheck=Healthcheck(("CMD", v))),
    "healthcheck line": lambda v: _settings(healthcheck=Healthcheck(("CMD-SHELL", v))),
}  # fmt: skip


def _replaced(part: object, value: str) -> object:
    if isinstance(part, tuple):
        return tuple(_replaced(inner, value) for inner in part)
    return part.replace(PLACEHOLDER, value) if isinstance(part, str) else part


def _shape(text: str, drop_flags: bool) -> list[tuple[object, ...]]:
    """Without the lines, which long values move, and the cache mounts, whose names are made from values."""

    def flags(read: Read) -> tuple[str, ...]:
        return tuple(
            flag for flag in read.flags if not (drop_flags and flag.startswith("--mount=type=cache,id=robenv-"))
        )

    return [(read.kind, flags(read), read.value) for read in read_dockerfile(text)]


@cache
def _expected(place: str, buildkit: bool) -> list[tuple[object, ...]]:
    placeholder = {"key checksum": "sha256:" + "f" * 64, "copy mode": "0751"}.get(place, PLACEHOLDER)
    return _shape(render(PLACES[place](placeholder), buildkit).dockerfile, place in NAMING)


NAMING = ("base", "platform")
"""Values that the names of cache mounts are made from."""
UNREAD = ("profile", "step name", "platform")
"""Values that are in comments and in the names of cache mounts only."""
FORMED = ("key checksum", "copy mode")
"""Values that are let through only where they have the placeholder's form."""


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=values, buildkit=st.booleans())
def test_no_value_escapes_its_place(place: str, value: str, buildkit: bool) -> None:
    expected = _expected(place, buildkit)
    try:
        found = _shape(render(PLACES[place](value), buildkit).dockerfile, place in NAMING)
    except ProfileError as error:
        assert all(problem.message for problem in error.problems)
        return
    if place in (*UNREAD, *FORMED):
        assert [kind for kind, *_ in found] == [kind for kind, *_ in expected]
    else:
        assert found == [_replaced(part, value) for part in expected]


CARRIED = {
    "environment": 'a b "c" \'d\' $HOME $(id) `id` {{ x }} # \\ <<EOF --x [y] é\t\\',
    "label": "$x \\\" '",
    "arg": "$x \"y\" \\",
    "step": "cat <<EOF\n$(id) {{ x }} \\\n# x\nEOF\n",
    "command": "a\nb\\\n",
    "pip": "scipy>=1.11; python_version < '3.13' and x == \"$(id)\"",
    "copy target": "/opt/a b$c'd\"e\\f[g]*?",
    "working_dir": "/opt/a b$c'd\"e\\f",
    "healthcheck line": "curl -f \"$URL\" || exit 1\n",
}  # fmt: skip


@pytest.mark.parametrize("place", CARRIED)
def test_what_can_be_carried_is_not_refused(place: str) -> None:
    value = CARRIED[place]
    text = render(PLACES[place](value)).dockerfile
    assert any(value in _flat(read.value) for read in read_dockerfile(text)), text


def _flat(part: object) -> list[object]:
    return [inner for outer in part for inner in _flat(outer)] if isinstance(part, tuple) else [part]


def test_all_that_is_refused_is_reported_at_once_with_its_place() -> None:
    plan = plan_of(
        Group("p", packages=("-y", "git", "a;b"), packages_location=at(3), environment=(("A", "x\ny"),),
              environment_location=at(7)),
    )  # fmt: skip
    with pytest.raises(ProfileError) as caught:
        render(plan)
    places = [str(problem.location) for problem in caught.value.problems]
    assert places == ["robenv.yaml:3:3", "robenv.yaml:3:3", "robenv.yaml:7:3"]
