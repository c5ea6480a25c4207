"""The context as a tar: deterministic, streamed in pieces, never with content that is not what was looked at."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from robenv.errors import OperationFailed, UsageError
from robenv.plan.models import BuildPlan, FileCopy, Group
from robenv.render import content_hash, context_stream, render, write_context
from robenv.render.stream import DEFAULT_EPOCH, PIECE
from tests.support.projects.plans import at, full_plan, plan_of


def plan_for(path: Path) -> BuildPlan:
    return plan_of(Group("p", files=(FileCopy("files/1", str(path), "/x", location=at(1)),)))


def unpacked(plan: BuildPlan) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join(context_stream(render(plan)))))


def test_the_tar_holds_everything_as_roots_and_of_one_time(tmp_path: Path) -> None:
    with unpacked(full_plan(tmp_path)) as tar:
        members = tar.getmembers()
        content = {member.name: tar.extractfile(member) for member in members if member.isfile()}
        assert content["files/2/arm.yaml"] is not None
        assert content["files/2/arm.yaml"].read() == b"joints: 6\n"
    assert members[0].name == "Dockerfile"
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert {member.mtime for member in members} == {DEFAULT_EPOCH}
    assert not any(member.name.startswith("/") or ".." in member.name for member in members)


def test_plain_entries_are_plain_ustar(tmp_path: Path) -> None:
    stream = b"".join(context_stream(render(full_plan(tmp_path))))
    assert b"PaxHeader" not in stream
    assert stream[257:262] == b"ustar" and stream[156:157] == tarfile.REGTYPE
    assert len(stream) % tarfile.BLOCKSIZE == 0 and stream.endswith(b"\0" * 1024)


def test_long_and_strange_names_survive(tmp_path: Path) -> None:
    names = ["x" * 200, "/".join(["deep" * 10] * 8), "日本語 🤖", "line\nbreak", 'qu"o\\te', os.fsdecode(b"latin-\xe9")]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("here")
    with unpacked(plan_for(tmp_path)) as tar:
        assert {f"files/1/{name}" for name in names} <= set(tar.getnames())


def test_source_date_epoch_is_the_time_of_every_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = full_plan(tmp_path)
    before = content_hash(plan)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with unpacked(plan) as tar:
        assert {member.mtime for member in tar} == {1_700_000_000}
    assert content_hash(plan) == before
    for wrong in ("soon", "-1", "1.5", "1" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
            list(context_stream(render(plan)))


def test_a_big_file_is_streamed_in_small_pieces(tmp_path: Path) -> None:
    size = 300_000_000
    with (tmp_path / "bag").open("wb") as file:
        file.truncate(size)
    rendered = render(plan_for(tmp_path / "bag"))
    tracemalloc.start()
    try:
        sizes = [len(piece) for piece in context_stream(rendered)]
        content_hash(rendered.plan, rendered)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) > size and max(sizes) <= PIECE
    assert peak < 4_000_000


def _grow(path: Path) -> None:
    path.write_text("much longer than before")


def _shrink(path: Path) -> None:
    path.write_text("")


def _same_size(path: Path) -> None:
    path.write_text("two")


def _other_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("one")
    other.replace(path)


def _vanish(path: Path) -> None:
    path.unlink()


def _become_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("change", [_grow, _shrink, _same_size, _other_file, _vanish, _become_a_link])
def test_a_file_that_changes_is_an_error_and_not_a_corrupt_tar(tmp_path: Path, change: object) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    os.utime(path, ns=(1, 1))
    rendered = render(plan_for(path))
    assert callable(change)
    change(path)
    pieces = []
    with pytest.raises(OperationFailed, match="changed while it was being sent"):
        for piece in context_stream(rendered):
            pieces.append(piece)
    assert not b"".join(pieces).endswith(b"\0" * 1024)
    with pytest.raises(OperationFailed, match="changed"):
        content_hash(rendered.plan, rendered)


def test_a_file_that_changes_in_mid_stream_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "bag"
    path.write_bytes(b"a" * (4 * PIECE))
    stream = context_stream(render(plan_for(path)))
    with pytest.raises(OperationFailed, match="changed"):
        for piece in stream:
            if piece.startswith(b"aaa"):
                with path.open("r+b") as file:
                    file.seek(3 * PIECE)
                    file.write(b"b" * PIECE)


def test_the_context_can_be_written_into_a_folder_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "tool").write_text("x")
    (tmp_path / "in" / "sub" / "tool").chmod(0o755)
    (tmp_path / "in" / "link").symlink_to("sub/tool")
    rendered = render(plan_for(tmp_path / "in"))
    for _ in range(2):
        write_context(rendered, tmp_path / "out" / "new")
    out = tmp_path / "out" / "new"
    assert (out / "Dockerfile").read_text() == rendered.dockerfile
    assert os.access(out / "files/1/sub/tool", os.X_OK) and (out / "files/1/link").readlink() == Path("sub/tool")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationFailed, match="cannot write"):
        write_context(render(plan_of()), tmp_path / "file" / "out")
