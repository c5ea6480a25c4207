"""Profiles from git, with the real git over file://."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.git.extends import GitSources
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from tests.support.servers.upstream import Upstream

pytestmark = pytest.mark.usefixtures("cache")


def resolve(folder: Path, text: str, sources: GitSources) -> Resolved:
    folder.mkdir(exist_ok=True)
    (folder / "robenv.yaml").write_text(text)
    return resolve_project(find_project(folder, None), {}, sources)


def test_a_profile_with_what_it_extends_and_its_files(tmp_path: Path, upstream: Upstream) -> None:
    sources = GitSources()
    resolved = resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v1#ros/base'\n", sources)
    assert resolved.profile.apt.packages == ("git", "ros-core")
    assert Path(resolved.profile.files[0].source).read_text() == "<x/>\n"
    source = f"{upstream.url}@v1"
    assert [level.name for level in resolved.levels] == [f"{source}#common", f"{source}#ros/base", "robenv.yaml"]
    assert sources.used == {source: upstream.git("rev-parse", "v1")}


def test_branches_tags_commits_and_the_default(tmp_path: Path, upstream: Upstream) -> None:
    first = upstream.git("rev-parse", "HEAD")
    second = upstream.commit({"common.yaml": "apt: {packages: [vim]}\n"})
    for ref, commit in {"@v1": first, "@main": second, f"@{first}": first, "": second}.items():
        sources = GitSources()
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}{ref}'\n", sources)
        assert list(sources.used.values()) == [commit]


def test_what_is_pinned_stays_and_needs_no_origin(tmp_path: Path, upstream: Upstream) -> None:
    text = f"extends: 'git+{upstream.url}@v1#ros/base'\n"
    sources = GitSources()
    resolve(tmp_path / "project", text, sources)
    upstream.commit({"common.yaml": "apt: {packages: [vim]}\n"}, "v1")
    pinned = GitSources(pinned=sources.used)
    assert resolve(tmp_path / "project", text, pinned).profile.apt.packages == ("git", "ros-core")
    shutil.rmtree(upstream.folder)
    pinned = GitSources(pinned=sources.used, frozen=True)
    assert resolve(tmp_path / "project", text, pinned).profile.apt.packages == ("git", "ros-core")


def test_update_moves_only_what_is_asked_for(tmp_path: Path, upstream: Upstream) -> None:
    text = f"extends: 'git+{upstream.url}@v1#ros/base'\n"
    sources = GitSources()
    resolve(tmp_path / "project", text, sources)
    moved = upstream.commit({"common.yaml": "apt: {packages: [vim]}\n"}, "v1")
    again = GitSources(pinned=sources.used, moving=lambda source: source.startswith(upstream.url))
    assert resolve(tmp_path / "project", text, again).profile.apt.packages == ("vim", "ros-core")
    assert list(again.used.values()) == [moved]


def test_a_pinned_commit_that_no_branch_has_any_more(tmp_path: Path, upstream: Upstream, cache: Path) -> None:
    text = f"extends: 'git+{upstream.url}@main#ros/base'\n"
    sources = GitSources()
    lost = upstream.commit({"x": "1"})
    resolve(tmp_path / "project", text, sources)
    assert list(sources.used.values()) == [lost]
    upstream.git("reset", "--quiet", "--hard", "v1")
    upstream.git("reflog", "expire", "--expire=now", "--all")
    upstream.git("gc", "--quiet", "--prune=now")
    shutil.rmtree(cache)
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", text, GitSources(pinned=sources.used))
    assert "any more (it was main)" in caught.value.problems[0].message
    assert "robenv update" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{url}@v9", "no such branch, tag or commit"),
        ("{url}@v1#ros/bass", "ros/base.yaml"),
        ("file:///nowhere/at/all", "no such repository"),
        ("https://localhost:1/p", "cannot be reached"),
        ("https://nosuchhost.invalid/p", "cannot be reached"),
        ("{url}@0000000000000000000000000000000000000000", "has no commit"),
    ],
)
def test_what_cannot_be_had_is_named_at_its_place(tmp_path: Path, upstream: Upstream, entry: str, words: str) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", f"extends: ['git+{entry.format(url=upstream.url)}']\n", GitSources())
    problem = caught.value.problems[0]
    assert words in f"{problem.message} {problem.hint}"
    assert problem.location is not None and problem.location.line == 1


def test_what_is_not_locked_is_refused_when_frozen(tmp_path: Path, upstream: Upstream) -> None:
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v1'\n", GitSources(frozen=True))
    assert "robenv.lock does not have" in caught.value.problems[0].message


def test_a_place_in_a_fetched_file_is_told_by_its_address(tmp_path: Path, upstream: Upstream) -> None:
    upstream.commit({"common.yaml": "apt: {package: [git]}\n"}, "v2")
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v2#ros/base'\n", GitSources())
    location = caught.value.problems[0].location
    assert location is not None
    assert str(location) == f"{upstream.url}@v2#common.yaml:1:7"


def test_links_and_paths_that_leave_are_refused(tmp_path: Path, upstream: Upstream) -> None:
    (upstream.folder / "leak.yaml").symlink_to("/etc/hostname")
    upstream.commit({}, "v2")
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v2#ros/base'\n", GitSources())
    assert "leads out of it" in caught.value.problems[0].message
    (upstream.folder / "leak.yaml").unlink()
    upstream.commit({"ros/base.yaml": "extends: ../../../x.yaml\nbase: {image: x}\n"}, "v3")
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v3#ros/base'\n", GitSources())
    assert "outside the folder" in caught.value.problems[0].message


def test_links_that_stay_inside_work(tmp_path: Path, upstream: Upstream) -> None:
    (upstream.folder / "ros" / "latest.yaml").symlink_to("base.yaml")
    upstream.commit({}, "v2")
    resolved = resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v2#ros/latest'\n", GitSources())
    assert resolved.profile.apt.packages == ("git", "ros-core")


def test_hooks_filters_and_submodules_never_run(tmp_path: Path, upstream: Upstream) -> None:
    mark = tmp_path / "ran"
    other = Upstream(tmp_path / "other")
    other.commit({"x.yaml": ""})
    upstream.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.url, "sub")
    upstream.commit({".gitattributes": "* filter=evil\nros/* eol=crlf\n"}, "v2")
    hook = upstream.folder / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    home = tmp_path / "templates" / "hooks"
    home.mkdir(parents=True)
    (home / "reference-transaction").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (home / "reference-transaction").chmod(0o755)
    upstream.git("config", "--file", str(tmp_path / "gitconfig"), "init.templateDir", str(home.parent))
    upstream.git("config", "--file", str(tmp_path / "gitconfig"), "filter.evil.smudge", f"touch {mark}")
    before = os.environ.get("GIT_CONFIG_GLOBAL")
    os.environ["GIT_CONFIG_GLOBAL"] = str(tmp_path / "gitconfig")
    try:
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v2#ros/base'\n", GitSources())
    finally:
        os.environ.pop("GIT_CONFIG_GLOBAL")
        if before is not None:
            os.environ["GIT_CONFIG_GLOBAL"] = before
    assert not mark.exists()


def test_a_profile_from_git_names_no_repository_of_this_machine(tmp_path: Path, upstream: Upstream) -> None:
    upstream.commit({"robenv.yaml": f"extends: 'git+{upstream.url}@v1#ros/base'\nbase: {{image: x}}\n"}, "v2")
    with pytest.raises(ProfileError) as caught:
        resolve(tmp_path / "project", f"extends: 'git+{upstream.url}@v2'\n", GitSources())
    assert "on this machine" in caught.value.problems[0].message


def test_many_at_once_share_one_cache(tmp_path: Path, upstream: Upstream) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "robenv.yaml").write_text(f"extends: 'git+{upstream.url}@v1#ros/base'\n")
    code = (
        "import sys\nfrom pathlib import Path\nfrom robenv.profile.chain.project import find_project\n"
        "from robenv.profile.resolve.resolve import resolve_project\nfrom robenv.git.extends import GitSources\n"
        "print(resolve_project(find_project(Path(sys.argv[1]), None), {}, GitSources()).profile.apt.packages)"
    )
    argv = [sys.executable, "-c", code, str(project)]
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["('git', 'ros-core')\n"] * 4
