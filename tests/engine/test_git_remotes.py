"""Profiles from real git servers: over HTTPS with a login, over ssh, by the user's own git and what it is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robenv.engine.endpoint import DEFAULT_URL
from tests.support.git_https import PASSWORD, USER, GitHttps
from tests.support.project import Project
from tests.support.ssh_server import USER as SSH_USER
from tests.support.ssh_server import SshServer

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
