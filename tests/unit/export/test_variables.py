"""No text of a profile is a variable for the tool that reads an export: it comes out as it is, or it is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from robenv.errors import ProfileError
from robenv.export.words import OWN, escape_document
from robenv.profile.merge.variables import interpolate
from tests.support.projects.exports import Export, text_of

PIECES = ("$", "$$", "${X}", "$${X}", "$X", "${localEnv:TOKEN}", "$(X)", "$$(X)", "{", "}", "(X)", "a", " ", ":", "é")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


def _doubled(text: str) -> str:
    return text.replace("$", "$$")


def _by_compose(value: Any) -> Any:
    """As Compose reads a document whose variables all have a value: values, and no keys."""
    if isinstance(value, Mapping):
        return {key: _by_compose(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_by_compose(one) for one in value]
    return interpolate(value, lambda name: "LEAKED", lambda name: None) if isinstance(value, str) else value


def _by_a_kubelet(text: str) -> str:
    """https://github.com/kubernetes/kubernetes/blob/v1.32.0/third_party/forked/golang/expansion/expand.go, where each
    variable has a value."""
    return re.sub(r"\$(\$|\([^)]*\)|.)", lambda m: {"$": "$", "(": "LEAKED"}.get(m[1][0], m[0]), text, flags=re.DOTALL)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)))
def test_any_document_comes_out_of_compose_as_it_went_in(document: Any) -> None:
    assert _by_compose(escape_document(document, _doubled)) == document


@given(TEXTS, TEXTS)
def test_what_robenv_names_stays_a_variable_beside_any_text(before: str, after: str) -> None:
    assert _by_compose(escape_document(f"{before}{OWN}{{HOME}}{after}", _doubled)) == f"{before}LEAKED{after}"


@given(TEXTS)
def test_any_text_comes_out_of_a_kubelet_as_it_went_in(text: str) -> None:
    assert _by_a_kubelet(_doubled(text)) == text


NASTY = ("${localEnv:TOKEN}", "$${localEnv:TOKEN}", "${X}", "$(X)", "$$(X)", "$X", "a$")
"""As they are to be in the container."""


def _written(text: str) -> str:
    return json.dumps(_doubled(text))


FIELDS = {
    "environment": "{{A: {0}}}",
    "labels": "{{org.example.a: {0}}}",
    "working_dir": '"/w{1}"',
    "tmpfs": '"/t{1}"',
    "command": "[echo, {0}]",
    "entrypoint": "[echo, {0}]",
    "volumes": '["./d{1}:/d", "cache:/c{1}", "/srv/x{1}:/x{1}:ro"]',
    "healthcheck": "{{test: [CMD, echo, {0}]}}",
    "storage_opt": "{{size: {0}}}",
    "logging": "{{driver: local, options: {{tag: {0}}}}}",
    "sysctls": "{{net.ipv4.a: {0}}}",
    "devices": '["/dev/a{1}:/dev/b{1}"]',
    "extra_hosts": '["a{1}:10.0.0.1"]',
    "domainname": "{0}",
}
"""Keys of ``run`` that take a text: with the text, and with what of it stands between quotes."""


def _profiles(text: str, export: Export) -> list[str]:
    """One for each field that takes the text."""
    made = []
    for key, shape in FIELDS.items():
        value = shape.format(_written(text), _written(text)[1:-1])
        profile = f"name: picker\nbase: {{image: x}}\ndeploy: {{command: [run]}}\nrun:\n  {key}: {value}\n"
        try:
            export("compose", profile)
        except ProfileError:
            continue
        made.append(profile)
    return made


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in _strings(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("text", NASTY)
def test_no_field_of_a_profile_is_a_variable_in_compose(text: str, export: Export) -> None:
    profiles = _profiles(text, export)
    assert len(profiles) >= 5, "most fields take any text"
    for profile in profiles:
        read = _by_compose(yaml.safe_load(text_of(export("compose", profile))))
        assert any(text in string for string in _strings(read)), profile
        service = {key: value for key, value in read["services"]["picker"].items() if key != "build"}
        assert not any("LEAKED" in string for string in _strings(service)), profile


@pytest.mark.parametrize("text", [one for one in NASTY if "${" in one])
def test_no_field_of_a_profile_is_a_variable_in_a_dev_container(text: str, export: Export) -> None:
    refused = 0
    for profile in _profiles(text, export):
        try:
            made = text_of(export("devcontainer", profile))
        except ProfileError as error:
            assert all(problem.location and problem.location.line >= 5 for problem in error.problems), profile
            assert "dev containers replace `${" in error.problems[0].message
            refused += 1
        else:
            body = "".join(line for line in made.splitlines() if not line.startswith("//"))
            known = {"localWorkspaceFolder", "devcontainerId"}
            assert set(re.findall(r"\$\{([^}]*)\}", body)) <= known, profile
    assert refused >= 5


def test_all_that_a_dev_container_would_replace_is_told_at_once(export: Export) -> None:
    profile = (
        "name: picker\nbase: {image: x}\nsteps: [{name: a, run: 'echo $${localEnv:TOKEN}'}]\n"
        "run:\n  environment: {A: '$${localEnv:TOKEN}', B: '$${containerEnv:PATH}'}\n"
        "  labels: {org.example: 'a$${localEnv:TOKEN}b'}\n"
    )
    with pytest.raises(ProfileError) as caught:
        export("devcontainer", profile)
    places = [(problem.location.line, problem.location.column) for problem in caught.value.problems if problem.location]
    assert places == [(5, 20), (5, 45), (6, 25)]


def test_a_label_that_would_add_to_a_dev_container_is_refused(export: Export) -> None:
    added = "devcontainer.metadata: '[{\"privileged\": true}]'"
    for key in ("image", "run"):
        with pytest.raises(ProfileError) as caught:
            export("devcontainer", f"name: picker\nbase: {{image: x}}\n{key}: {{labels: {{{added}}}}}\n")
        (problem,) = caught.value.problems
        assert "devcontainer.metadata" in problem.message and problem.location and problem.location.line == 3
        export("compose", f"name: picker\nbase: {{image: x}}\n{key}: {{labels: {{{added}}}}}\n")


def test_a_comma_in_a_path_begins_no_option_of_a_mount(export: Export) -> None:
    profile = (
        "name: picker\nbase: {image: x}\n"
        "run: {volumes: [{type: bind, source: ./d, target: '/d,src=/,rw'}, "
        "{type: volume, source: c, target: '/c,x'}]}\n"
    )
    body = "".join(line for line in text_of(export("devcontainer", profile)).splitlines() if not line.startswith("//"))
    mounts = json.loads(body)["mounts"]
    assert mounts == [
        'type=bind,source=${localWorkspaceFolder}/d,"target=/d,src=/,rw"',
        'type=volume,source=c-${devcontainerId},"target=/c,x"',
    ]


def test_the_command_that_is_suggested_is_one_command(export: Export) -> None:
    profile = (
        "name: picker\nbase: {image: x}\nsecrets: {t: {file: './$(id){x}; é.txt'}}\n"
        "steps: [{name: a, run: id, secrets: [t]}]\n"
    )
    assert export("dockerfile", profile).next.format(folder="docker").endswith(",src='$(id){x}; é.txt' docker")
    with pytest.raises(ProfileError, match="comma"):
        export("dockerfile", profile.replace("; ", ",src=/etc/shadow"))
