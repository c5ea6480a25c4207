"""The real git is asked, and what is written is read back by the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from robenv.host.git.identity import git_config, git_identity


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}


def test_the_repositorys_own_goes_before_the_users(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / ".gitconfig").write_text("[include]\npath = missing\n[user]\nname = Ann\nemail = ann@example.org\n")
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", repository], check=True, env=environ)
    subprocess.run(["git", "-C", str(repository), "config", "user.email", "ann@work.example"], check=True, env=environ)
    assert git_identity(str(tmp_path), environ) == {"name": "Ann", "email": "ann@example.org"}
    assert git_identity(str(repository), environ) == {"name": "Ann", "email": "ann@work.example"}


def test_no_identity_where_there_is_none(tmp_path: Path, environ: dict[str, str]) -> None:
    assert git_identity(str(tmp_path), environ) == {}
    assert git_identity(str(tmp_path / "missing"), environ) == {}
    (tmp_path / ".gitconfig").write_text("[user\n")
    assert git_identity(str(tmp_path), environ) == {}


def test_a_git_that_is_missing_or_hangs_keeps_nobody(tmp_path: Path, environ: dict[str, str]) -> None:
    environ["PATH"] = str(tmp_path)
    assert git_identity(str(tmp_path), environ) == {}
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    assert git_identity(str(tmp_path), environ) == {}


@pytest.mark.parametrize(
    "name", ['Ann "the" Arm', "back\\slash\\", "Ångström ☃", "a # b ; c", " spaces ", "tab\tin it"]
)
def test_git_reads_back_any_name(tmp_path: Path, environ: dict[str, str], name: str) -> None:
    file = tmp_path / "config"
    file.write_text(git_config({"name": name}, ("/work space", "/workspace"), "/none"))
    command = ["git", "config", "--file", str(file), "--null", "--get-all"]
    read = subprocess.run([*command, "user.name"], check=True, env=environ, capture_output=True, text=True)
    assert read.stdout == f"{name}\0"
    safe = subprocess.run([*command, "safe.directory"], check=True, env=environ, capture_output=True, text=True)
    assert safe.stdout == "/work space\0/workspace\0"


def test_no_name_brings_settings_of_its_own_along(tmp_path: Path, environ: dict[str, str]) -> None:
    file = tmp_path / "config"
    file.write_text(git_config({"name": 'x"\n[core]\n\tsshCommand = "touch /tmp/owned'}))
    listed = subprocess.run(["git", "config", "--file", file, "--name-only", "--list"], capture_output=True, text=True)
    assert listed.stdout == "user.name\n"


@pytest.fixture
def repository(tmp_path: Path, environ: dict[str, str]) -> Path:
    """Of somebody who has a configuration of their own, and another one for something else."""
    (tmp_path / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n")
    (tmp_path / "secret").write_text("[user]\nname = nobody may know\n")
    made = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", made], check=True, env=environ)
    return made


@pytest.mark.parametrize("path", ["{secret}", "../../secret", "~/secret"])
def test_what_a_repository_includes_is_not_told(
    repository: Path, tmp_path: Path, environ: dict[str, str], path: str
) -> None:
    """A command in the container can write the repository's configuration, and reads what it is told inside."""
    with (repository / ".git/config").open("a") as file:
        file.write(f"[include]\npath = {path.format(secret=tmp_path / 'secret')}\n[user]\nemail = ann@work.example\n")
    asked = ["git", "-C", str(repository), "config", "user.name"]
    done = subprocess.run(asked, check=True, env=environ, capture_output=True, text=True)
    assert done.stdout == "nobody may know\n", "git itself says it"
    assert git_identity(str(repository), environ) == {"name": "Ann", "email": "ann@work.example"}


def test_what_the_user_includes_for_this_folder_is_told(
    repository: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    with (tmp_path / ".gitconfig").open("a") as file:
        file.write(f'[includeIf "gitdir:{repository}/"]\npath = secret\n')
    assert git_identity(str(repository), environ)["name"] == "nobody may know"
    (repository / "sub").mkdir()
    assert git_identity(str(repository / "sub"), environ)["name"] == "nobody may know"


def test_a_linked_working_tree_has_the_identity_of_its_repository(
    repository: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    git = ["git", "-C", str(repository)]
    subprocess.run([*git, "config", "user.email", "ann@work.example"], check=True, env=environ)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True, env=environ)
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "linked")], check=True, env=environ)
    assert git_identity(str(tmp_path / "linked"), environ) == {"name": "Ann", "email": "ann@work.example"}


def test_a_git_that_cannot_say_where_a_setting_is_from(
    repository: Path, tmp_path: Path, environ: dict[str, str]
) -> None:
    """Git before 2.26 knows no --show-scope."""
    older = tmp_path / "older"
    older.mkdir()
    real = f'PATH="{environ["PATH"]}" exec git "$@"'
    (older / "git").write_text(f'#!/bin/sh\ncase " $* " in *" --show-scope "*) exit 129;; esac\n{real}\n')
    (older / "git").chmod(0o755)
    with (repository / ".git/config").open("a") as file:
        file.write("[include]\npath = ../../secret\n[user]\nemail = ann@work.example\n")
    environ["PATH"] = f"{older}:{environ['PATH']}"
    assert git_identity(str(repository), environ) == {"name": "Ann", "email": "ann@work.example"}
