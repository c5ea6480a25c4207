"""Layers wait on the disk, packed, whole or not at all; and bodies are made of them."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from robenv.errors import DiskFull, OperationFailed
from robenv.transfer.layer_cache import GZIP, PLAIN, ZSTD, LayerCache
from robenv.transfer.layers import digest, path_of
from robenv.transfer.load_stream import LoadStream

CONTENT = b"some layer " * 5000


def unpacked(form: str, packed: bytes) -> bytes:
    if form == ZSTD:
        return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    return gzip.decompress(packed) if form == GZIP else packed


@pytest.mark.parametrize("form", [ZSTD, GZIP, PLAIN])
@pytest.mark.parametrize("content", [CONTENT, b"", gzip.compress(CONTENT), bytes(1024)])
def test_a_body_is_one_packed_tar(tmp_path: Path, form: str, content: bytes) -> None:
    layer_cache = LayerCache(form, tmp_path)
    layer = layer_cache.put([content[:7], content[7:]])
    assert (layer.digest, layer.size) == (digest(content), len(content))
    assert layer_cache.text(layer) == content
    body = LoadStream(layer_cache, [layer], [("index.json", b"{}")])
    assert not body.gone
    whole = b"".join(body)
    assert body.gone
    assert len(whole) == body.size
    with tarfile.open(fileobj=io.BytesIO(unpacked(form, whole))) as tar:
        read = {member.name: file.read() for member in tar if (file := tar.extractfile(member)) is not None}
    assert read == {path_of(layer.digest): content, "index.json": b"{}"}


def test_layers_are_found_again_in_their_form_alone(tmp_path: Path) -> None:
    packed = LayerCache(ZSTD, tmp_path).put([CONTENT])
    assert LayerCache(ZSTD, tmp_path).find(packed.digest) == packed
    assert LayerCache(GZIP, tmp_path).find(packed.digest) is None
    assert packed.packed < len(CONTENT) / 10


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT
        raise OperationFailed("the source broke")

    with pytest.raises(OperationFailed, match="the source broke"):
        LayerCache(ZSTD, tmp_path).put(broken())
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_full_disk_is_this_machines(tmp_path: Path) -> None:
    def too_much() -> Iterator[bytes]:
        yield CONTENT
        raise OSError(errno.ENOSPC, "No space left on device")  # as the next write would

    with pytest.raises(DiskFull, match="this machine"):
        LayerCache(PLAIN, tmp_path).put(too_much())
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_nobody_uses_goes(tmp_path: Path) -> None:
    layer_cache = LayerCache(ZSTD, tmp_path)
    old, used, new = (layer_cache.put([bytes([number])]) for number in range(3))
    for packed in (old, used):
        os.utime(packed.path, (time.time() - 9999,) * 2)
    (tmp_path / "left.new").touch()
    os.utime(tmp_path / "left.new", (0, 0))
    assert layer_cache.find(used.digest) is not None
    with layer_cache.locked():
        layer_cache.sweep(older=5000)
    assert sorted(tmp_path.iterdir()) == sorted([used.path, new.path, tmp_path / "lock"])
    layer_cache.drop([new.digest, old.digest])
    assert layer_cache.find(new.digest) is None
