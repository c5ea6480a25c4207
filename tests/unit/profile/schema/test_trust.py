"""Every key of a profile is judged by somebody, and one that is not is a power: the whole schema walked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from robenv.profile.chain.extends import ProfileSource, refuse_remote
from robenv.profile.chain.reader import ChainReader
from robenv.profile.merge.variables import Variables
from robenv.profile.schema import trust
from robenv.profile.schema.profile import Profile
from robenv.profile.schema.trust import ASKED, KEYS, unjudged_keys
from robenv.profile.yaml.nodes import Mapping


def leaves(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """The dotted paths of all that a file may say, a mapping's names as ``*``."""
    for name, field in model.model_fields.items():
        yield from below(field.annotation, f"{path}.{field.alias or name}" if path else field.alias or name)


def below(annotation: Any, path: str) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from leaves(annotation, path)
        return
    parts = [arg for arg in get_args(annotation) if arg not in (type(None), Ellipsis)]
    if getattr(annotation, "__origin__", None) is dict:
        yield from below(parts[1], f"{path}.*")
        return
    sections = [found for part in parts for found in below(part, path) if found != path]
    yield from sections or [path]


def test_every_key_is_judged_and_no_judged_key_is_gone() -> None:
    assert set(leaves(Profile)) == set(KEYS)


def said(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "theirs.yaml"
    file.write_text(text)
    reader = ChainReader(tmp_path, Variables({}), refuse_remote)
    reader.follow(ProfileSource(file, "project", "theirs", tmp_path))
    assert reader.problems == []
    return list(unjudged_keys(reader.documents[-1].root))


def test_what_only_the_users_own_files_may_say(tmp_path: Path) -> None:
    text = """
registry: evil.example/x
secrets: {key: {file: /home/jane/.ssh/id}}
mirrors: {pip: "http://evil.example"}
workspace: {source: /srv, repos: [a.repos]}
"""
    found = said(tmp_path, text)
    assert "the key registry: evil.example/x" in found
    assert "the key secrets.key.file: /home/jane/.ssh/id" in found
    assert "the key mirrors.pip: http://evil.example" in found
    assert "the key workspace.source: /srv" in found
    assert any(one.startswith("the key workspace.repos: ") for one in found)
    assert {key.partition(".")[0] for key, judge in KEYS.items() if judge == ASKED} >= {
        "registry",
        "secrets",
        "mirrors",
    }


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("debian:bookworm", False),
        ("ghcr.io/me/x:1", False),
        ("registry.lab:5000/x@sha256:00", False),
        ("localhost/x", True),
        ("localhost:5000/x", True),
        ("a.localhost:5000/x", True),
        ("127.0.0.1:5000/x", True),
        ("192.168.1.1/x", True),
        ("[::1]:5000/x", True),
        ("${HOST}/x", False),
        ("127.1:5000/x", True),
        ("0x7f.1:5000/x", True),
        ("LOCALHOST:5000/x", True),
    ],
)
def test_a_base_by_an_address_is_told(reference: str, told: bool) -> None:
    assert trust._names_no_address(reference) is not told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("build: !reset null", ["the key build: null"]),
        ("build: !override {}", ["the key build"]),
        ("build: !override {network: none}", []),
        ("mirrors: !reset null", ["the key mirrors: null"]),
        ("base: !override {image: ubuntu}", []),
        ("run: !reset null", []),
    ],
)
def test_a_key_of_the_users_own_files_alone_is_not_taken_away_with_what_is_around_it(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    assert said(tmp_path, f"{text}\n") == told


@pytest.mark.parametrize(
    ("network", "told"),
    [("none", []), ("host", ["the key build.network: host"]), ("default", ["the key build.network: default"])],
)
def test_a_network_of_builds_that_is_open_is_told(tmp_path: Path, network: str, told: list[str]) -> None:
    assert said(tmp_path, f"build: {{network: {network}}}\n") == told


def test_bases_in_every_place(tmp_path: Path) -> None:
    text = """
base: {image: "127.0.0.1/a"}
stages: {tools: {base: {image: "127.0.0.1/b"}}}
per_platform: {linux/arm64: {base: {image: "127.0.0.1/c"}}}
"""
    assert said(tmp_path, text) == [
        "the key base.image: 127.0.0.1/a",
        "the key stages.tools.base.image: 127.0.0.1/b",
        "the key per_platform.linux/arm64.base.image: 127.0.0.1/c",
    ]


def test_a_bootstrap_from_files_of_the_host_is_told(tmp_path: Path) -> None:
    text = "base: {bootstrap: {suite: bookworm, mirror: MIRROR}}\n"
    assert said(tmp_path, text.replace("MIRROR", "http://deb.debian.org/debian")) == []
    assert said(tmp_path, text.replace("MIRROR", "file:/srv/debian")) == [
        "the key base.bootstrap.mirror: file:/srv/debian"
    ]


def test_a_key_that_is_added_is_told_until_it_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "run: {hostname: arm, volumes: ['./a:/a']}\nros: {distro: jazzy}\n"
    assert said(tmp_path, text) == []
    tree = trust._TREE
    monkeypatch.delitem(tree["run"], "hostname")
    monkeypatch.delitem(tree["run"]["volumes"], "target")
    monkeypatch.delitem(tree, "ros")
    assert said(tmp_path, text) == ["the key run.hostname: arm", "the key run.volumes.target: /a", "the key ros"]


def test_nothing_is_told_of_an_empty_file() -> None:
    source: Any = None
    assert list(unjudged_keys(Mapping({}, source, 1, 1))) == []
