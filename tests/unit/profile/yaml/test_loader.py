from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from robenv.errors import Problem
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import Mapping, Node, Scalar, Sequence, SourceFile, to_python

LOADERS = [pytest.param(yaml.Loader, id="pure")]
if yaml.__with_libyaml__:
    LOADERS.append(pytest.param(yaml.CLoader, id="libyaml"))


@pytest.fixture(params=LOADERS)
def loader(request: pytest.FixtureRequest) -> Any:
    return request.param


def load(text: str, loader: Any) -> tuple[Node | None, tuple[Problem, ...]]:
    return load_yaml(SourceFile(Path("/p/robenv.yaml"), "robenv.yaml", "x", "project", Path("/p"), (), text), loader)


def places(problems: tuple[Problem, ...]) -> list[tuple[int, int]]:
    return [(problem.location.line, problem.location.column) for problem in problems if problem.location]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("no", "str"), ("yes", "str"), ("on", "str"), ("off", "str"), ("y", "str"), ("22:22", "str"), ("1_000", "str"),
        ("2024-01-01", "str"), ("0b11", "str"), ("=", "str"), ("tRue", "str"), (".", "str"), ("+", "str"),
        ("1e", "str"),
        ("true", "bool"), ("True", "bool"), ("FALSE", "bool"),
        ("null", "null"), ("~", "null"), ("", "null"), ("Null", "null"),
        ("0", "int"), ("-12", "int"), ("+3", "int"), ("0o17", "int"), ("0xfF", "int"), ("0644", "int"), ("017", "int"),
        ("1.5", "float"), (".5", "float"), ("1.", "float"), ("1e3", "float"), ("-.inf", "float"), (".NaN", "float"),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says(text: str, kind: str, loader: Any) -> None:
    root, problems = load(f"a: {text}", loader)
    assert not problems
    assert isinstance(root, Mapping)
    value = root.get("a")
    assert isinstance(value, Scalar)
    assert (value.text, value.kind) == (text, kind)


@pytest.mark.parametrize("text", ["'true'", '"12"', "!!str 12", "! null", "|-\n  1.5", ">-\n  ~"])
def test_quoted_scalars_are_text(text: str, loader: Any) -> None:
    root, problems = load(f"a: {text}", loader)
    assert not problems
    assert isinstance(root, Mapping)
    value = root.get("a")
    assert isinstance(value, Scalar)
    assert value.kind == "str"


def test_places_count_from_one_and_characters_not_bytes(loader: Any) -> None:
    root, _ = load("ä: [ü, x]\nb:\n  - {ß: y}\n", loader)
    assert isinstance(root, Mapping)
    first, second = root.get("ä"), root.get("b")
    assert isinstance(first, Sequence)
    assert isinstance(second, Sequence)
    assert (first.line, first.column) == (1, 4)
    assert [(item.line, item.column) for item in first.items] == [(1, 5), (1, 8)]
    inner = second.items[0]
    assert isinstance(inner, Mapping)
    assert (inner.entries["ß"][1].line, inner.entries["ß"][1].column) == (3, 9)


