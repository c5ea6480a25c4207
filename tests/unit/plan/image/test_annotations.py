"""Labels that say whence an image comes: only what is true, and no login."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from robenv.host.git.revision import Revision, read_revision
from robenv.plan.image.annotations import oci_labels

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(folder: Path, *command: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    environ = {**os.environ, "GIT_COMMITTER_DATE": "1700000000 +0000", "GIT_AUTHOR_DATE": "1700000000 +0000"}
    return subprocess.run(
        ("git", *who, "-C", str(folder), *command), env=environ, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "ws/src").mkdir(parents=True)
    (tmp_path / "ws/src/node.py").write_text("print()\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "1.2.0")
    return tmp_path / "ws"


def test_a_clone_as_it_was_committed(clone: Path) -> None:
    git(clone, "remote", "add", "origin", "https://me:token@git.example.org:8443/team/p.git")
    found = read_revision(str(clone), [str(clone / "src")], os.environ)
    commit = git(clone, "rev-parse", "HEAD")
    assert found == Revision(commit, 1700000000, False, "https://git.example.org:8443/team/p.git", "1.2.0")
    assert oci_labels(found) == {
        "org.opencontainers.image.source": "https://git.example.org:8443/team/p.git",
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.version": "1.2.0",
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
    }


def test_only_what_was_built_makes_it_differ(clone: Path) -> None:
    (clone / "notes").write_text("x")
    assert not read_revision(str(clone), [str(clone / "src")], os.environ).dirty
    (clone / "src/new.py").write_text("x")
    found = read_revision(str(clone), [str(clone / "src")], os.environ)
    labels = oci_labels(found)
    assert labels["org.opencontainers.image.revision"] == f"{found.commit}-dirty"
    assert labels["org.opencontainers.image.version"] == "1.2.0-dirty"
    assert "org.opencontainers.image.created" not in labels


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("git@git.example.org:team/p.git", "git@git.example.org:team/p.git"),
        ("ssh://git@git.example.org:22/team/p", "ssh://git@git.example.org:22/team/p"),
        ("ssh://git:secret@git.example.org/p", "ssh://git@git.example.org/p"),
        ("https://token@git.example.org/p@v1", "https://git.example.org/p@v1"),
        ("https://git.example.org/p", "https://git.example.org/p"),
        ("/srv/git/p", "/srv/git/p"),
    ],
)
def test_no_login_gets_into_a_label(clone: Path, address: str, shown: str) -> None:
    git(clone, "remote", "add", "origin", address)
    assert read_revision(str(clone), [], os.environ).origin == shown


def test_outside_of_git_there_is_nothing_to_say(tmp_path: Path) -> None:
    found = read_revision(str(tmp_path), [], {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert (found, oci_labels(found)) == (Revision(), {})
    assert read_revision(str(tmp_path), [], {"PATH": "/nowhere"}) == Revision()


def test_source_date_epoch_goes_before_the_commits_time() -> None:
    name = "org.opencontainers.image.created"
    assert oci_labels(Revision(COMMIT, 1700000000), "1000000000")[name] == "2001-09-09T01:46:40Z"
    assert oci_labels(Revision(), "1000000000") == {name: "2001-09-09T01:46:40Z"}
    assert name not in oci_labels(Revision(), "999999999999")
