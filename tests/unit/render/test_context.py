"""Only what is named enters the context; what cannot go in is refused by name."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.plan.models import BuildPlan, FileCopy, Group
from robenv.plan.packages import AptRepository
from robenv.render import render
from robenv.render.context import collect
from robenv.render.entries import FOLDER, SYMLINK, ContextEntry
from tests.support.projects.plans import at, plan_of


def plan_for(path: Path | str, root: Path | str = "", target: str = "/opt/x", mode: str = "") -> BuildPlan:
    file = FileCopy("files/1", str(path), target, mode=mode, location=at(9))
    return plan_of(Group("p", files=(file,)), directory=str(root))


def names(plan: BuildPlan) -> list[str]:
    return [entry.name.removeprefix("files/1/") for entry in collect(plan).entries]


def entry_of(plan: BuildPlan, name: str) -> ContextEntry:
    return next(entry for entry in render(plan).context if entry.name == name)


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def refusal(plan: BuildPlan) -> str:
    with pytest.raises(ProfileError) as caught:
        collect(plan)
    (problem,) = caught.value.problems
    assert str(problem.location) == "robenv.yaml:9:3"
    return problem.message


def test_nothing_enters_but_what_is_named(tmp_path: Path) -> None:
    make(tmp_path, "config/a", "huge.bag", "src/main.cpp")
    rendered = render(plan_for(tmp_path / "config", tmp_path))
    assert [entry.name for entry in rendered.context] == ["Dockerfile", "files", "files/1", "files/1/a"]


def test_a_folder_comes_whole_and_sorted(tmp_path: Path) -> None:
    make(tmp_path / "c", "b/z", "a", "b/y/x", ".hidden")
    (tmp_path / "c" / "empty").mkdir()
    rendered = render(plan_for(tmp_path / "c"))
    assert [entry.name.removeprefix("files/1") for entry in rendered.context[2:]] == [
        "", "/.hidden", "/a", "/b", "/b/y", "/b/y/x", "/b/z", "/empty",
    ]  # fmt: skip


def test_modes_keep_only_whether_it_can_be_executed(tmp_path: Path) -> None:
    make(tmp_path / "c", "plain", "tool", "sub/x")
    (tmp_path / "c" / "plain").chmod(0o600)
    (tmp_path / "c" / "tool").chmod(0o4710)
    (tmp_path / "c" / "sub").chmod(0o700)
    plan = plan_for(tmp_path / "c")
    modes = {name: entry_of(plan, f"files/1/{name}").mode for name in ("plain", "tool", "sub")}
    assert modes == {"plain": 0o644, "tool": 0o755, "sub": 0o755}


def test_a_mode_is_given_to_files_and_folders_stay_enterable(tmp_path: Path) -> None:
    make(tmp_path / "c", "a")
    plan = plan_for(tmp_path / "c", mode="0640")
    assert entry_of(plan, "files/1/a").mode == 0o640
    assert entry_of(plan, "files/1").mode == 0o750
    assert "--chmod" not in render(plan).dockerfile


def test_a_file_into_a_folder_keeps_its_own_name(tmp_path: Path) -> None:
    make(tmp_path, "a b.xml")
    assert '"/etc/a b.xml"]' in render(plan_for(tmp_path / "a b.xml", target="/etc/")).dockerfile
    assert '"/etc/"]' in render(plan_for(tmp_path, target="/etc/")).dockerfile


def test_links_inside_stay_links(tmp_path: Path) -> None:
    make(tmp_path / "c", "sub/a")
    for name, target in (("sub/up", "../sub/a"), ("dir", "sub"), ("dangling", "nothing/here"), ("..odd", "sub/a")):
        (tmp_path / "c" / name).symlink_to(target)
    plan = plan_for(tmp_path / "c")
    entry = entry_of(plan, "files/1/sub/up")
    assert (entry.kind, entry.link) == (SYMLINK, "../sub/a")
    assert names(plan).count("dir/a") == 0 and "dangling" in names(plan)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside", ".."])
def test_links_that_leave_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "link").symlink_to(target)
    assert f"link that leaves its folder: it points to {target}" in refusal(plan_for(tmp_path / "c"))


def test_a_named_link_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "real/a")
    (tmp_path / "link").symlink_to("real")
    assert names(plan_for(tmp_path / "link")) == ["files/1", "a"]


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(plan_for(tmp_path)) == f"{tmp_path}/pipe is a named pipe, which cannot go into an image"
    (tmp_path / "pipe").unlink()
    short = Path(os.path.relpath(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(min(short, tmp_path / "s", key=lambda path: len(str(path)))))
        assert "a socket" in refusal(plan_for(tmp_path))
    assert "a character device" in refusal(plan_for("/dev/null"))


def test_an_ignored_pipe_does_no_harm(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".dockerignore").write_text("pipe\n.dockerignore")
    assert names(plan_for(tmp_path)) == ["files/1"]


def test_a_missing_source_is_named_at_its_place(tmp_path: Path) -> None:
    assert refusal(plan_for(tmp_path / "nothing")) == f"there is no {tmp_path}/nothing"


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    files = tuple(FileCopy(f"files/{index}", f"{tmp_path}/{index}", "/x", location=at(index)) for index in (1, 2))
    with pytest.raises(ProfileError) as caught:
        render(plan_of(Group("p", files=files)))
    assert [str(problem.location) for problem in caught.value.problems] == ["robenv.yaml:1:3", "robenv.yaml:2:3"]


def test_a_bad_mode_is_refused(tmp_path: Path) -> None:
    assert "mode '9'" in refusal(plan_for(tmp_path, mode="9"))


def test_the_projects_ignore_file_counts_for_its_folders(tmp_path: Path) -> None:
    make(tmp_path, "config/a", "config/a.log", "config/deep/b.log", "other.log")
    (tmp_path / ".dockerignore").write_text("**/*.log\nconfig/deep\n")
    assert names(plan_for(tmp_path / "config", tmp_path)) == ["files/1", "a"]
    assert "deep/b.log" in names(plan_for(tmp_path / "config", tmp_path / "elsewhere"))


def test_a_folders_own_ignore_file_counts_inside_it(tmp_path: Path) -> None:
    make(tmp_path, "config/a", "config/build/x", "config/sub/build/x")
    (tmp_path / "config" / ".dockerignore").write_text("build\n.dockerignore\n")
    assert sorted(names(plan_for(tmp_path / "config", tmp_path))) == ["a", "files/1", "sub", "sub/build", "sub/build/x"]


def test_what_both_ignore_files_say_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "c/a", "c/b", "c/keep/x", "c/keep/y")
    (tmp_path / ".dockerignore").write_text("c/a\nc/keep\n!c/keep/x\n")
    (tmp_path / "c" / ".dockerignore").write_text("b\n.dockerignore\n")
    assert names(plan_for(tmp_path / "c", tmp_path)) == ["files/1", "keep/x"]
    parents = [entry for entry in render(plan_for(tmp_path / "c", tmp_path)).context if entry.name == "files/1/keep"]
    assert [entry.kind for entry in parents] == [FOLDER]


def test_naming_a_folder_or_file_takes_it_though_it_is_ignored(tmp_path: Path) -> None:
    make(tmp_path, "build/a", "build/b.o")
    (tmp_path / ".dockerignore").write_text("build\n*\n**/*.o\n")
    assert names(plan_for(tmp_path / "build", tmp_path)) == ["files/1", "a"]
    assert names(plan_for(tmp_path / "build" / "b.o", tmp_path)) == ["files/1"]


def test_ignored_folders_are_not_walked(tmp_path: Path) -> None:
    make(tmp_path, "c/a", "c/.git/objects/x")
    (tmp_path / "c" / ".dockerignore").write_text(".git\n")
    looked_at = collect(plan_for(tmp_path / "c")).fingerprint
    assert not [path for path in looked_at if ".git" in path]


def test_a_bad_ignore_file_is_a_problem_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("ok\n[\n")
    with pytest.raises(ProfileError) as caught:
        collect(plan_for(tmp_path))
    assert str(caught.value.problems[0].location) == f"{tmp_path}/.dockerignore:2:1"


def test_the_fingerprint_names_all_that_was_looked_at(tmp_path: Path) -> None:
    make(tmp_path, "c/a", "c/sub/b")
    (tmp_path / "c" / "link").symlink_to("a")
    (tmp_path / ".dockerignore").write_text("")
    rendered = render(plan_for(tmp_path / "c", tmp_path))
    wanted = {"c", "c/a", "c/sub", "c/sub/b", "c/link", ".dockerignore"}
    assert set(rendered.fingerprint) == {str(tmp_path / name) for name in wanted}
    assert rendered.absent == (str(tmp_path / "c" / ".dockerignore"),)


def _key(path: Path, checksum: str = "") -> BuildPlan:
    repository = AptRepository("r", "http://x", "s", ("main",), "keys/r", checksum, (), at(9), str(path))
    return plan_of(Group("p", repositories=(repository,)))


def test_a_key_file_travels_with_its_checksum_checked(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"key")
    digest = "sha256:" + hashlib.sha256(b"key").hexdigest()
    assert [entry.name for entry in collect(_key(tmp_path / "key", digest)).entries] == ["keys/r"]
    assert "checksum" in refusal(_key(tmp_path / "key", "sha256:" + "0" * 64))
    assert "no key file" in refusal(_key(tmp_path))
    assert "there is no" in refusal(_key(tmp_path / "nothing"))


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "c/secret")
    monkeypatch.setattr(os, "access", lambda path, mode, dir_fd: not str(path).endswith("secret"))
    assert refusal(plan_for(tmp_path / "c")) == f"{tmp_path}/c/secret may not be read by this user"
    assert stat.S_ISREG((tmp_path / "c" / "secret").stat().st_mode)