def test_a_duplicate_key_names_both_places_and_hides_nothing(loader: Any) -> None:
    root, problems = load("a: 1\nb: {c: 1, d: 2, c: {x: 3}}\na: 2\n", loader)
    assert places(problems) == [(2, 17), (3, 1)]
    assert "line 2, column 5" in problems[0].message
    assert "line 1, column 1" in problems[1].message
    assert root is not None
    assert to_python(root) == {"a": "1", "b": {"c": "1", "d": "2"}}


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("a: 1\n---\nb: 2\n", "second YAML document", (2, 1)),
        ("<<: {a: 1}\n", "merge key", (1, 1)),
        ("1: a\n", "a key must be text", (1, 1)),
        ("? [a]\n: b\n", "a key must be text", (1, 3)),
        ("null: a\n", "a key must be text", (1, 1)),
        ("a: !foo b\n", "unknown tag `!foo`", (1, 4)),
        ("a: !!python/object:os.system x\n", "unknown tag `!!python/object:os.system`", (1, 4)),
        ("a: !!int 3\n", "unknown tag `!!int`", (1, 4)),
        ("a: !!set {x}\n", "unknown tag `!!set`", (1, 4)),
        ("a: [!reset b]\n", "can stand only before the value of a key", (1, 5)),
        ("!override {a: b}\n", "can stand only before the value of a key", (1, 1)),
        ("a: *nowhere\n", "no anchor `&nowhere`", (1, 4)),
        ("a: &x [1, *x]\n", "stands inside what it names", (1, 11)),
        ("a:\n\tb: 1\n", "a tab cannot indent YAML", (2, 1)),
        ("a:\n  - b\n\t- c\n", "a tab cannot indent YAML", (3, 1)),
        ("a: [1, 2\nb: 3\n", "not closed, or lacks a comma", None),
        ("a: {b: 1\nc: 3\n", "not closed, or lacks a comma", None),
        ('a: "b\nc: 3\n', "close", None),
        ("a: b: c\n", "a `:` cannot stand here", (1, 5)),
        ("a: 1\n b: 2\n", "", None),
        ("a: @b\n", "no value can begin with this character", (1, 4)),
        ("a: `b`\n", "no value can begin with this character", (1, 4)),
        ('a: "\\q"\n', "unknown escape", None),
        ("a: " + "9" * 5000 + "\n", "a number of 5000 digits", (1, 4)),
        ("a:\n- b\n c\n- d\n - e: f\n", "", None),
    ],
)
def test_what_is_refused(text: str, words: str, place: tuple[int, int] | None, loader: Any) -> None:
    _, problems = load(text, loader)
    assert len(problems) == 1
    assert words in problems[0].message + problems[0].hint
    assert problems[0].location is not None
    assert problems[0].location.excerpt.count("^") >= 1
    if place:
        assert places(problems) == [place]


@pytest.mark.parametrize("escape", ["\\ud800", "\\Uffffffff", "\\U00110000"])
def test_escapes_for_no_character_are_refused(escape: str, loader: Any) -> None:
    _, problems = load(f'a: "{escape}"\n', loader)
    assert len(problems) == 1


def test_directives_are_kept_on_the_node(loader: Any) -> None:
    root, problems = load("a: !override [1]\nb: !reset\nc: !override {x: !reset null}\nd: !override 5\n", loader)
    assert not problems
    assert isinstance(root, Mapping)
    assert [value.directive for _, value in root.values()] == ["override", "reset", "override", "override"]
    last = root.get("d")
    assert isinstance(last, Scalar)
    assert last.kind == "int"


def test_a_thousand_levels_are_one_clear_problem(loader: Any) -> None:
    for text in ("[" * 1000 + "]" * 1000, "".join(" " * level + "a:\n" for level in range(1000)), "{a: " * 100_000):
        _, problems = load(text, loader)
        assert len(problems) == 1
        assert "more than 100 levels deep" in problems[0].message


def test_a_hundred_levels_are_read(loader: Any) -> None:
    root, problems = load("[" * 100 + "]" * 100, loader)
    assert root is not None
    assert not problems


def test_an_alias_bomb_is_refused_at_once(loader: Any) -> None:
    names = "abcdefghijklmnop"
    lines = [f"{names[0]}: &{names[0]} [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join(['*' + before] * 10)}]" for before, name in pairwise(names)]
    begin = time.monotonic()
    root, problems = load("\n".join(lines), loader)
    assert time.monotonic() - begin < 5
    assert root is None
    assert "more than 10,000 values" in problems[0].message


def test_aliases_cannot_nest_beyond_the_depth(loader: Any) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 120))]
    _, problems = load("\n".join(lines), loader)
    assert "levels deep" in problems[0].message


def test_an_alias_stands_for_the_whole_value(loader: Any) -> None:
    root, problems = load("a: &x {b: [1]}\nc: *x\n", loader)
    assert not problems
    assert root is not None
    assert to_python(root) == {"a": {"b": ["1"]}, "c": {"b": ["1"]}}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n...\n"])
def test_an_empty_document_is_nothing(text: str, loader: Any) -> None:
    root, problems = load(text, loader)
    assert not problems
    assert root is None or to_python(root) is None


def test_a_file_with_nothing_but_problems_is_read_no_further(loader: Any) -> None:
    root, problems = load("a: 1\n" * 10_000, loader)
    assert root is None
    assert len(problems) == 201
