"""What a command in a container can write into a repository of the workspace, so that the host's git runs something.

Each payload makes the file ``mark``; ``bites`` are the words by which a git that is run in the repository does so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HOOKS = ("post-checkout", "post-index-change", "reference-transaction", "post-commit", "fsmonitor-watchman")
MISSING = "1" * 40


@dataclass(frozen=True)
class Payload:
    name: str
    plant: Callable[[Path, Path], None]
    bites: tuple[str, ...]


def git(folder: Path, *words: str, given: str | None = None) -> str:
    who = (
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.org",
        "-c",
        "protocol.file.allow=always",
        "-c",
        "safe.directory=*",
    )
    argv = ["git", *who, "-C", str(folder), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True, input=given).stdout.strip()


def config(clone: Path, *settings: tuple[str, str]) -> None:
    for key, value in settings:
        git(clone, "config", key, value)


def a_file(clone: Path) -> Path:
    """One that is in git, and whose content git has to compare, since its time is another."""
    path = clone / git(clone, "ls-files").splitlines()[-1]
    os.utime(path, (1, 1))
    return path


def _promisor(clone: Path, mark: Path) -> None:
    branch = git(clone, "symbolic-ref", "HEAD") if _on_branch(clone) else ""
    config(
        clone,
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", f"touch {mark}; git-upload-pack"),
        ("core.sshCommand", f"touch {mark}; false"),
    )
    (clone / ".git" / (branch or "HEAD")).write_text(f"{MISSING}\n")


def _on_branch(clone: Path) -> bool:
    return (clone / ".git/HEAD").read_text().startswith("ref:")


def _filter(clone: Path, mark: Path) -> None:
    config(clone, ("filter.x.clean", f"touch {mark}; cat"), ("filter.x.required", "true"))
    (clone / ".git/info").mkdir(exist_ok=True)
    (clone / ".git/info/attributes").write_text("* filter=x\n")
    a_file(clone)


def _filter_process(clone: Path, mark: Path) -> None:
    config(clone, ("filter.x.process", f"touch {mark}; false"))
    (clone / ".gitattributes").write_text("* filter=x\n")
    a_file(clone)


def _monitor(clone: Path, mark: Path) -> None:
    config(clone, ("core.fsmonitor", f"touch {mark}; false"))


def _hooks(clone: Path, mark: Path) -> None:
    folder = clone / "my-hooks"
    for place in (folder, clone / ".git/hooks"):
        place.mkdir(exist_ok=True)
        for name in HOOKS:
            (place / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
            (place / name).chmod(0o755)
    config(clone, ("core.hooksPath", str(folder)))
    a_file(clone)


def _include(clone: Path, mark: Path) -> None:
    (clone / ".git/more").write_text(f'[core]\n\tfsmonitor = "touch {mark}; false"\n')
    config(clone, ("include.path", "more"))


def _include_if(clone: Path, mark: Path) -> None:
    (clone / ".git/more").write_text(f'[core]\n\tfsmonitor = "touch {mark}; false"\n')
    config(clone, ("includeIf.gitdir:**.path", "more"))


def _worktree_config(clone: Path, mark: Path) -> None:
    (clone / ".git/config.worktree").write_text(f'[core]\n\tfsmonitor = "touch {mark}; false"\n')
    config(clone, ("core.repositoryFormatVersion", "1"), ("extensions.worktreeConfig", "true"))


def _submodule(clone: Path, mark: Path) -> None:
    inner = clone / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet")
    (inner / "file").write_text("x")
    git(inner, "add", "--all")
    git(inner, "commit", "--quiet", "-m", "x")
    git(clone, "-c", "advice.addEmbeddedRepo=false", "add", "inner")
    _monitor(inner, mark)
    _filter(inner, mark)


def _git_file(clone: Path, mark: Path) -> None:
    _monitor(clone, mark)
    (clone / ".git").rename(clone.parent / "elsewhere.git")
    (clone / ".git").write_text(f"gitdir: {clone.parent}/elsewhere.git\n")


def _git_link(clone: Path, mark: Path) -> None:
    _monitor(clone, mark)
    (clone / ".git").rename(clone.parent / "elsewhere.git")
    (clone / ".git").symlink_to("../elsewhere.git")


def _commondir(clone: Path, mark: Path) -> None:
    _monitor(clone, mark)
    shutil.copytree(clone / ".git", clone.parent / "common.git")
    (clone / ".git/commondir").write_text("../../common.git\n")


def _programs(clone: Path, mark: Path) -> None:
    """What is run for a signature, and others that a command may come to."""
    run = f"touch {mark}; false"
    program = clone / ".git/program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    config(
        clone,
        ("gpg.program", str(program)),
        ("log.showSignature", "true"),
        ("core.alternateRefsCommand", run),
        ("core.pager", run),
        ("core.editor", run),
        ("core.askPass", str(program)),
        ("credential.helper", f"!{run}"),
        ("diff.external", str(program)),
        ("uploadpack.packObjectsHook", str(program)),
    )
    commit = git(clone, "cat-file", "commit", "HEAD")
    head, _, text = commit.partition("\n\n")
    signed = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n{text}\n"
    made = git(clone, "hash-object", "-t", "commit", "-w", "--stdin", given=signed)
    git(clone, "update-ref", "HEAD", made)


PAYLOADS = (
    Payload("a partial clone with a command for what is lacking", _promisor, ("merge-base", "HEAD", "HEAD~1")),
    Payload("a filter in .git/info/attributes", _filter, ("status",)),
    Payload("a filter process in .gitattributes", _filter_process, ("status",)),
    Payload("a monitor of files", _monitor, ("status",)),
    Payload("hooks", _hooks, ("status",)),
    Payload("an included configuration", _include, ("status",)),
    Payload("a configuration included on a condition", _include_if, ("status",)),
    Payload("a configuration of the working tree", _worktree_config, ("status",)),
    Payload("a submodule", _submodule, ("status",)),
    Payload("a .git file", _git_file, ("status",)),
    Payload("a .git link", _git_link, ("status",)),
    Payload("a shared git folder", _commondir, ("status",)),
    Payload("a program for signatures", _programs, ("log", "-1")),
)


def bite(payload: Payload, clone: Path, mark: Path) -> bool:
    """Whether the payload runs where git is called in the repository as one would; the mark is gone afterwards."""
    command = ["git", "-C", str(clone), *payload.bites]
    subprocess.run(command, capture_output=True, check=False, env={**os.environ, "GIT_NO_LAZY_FETCH": "0"})
    ran = mark.exists()
    mark.unlink(missing_ok=True)
    return ran
