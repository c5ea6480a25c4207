"""The program that a builder runs: what of an archive comes through, and that it stands alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from robenv.transfer import filtered_save

BIG = {name: os.urandom(filtered_save.SMALL + 3 * filtered_save.PIECE) for name in ("one/layer.tar", "two/layer.tar")}
SMALL = {"manifest.json": b"[]", "one/json": b"{}", "edge": bytes(filtered_save.SMALL - 1)}


def _archive() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        folder = tarfile.TarInfo("one")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in {**BIG, **SMALL}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("three/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../one/layer.tar"
        tar.addfile(link)
    return target.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _members(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        return {one.name: getattr(tar.extractfile(one), "read", lambda: b"")() for one in tar if one.isreg()}


@pytest.mark.parametrize("wanted", [(), ("one/layer.tar",), tuple(BIG)])
def test_large_files_come_through_where_they_are_asked_for(wanted: tuple[str, ...]) -> None:
    target = io.BytesIO()
    filtered_save.sift(io.BytesIO(_archive()), target, {_digest(BIG[name]) for name in wanted})
    assert _members(target.getvalue()) == {**{name: BIG[name] for name in wanted}, **SMALL}


def test_it_runs_by_its_text_alone() -> None:
    text = Path(filtered_save.__file__).read_text()
    command = [sys.executable, "-I", "-S", "-c", text, _digest(BIG["two/layer.tar"])]
    done = subprocess.run(command, input=_archive(), capture_output=True, check=True)
    assert set(_members(done.stdout)) == {"two/layer.tar", *SMALL}


@pytest.mark.parametrize("cut", [0, 512, 5000])
def test_a_cut_archive_gives_no_whole_one(cut: int) -> None:
    command = [sys.executable, "-I", "-c", Path(filtered_save.__file__).read_text(), _digest(BIG["one/layer.tar"])]
    done = subprocess.run(command, input=_archive()[:cut], capture_output=True, check=False)
    assert done.returncode != 0 or _members(done.stdout) == {}
