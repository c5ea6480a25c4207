""".dockerignore as Docker reads it. The table follows Docker's documentation and filepath.Match's."""

from __future__ import annotations

import pytest

from robenv.errors import ProfileError
from robenv.render.ignore import IgnoreRules, parse_ignore


def is_ignored(rules: IgnoreRules, path: str) -> bool:
    """Walks down to ``path`` as the context does."""
    matched = rules.none
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        matched = rules.match("/".join(parts[:depth]), matched)
    return rules.ignored(matched)


@pytest.mark.parametrize(
    ("patterns", "ignored", "kept"),
    [
        ("", [], ["a", ".git/config"]),
        ("# a comment\n\n   \n", [], ["# a comment", "a"]),
        ("*.o", ["a.o", ".o"], ["src/a.o", "a.oo", "ao"]),
        ("*/temp*", ["a/temporary.txt", "a/temp"], ["temp", "a/b/temp"]),
        ("*/*/temp*", ["a/b/temp.txt"], ["a/temp", "a/b/c/temp"]),
        ("temp?", ["tempa", "tempb"], ["temp", "tempab", "temp/"]),
        ("**/*.go", ["a.go", "a/b/c.go"], ["a.gox", "go"]),
        ("**", ["a", "a/b"], []),
        ("*", ["a", "a/b", ".x"], []),
        ("a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a/x", "b"]),
        ("foo**", ["foo", "foobar", "foo/x"], ["afoo"]),
        ("**/build", ["build", "x/build", "x/build/y"], ["builds", "x/rebuild"]),
        ("build/", ["build", "build/x"], ["x/build"]),
        ("/build", ["build", "build/x"], ["x/build"]),
        ("./build", ["build"], []),
        ("a/../b", ["b"], ["a"]),
        ("  spaced  ", ["spaced"], ["  spaced  "]),
        (".git", [".git", ".git/objects/ab"], [".gitignore"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[^a-c]x", ["dx"], ["ax"]),
        (r"\*.md", ["*.md"], ["a.md"]),
        (r"\#x", ["#x"], ["x"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a+b(c)$", ["a+b(c)$"], ["aab(c)$"]),
        ("*.md\n!README.md", ["a.md"], ["README.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", ["a.md", "README-secret.md"], ["README.md", "README-a.md"]),
        ("*.md\nREADME-secret.md\n!README*.md", ["a.md"], ["README.md", "README-secret.md"]),
        ("docs\n!docs/keep", ["docs", "docs/a", "docs/b/c"], ["docs/keep", "docs/keep/x"]),
        ("**\n!src/**/*.py", ["a", "src/a.c"], ["src/a.py", "src/b/c.py"]),
        ("! a", [], ["a"]),
        ("!", [], ["a"]),
        (".", [], ["a"]),
        ("\ufeff*.o", ["a.o"], []),
        ("*.o\r\n*.a\r\n", ["x.o", "x.a"], ["x.c"]),
    ],
)
def test_docker_semantics(patterns: str, ignored: list[str], kept: list[str]) -> None:
    rules = parse_ignore(patterns, ".dockerignore")
    assert [path for path in ignored if not is_ignored(rules, path)] == []
    assert [path for path in kept if is_ignored(rules, path)] == []


@pytest.mark.parametrize(
    ("patterns", "folder", "expected"),
    [
        ("build", "build", False),
        ("build\n!build/keep", "build", True),
        ("build\n!src/keep", "build", False),
        ("build\n!**/keep", "build", True),
        ("build\n!build/*/keep", "build/x", True),
        ("build\n!build/x/keep", "build/y", False),
        ("build\n!build", "build", False),
        ("**\n!a/b/c", "a/b", True),
    ],
)
def test_a_folder_is_walked_only_where_something_could_be_kept(patterns: str, folder: str, expected: bool) -> None:
    assert parse_ignore(patterns, ".dockerignore").may_keep_below(folder) is expected


@pytest.mark.parametrize("pattern", ["[", "a[b", "[]", "a\\", "x/[^"])
def test_a_bad_pattern_is_named_with_its_line(pattern: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_ignore(f"*.o\n{pattern}\n", "/p/.dockerignore")
    (problem,) = caught.value.problems
    assert str(problem.location) == "/p/.dockerignore:2:1"
    assert pattern in problem.message.replace("\\\\", "\\")
