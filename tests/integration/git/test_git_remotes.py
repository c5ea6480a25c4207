"""Profiles from real git servers: over HTTPS with a login, over ssh, by the user's own git and what it is told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robenv.engine.transport.endpoint import DEFAULT_URL
from tests.support.projects.project import Project
from tests.support.servers.git_https import PASSWORD, USER, GitHttps
from tests.support.servers.ssh_server import USER as SSH_USER
from tests.support.servers.ssh_server import SshServer

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository ``profiles`` whose tag v1.4 is no branch's end, and what it extends and copies in itself."""
    made = tmp_path_factory.mktemp("git") / "profiles"
    (made / "ros").mkdir(parents=True)
    (made / "ros/base.yaml").write_text("extends: ../common.yaml\nfiles: [{source: text, target: /from-git}]\n")
    (made / "ros/text").write_text("text\n")
    _git(made, "init", "--quiet", "--initial-branch=main")
    for mark in ("v1.4", "v1.5"):
        (made / "common.yaml").write_text(f"environment: {{CAME_FROM: git-{mark}}}\n")
        _git(made, "add", "--all")
        _git(made, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", mark)
        _git(made, "tag", mark)
    return made


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def https(profiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHttps]:
    with GitHttps(profiles.parent, tmp_path_factory.mktemp("https")) as made:
        yield made


@pytest.fixture
def ssh() -> Iterator[SshServer]:
    made = SshServer(DEFAULT_URL)
    try:
        yield made.start()
    finally:
        made.close()


def _rendered(mine: Project, address: str) -> str:
    mine.write(f"extends: ['{address}']\n")
    return mine.run("render").stdout


def _refused(mine: Project, address: str) -> str:
    mine.write(f"extends: ['{address}']\n")
    return mine.run("render", check=3).stderr


def test_over_https_with_the_users_certificates_and_credentials(
    project: Callable[..., Project], https: GitHttps, tmp_path: Path
) -> None:
    mine, address = project(), f"git+{https.url}/profiles@v1.4#ros/base"
    settings, credentials = tmp_path / "gitconfig", tmp_path / "credentials"
    mine.environ |= {"GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1"}
    mine.environ["no_proxy"] = "127.0.0.1"
    mine.environ.pop("GIT_SSL_CAINFO", None)
    settings.write_text("")
    assert "its certificate is not trusted" in _refused(mine, address)
    trusting = f'[http]\n\tsslCAInfo = {https.certificate}\n[credential]\n\thelper = "store --file={credentials}"\n'
    settings.write_text(trusting)
    assert "it wants credentials that your git does not give" in _refused(mine, address)
    credentials.write_text(f"{https.url.replace('://', f'://{USER}:wrong@')}\n")
    assert "it wants credentials that your git does not give" in _refused(mine, address)
    credentials.write_text(f"{https.url.replace('://', f'://{USER}:{PASSWORD}@')}\n")
    rendered = _rendered(mine, address)
    assert "git-v1.4" in rendered
    assert "/from-git" in rendered
    assert "git-v1.5" in _rendered(mine, f"git+{https.url}/profiles@main#ros/base")
    for path in (mine.folder.parent).rglob("*"):
        assert not path.is_file() or path == credentials or PASSWORD.encode() not in path.read_bytes(), path


def test_over_ssh_and_by_a_name_of_the_users_ssh_config(
    project: Callable[..., Project], ssh: SshServer, profiles: Path
) -> None:
    mine = project()
    mine.environ |= {"PATH": ssh.environment["PATH"]}
    url = f"git+{ssh.url}{profiles}@v1.4#ros/base"
    assert "git-v1.4" in _rendered(mine, url)
    assert "git-v1.5" in _rendered(mine, f"{SSH_USER}@robenvtest-Robot:{profiles}@main#ros/base")
    ssh.authorize(False)
    (mine.folder / "robenv.lock").unlink(missing_ok=True)
    assert "it wants credentials that your git does not give" in _refused(mine, f"{url.replace('v1.4', 'v1.5')}")
    known = ssh.folder / "known"
    known.write_text("")
    refused = _refused(mine, f"{url.replace('v1.4', 'v1.5')}")
    assert "its host key is unknown or has changed" in refused
    assert known.read_text() == ""


def test_the_workspaces_repositories_come_as_the_lock_says(
    project: Callable[..., Project], https: GitHttps, profiles: Path, tmp_path: Path, pushed_base: str
) -> None:
    """Over HTTPS with the user's credentials, and by a mirror; branches that move, and one that is gone."""
    lidar, arm = (_commits(profiles.parent / name, "one") for name in ("lidar", "arm"))
    first = {name: _head(folder) for name, folder in (("lidar", lidar), ("arm", arm))}
    mine = project("workspace: {repos: [arm.repos, more.repos]}\n", pushed_base)
    settings, credentials = tmp_path / "gitconfig", tmp_path / "credentials"
    settings.write_text(
        f'[http]\n\tsslCAInfo = {https.certificate}\n[credential]\n\thelper = "store --file={credentials}"\n'
    )
    mine.environ |= {"GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1", "no_proxy": "127.0.0.1"}
    mine.environ.pop("GIT_SSL_CAINFO", None)
    (mine.folder / "arm.repos").write_text(
        f"repositories:\n  lidar: {{type: git, url: '{https.url}/lidar', version: main}}\n"
        f"  drivers/arm: {{type: git, url: 'https://git.robenvtest.example/arm', version: main}}\n"
    )
    (mine.folder / "more.repos").write_text("repositories: {}\n")
    refused = mine.run("up", "-d", check=1).stderr
    assert "2 repositories of the workspace cannot be had" in refused
    assert "arm.repos:2:3" in refused and "it wants credentials that your git does not give" in refused
    assert "arm.repos:3:3" in refused and "`mirrors.git` names another place for it" in refused
    credentials.write_text(f"{https.url.replace('://', f'://{USER}:{PASSWORD}@')}\n")
    (mine.folder / "robenv.local.yaml").write_text(
        f"mirrors: {{git: {{'https://git.robenvtest.example/': 'file://{arm.parent}/'}}}}\n"
    )
    assert (
        "does not have https://git.robenvtest.example/arm@main, for src/drivers/arm"
        in mine.run("lock", "--check", check=3).stderr
    )
    said = mine.run("lock").stdout
    assert f"repos {https.url}/lidar@main: nothing → {first['lidar'][:12]}" in said
    mine.run("lock", "--check")

    _commits(lidar, "two")
    _git(lidar, "checkout", "--quiet", "-b", "other")
    _git(lidar, "branch", "--quiet", "-D", "main")
    _commits(arm, "two")
    mine.run("up", "--locked", "-d")
    assert _head(mine.folder / "src/lidar") == first["lidar"]
    assert _head(mine.folder / "src/drivers/arm") == first["arm"]
    gone = mine.run("update", "repos", check=1).stderr
    assert "arm.repos:2:3" in gone and "there is no such branch, tag or commit: main" in gone
    _git(lidar, "branch", "--quiet", "-m", "main")
    moved = mine.run("update", "repos", "--dry-run").stdout
    assert moved.count("\n") == 2 and f"/lidar@main: {first['lidar'][:12]} → {_head(lidar)[:12]}" in moved
    assert mine.run("update", "lidar").stdout.count("\n") == 1
    behind = mine.run("build").stderr
    assert f"lidar is at {first['lidar'][:12]}, not at main ({_head(lidar)[:12]} by the lock)" in behind
    unfit = mine.run("build", "--locked", check=3).stderr
    assert "the workspace does not fit the lock" in unfit and "checkout" in unfit and "arm.repos:2:3" in unfit

    # A colleague gets the same; a project without a lock holds fast what came.
    colleague = project("workspace: {repos: [arm.repos]}\n", pushed_base)
    colleague.environ |= {name: mine.environ[name] for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "no_proxy")}
    colleague.environ.pop("GIT_SSL_CAINFO", None)
    for name in ("arm.repos", "robenv.lock", "robenv.local.yaml"):
        shutil.copy(mine.folder / name, colleague.folder)
    colleague.run("build", "--locked")
    assert _head(colleague.folder / "src/drivers/arm") == first["arm"]
    assert _head(colleague.folder / "src/lidar") == _head(lidar)
    shutil.rmtree(colleague.folder / "src")
    (colleague.folder / "robenv.lock").unlink()
    assert "arm@main is at" in colleague.run("build").stderr
    assert f"arm@main: {first['arm']}" not in (colleague.folder / "robenv.lock").read_text(), "what is there now"


def _commits(folder: Path, text: str) -> Path:
    if not folder.exists():
        folder.mkdir()
        _git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "file").write_text(text)
    _git(folder, "add", "--all")
    _git(folder, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", text)
    return folder


def _head(folder: Path) -> str:
    done = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()
