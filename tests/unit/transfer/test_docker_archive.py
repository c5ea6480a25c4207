"""Archives of engines old and new, read as they pass."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator

import pytest

from robenv.errors import OperationFailed
from robenv.transfer.docker_archive import members
from robenv.transfer.layers import chain_ids, digest, path_of

LOWER, UPPER = b"lower" * 1000, b"upper" * 1000
DIFF_IDS = (digest(LOWER), digest(UPPER))


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def legacy() -> tuple[bytes, list[str]]:
    """An archive as Docker Engine 20.10 writes it; its IDs are made as its `v1.CreateID` makes them."""
    common = '"container_config":{"Hostname":"","Cmd":null,"Domainname":"\\u003c\\u0026\\u2028ü"}'
    chains = chain_ids(DIFF_IDS)
    epoch = '"created":"1970-01-01T00:00:00Z"'
    lower = hashlib.sha256(f'{{{common},{epoch},"layer_id":"{chains[0]}"}}'.encode()).hexdigest()
    upper = hashlib.sha256(
        f'{{"architecture":"amd64",{common},{epoch},"layer_id":"{chains[1]}","os":"linux","parent":"sha256:{lower}"}}'.encode()
    ).hexdigest()
    said = {
        lower: f'{{"id":"{lower}",{epoch},{common},"os":"linux"}}',
        upper: f'{{"id":"{upper}","parent":"{lower}",{epoch},{common},"architecture":"amd64","os":"linux"}}',
    }
    files = {"manifest.json": b"[]", f"{'c' * 64}.json": b"{}"}
    for name, content in ((upper, UPPER), (lower, LOWER)):
        files |= {f"{name}/VERSION": b"1.0", f"{name}/json": said[name].encode(), f"{name}/layer.tar": content}
    return tar(files), [upper, lower]


@pytest.mark.parametrize("size", [1, 511, 1 << 20])
def test_layers_of_an_old_archive_are_known_before_they_pass(size: int) -> None:
    content, (upper, lower) = legacy()
    found = {member.name: member.digest for member in members(in_pieces(content, size), DIFF_IDS) if member.digest}
    assert found == {
        f"{'c' * 64}.json": f"sha256:{'c' * 64}",
        f"{upper}/layer.tar": DIFF_IDS[1],
        f"{lower}/layer.tar": DIFF_IDS[0],
    }


def test_a_layer_that_cannot_be_told_has_no_digest() -> None:
    content, _ = legacy()
    found = [member for member in members([content], ("sha256:other",)) if member.name.endswith("layer.tar")]
    assert [one.digest for one in found] == ["", ""]


def test_blobs_are_named_by_their_digest_and_come_in_pieces() -> None:
    content = tar({path_of(DIFF_IDS[0]): LOWER, "index.json": b"{}", path_of(DIFF_IDS[1]): UPPER})
    read = {member.name: b"".join(member.pieces) for member in members(in_pieces(content, 700), ()) if member.digest}
    assert read == {path_of(DIFF_IDS[0]): LOWER, path_of(DIFF_IDS[1]): UPPER}


@pytest.mark.parametrize("left", [100, 700, 3000])
def test_a_stream_that_ends_early_is_an_error(left: int) -> None:
    content = tar({path_of(DIFF_IDS[0]): LOWER})
    with pytest.raises(OperationFailed, match="ends early or is damaged"):
        for member in members([content[:left]], ()):
            b"".join(member.pieces)


def test_an_old_description_is_no_layers_if_it_is_not_json() -> None:
    with pytest.raises(OperationFailed, match="damaged"):
        list(members([tar({"x/json": json.dumps([]).encode()})], ()))
