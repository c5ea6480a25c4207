"""The bounded reader of tars gives what tarfile gives, and costs nothing where that costs everything."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robenv.util import tar_reader
from tests.support.images.raw_bundle import tar_of

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
_NAMES = st.lists(st.sampled_from(["a", "b" * 90, "ä漢", "x y", "c" * 60]), min_size=1, max_size=5).map("/".join)
_KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
_MEMBERS = st.lists(st.tuples(_NAMES, _KINDS, _NAMES, st.sampled_from([0, 1, 511, 512, 513, 70_000])), max_size=6)


def _read(source: Any) -> list[tuple[Any, ...]]:
    return [(i.name, i.type, i.size, i.mode, i.mtime, i.linkname, file.read() if file else b"") for i, file in source]


def _by_tarfile(data: bytes) -> list[tuple[Any, ...]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|") as tar:
        return _read((info, tar.extractfile(info) if info.isreg() else None) for info in tar)


def _tar(form: int, entries: list[tuple[str, bytes, str, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, kind, link, size in entries:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime = kind, 0o640, 1_700_000_000
            info.size = size if kind == tarfile.REGTYPE else 0
            info.linkname = link if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return buffer.getvalue()


@given(st.sampled_from(["gnu", "pax"]), _MEMBERS)
@settings(deadline=None)
def test_it_reads_what_tarfile_reads(form: str, entries: list[tuple[str, bytes, str, int]]) -> None:
    data = _tar(FORMATS[form], entries)
    if not entries:
        assert _read(tar_reader.members(io.BytesIO(data))) == []
        return
    assert _read(tar_reader.members(io.BytesIO(data))) == _by_tarfile(data)


@given(st.binary(max_size=3000), st.integers(0, 3000))
@settings(deadline=None)
def test_whatever_it_reads_it_ends_well_or_says_why(noise: bytes, at: int) -> None:
    data = _tar(tarfile.PAX_FORMAT, [("ä" * 80, tarfile.REGTYPE, "", 700), ("l", tarfile.SYMTYPE, "x" * 120, 0)])
    with contextlib.suppress(tarfile.TarError):
        _read(tar_reader.members(io.BytesIO(data[:at] + noise + data[at + len(noise) :])))


@pytest.mark.parametrize("form", ["oldgnu", "gnu", "pax"])
def test_it_reads_what_gnu_tar_writes(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "in" / ("n" * 90) / ("m" * 90)
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"1" * 1000)
    (folder / "link").symlink_to("file")
    (folder / "hard").hardlink_to(folder / "file")
    argv = ["tar", f"--format={form}", "--sort=name", "-C", str(tmp_path), "-cf", "-", "in"]
    data = subprocess.run(argv, capture_output=True, check=True).stdout
    ours, theirs = _read(tar_reader.members(io.BytesIO(data))), _by_tarfile(data)
    assert [(*their[:4], int(their[4]), *their[5:]) for their in theirs] == ours


def test_what_nobody_reads_is_passed_over() -> None:
    data = _tar(tarfile.GNU_FORMAT, [("a", tarfile.REGTYPE, "", 70_000), ("b", tarfile.REGTYPE, "", 3)])
    assert [info.name for info, _ in tar_reader.members(io.BytesIO(data))] == ["a", "b"]
    seen = [(info.name, file.read(2)) for info, file in tar_reader.members(io.BytesIO(data)) if file]
    assert seen == [("a", b"xx"), ("b", b"xx")]


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 600, 1024, 1300])
def test_one_that_ends_too_early_is_no_tar(cut: int) -> None:
    data = _tar(tarfile.GNU_FORMAT, [("a", tarfile.REGTYPE, "", 700)])
    with pytest.raises(tar_reader.BadTar, match="ends too early"):
        _read(tar_reader.members(io.BytesIO(data[:cut])))


def test_more_members_than_wanted_are_refused() -> None:
    data = b"".join(tar_of([{"name": "a", "times": 5}]))
    assert len(list(tar_reader.members(io.BytesIO(data), 6))) == 5
    with pytest.raises(tar_reader.BadTar, match="more than 5 members"):
        list(tar_reader.members(io.BytesIO(data), 5))
