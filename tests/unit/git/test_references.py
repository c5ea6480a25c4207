from __future__ import annotations

import pytest

from robenv.git.references import GitReference, parse_reference
from robenv.profile.yaml.parse_error import BadValue

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "git+https://example.org/team/profiles.git@v1.4#ros/base",
            GitReference("https://example.org/team/profiles.git", "v1.4", "ros/base"),
        ),
        ("git+https://example.org/p", GitReference("https://example.org/p", "", "robenv")),
        ("git+https://example.org:8443/p@main", GitReference("https://example.org:8443/p", "main", "robenv")),
        ("git+https://example.org/p@feature/x-1#a.yaml", GitReference("https://example.org/p", "feature/x-1", "a")),
        ("git+ssh://git@example.org:2222/p.git@v1", GitReference("ssh://git@example.org:2222/p.git", "v1", "robenv")),
        ("git+file:///srv/p.git@v1#x", GitReference("file:///srv/p.git", "v1", "x")),
        ("git+file:///srv/prof%20[1]ö&@v1#x", GitReference("file:///srv/prof%20[1]ö&", "v1", "x")),
        ("git@example.org:team/p.git@v1#x", GitReference("git@example.org:team/p.git", "v1", "x")),
        ("git+git@example.org:team/p.git", GitReference("git@example.org:team/p.git", "", "robenv")),
        (f"git+https://example.org/p@{COMMIT}", GitReference("https://example.org/p", COMMIT, "robenv")),
    ],
)
def test_what_each_form_means(text: str, expected: GitReference) -> None:
    assert parse_reference(text) == expected


def test_only_a_whole_commit_is_one() -> None:
    assert parse_reference(f"git+https://e.org/p@{COMMIT}").commit == COMMIT
    assert parse_reference("git+https://e.org/p@0123456").commit == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://example.org/p", "write it as git+https://"),
        ("git+ftp://example.org/p", "not an address"),
        ("git+ext::sh -c id", "not a repository"),
        ("git+https://user:secret@example.org/p", "credentials"),
        ("git+https://token@example.org/p", "credentials"),
        ("git+ssh://-oProxyCommand=id@example.org/p", "not a repository"),
        ("git+ssh://-oProxyCommand=id/p", "not a repository"),
        ("-oProxyCommand@example.org:p", "not a repository"),
        ("git+https:///p", "not a repository"),
        ("git+file://host/p", "not a repository"),
        ("git+https://example.org/", "names no repository"),
        ("git+https://example.org/p@", "nothing behind its @"),
        ("git+https://example.org/p@--upload-pack=id", "not a branch"),
        ("git+https://example.org/p@a..b", "not a branch"),
        ("git+https://example.org/p@a b", "has the character ` ` in it write it as %20"),
        ("git+file:///srv/prof [1] ö&", "has the character ` ` in it write it as %20"),
        ("git+file:///srv/prof#x y", "cannot have the character ` `, as `x y` has"),
        ("git+https://example.org/p#../../etc/x", "not a profile's path"),
        ("git+https://example.org/p#", "not a profile's path"),
        ("git+https://example.org:port/p", "not an address"),
        ("git+https://example.org/p?x=1", "has the character `?` in it write it as %3F"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadValue) as caught:
        parse_reference(text)
    assert words in f"{caught.value.message} {caught.value.hint}"
