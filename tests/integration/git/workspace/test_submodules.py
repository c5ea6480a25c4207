"""Submodules and files of git LFS of the workspace's repositories, with the real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.git.command import Git
from robenv.git.workspace.clones import bring
from robenv.git.workspace.submodules import _refused
from tests.support.servers.repos_entries import entries
from tests.support.servers.upstream import Upstream

pytestmark = pytest.mark.usefixtures("cache")

_FILE = ("-c", "protocol.file.allow=always")


def _with_submodule(folder: Path, name: str, address: str, of: Upstream) -> Upstream:
    made = Upstream(folder / name)
    made.git(*_FILE, "submodule", "--quiet", "add", address or of.url, "lib/it")
    made.git("commit", "--quiet", "-m", "with a submodule")
    return made


@pytest.fixture
def lib(tmp_path: Path) -> Upstream:
    made = Upstream(tmp_path / "there/lib")
    made.commit({"file": "one"})
    return made


def _bring(of: Upstream, src: Path, git: Git = Git()) -> list[str]:  # noqa: B008 (frozen)
    notes: list[str] = []
    bring(entries(f"sup: {{type: git, url: '{of.url}', version: main}}"), src, {}, git, notes.append)
    return notes


@pytest.mark.parametrize("address", ["../lib", ""], ids=["relative", "whole"])
def test_submodules_come_at_their_commits_and_those_in_them(tmp_path: Path, lib: Upstream, address: str) -> None:
    middle = _with_submodule(tmp_path / "there", "middle", address, lib)
    outer = _with_submodule(tmp_path / "there", "outer", "../middle" if address else "", middle)
    lib.commit({"file": "two"})
    notes = _bring(outer, tmp_path / "src")
    inner = tmp_path / "src/sup/lib/it/lib/it"
    assert (inner / "file").read_text() == "one", "as its commit says, whatever came later"
    clone = Upstream.__new__(Upstream)
    clone.folder = inner
    assert clone.git("status", "--porcelain") == ""
    clone.folder = tmp_path / "src/sup"
    assert clone.git("submodule", "status", "--recursive").count("\n") == 1
    assert not any("lacks" in note for note in notes)
    assert any(note.endswith("into sup/lib/it/lib/it") for note in notes)


@pytest.mark.parametrize("address", ["ELSEWHERE", "ext::sh -c touch% PWNED", "https://nowhere.invalid/x"])
def test_a_submodule_that_is_not_brought_is_told_in_one_line_and_the_rest_comes(
    tmp_path: Path, lib: Upstream, address: str
) -> None:
    mine = Upstream(tmp_path / "home/private")
    mine.commit({"secret": "x"})
    sup = _with_submodule(tmp_path / "there", "sup", "../lib", lib)
    pwned = tmp_path / "pwned"
    said = address.replace("ELSEWHERE", mine.url).replace("PWNED", str(pwned))
    sup.git("config", "--file", ".gitmodules", "submodule.lib/it.url", said)
    sup.commit({"file": "sup"})
    notes = _bring(sup, tmp_path / "src")
    assert (tmp_path / "src/sup/file").read_text() == "sup"
    assert list((tmp_path / "src/sup/lib/it").iterdir()) == []
    assert not pwned.exists()
    (told,) = (note for note in notes if "lacks" in note)
    assert told.startswith("sup lacks its submodule lib/it (")
    assert "submodule update --init --recursive" in told


@pytest.mark.parametrize(
    ("url", "address", "taken"),
    [
        ("https://a.example/x/sup.git", "https://b.example/lib", True),
        ("https://a.example/x/sup.git", "git@b.example:lib", True),
        ("https://a.example/x/sup.git", "http://b.example/lib", False),
        ("http://a.example/x/sup.git", "http://a.example/x/lib", True),
        ("https://a.example/x/sup.git", "git://b.example/lib", False),
        ("https://a.example/x/sup.git", "/home/me/private", False),
        ("https://a.example/x/sup.git", "file:///home/me/private", False),
        ("file:///srv/git/sup", "/srv/git/lib.git", True),
        ("file:///srv/git/sup", "file:///srv/git/a/../../../home/me/private", False),
        ("/srv/git/sup", "file:///srv/gi%74/lib", True),
        ("https://a.example/x", "ftp://b.example/lib", False),
        ("https://a.example/x", "-u/x", False),
        ("https://a.example/x", "--upload-pack=x", False),
    ],
)
def test_addresses_of_submodules_are_a_servers_or_beside_their_own_repository(
    url: str, address: str, taken: bool
) -> None:
    assert (_refused(url, address) == "") is taken


def test_files_of_lfs_that_stay_pointers_are_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setattr("robenv.git.workspace.submodules.shutil.which", lambda name: None)
    made = Upstream(tmp_path / "there/sup")
    made.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    (told,) = (note for note in _bring(made, tmp_path / "src") if "LFS" in note)
    assert "sudo apt-get install git-lfs && git lfs install && git -C" in told
