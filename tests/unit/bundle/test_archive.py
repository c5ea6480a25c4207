"""The file of `save` and `load`, without an engine: `docker save`'s part is a tar of the tests' own."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from robenv.bundle import archive
from robenv.bundle.contents import BadArchive, Contents, SavedImage, SavedRepository, SavedSource
from robenv.errors import OperationFailed
from robenv.git.workspace.clones_in import CarriedCommit
from robenv.util.tar_reader import Member

IMAGE = SavedImage("picker", "ab" * 32, "linux/amd64", "robenv/saved:one", ("sha256:1", "sha256:2"), 100)
LIDAR = SavedRepository(
    CarriedCommit("https://e.org/l", "d" * 40, "refs/heads/main", "d" * 40), "src/lidar", "git/1.pack"
)
INNER = replace(LIDAR, path="src/lidar/inner", member="git/2.pack")
CONTENTS = Contents(
    "0.1.0", "picker", "robenv.yaml", (IMAGE,), (SavedSource("https://e.org/p", "c" * 40, "git/0.pack"),), (LIDAR,)
)
LAYER = bytes(range(256)) * 3000
_NAME, _TAG = "io.containerd.image.name", "org.opencontainers.image.ref.name"
NAMES = {"robenv/saved:one": "robenv/saved:another"}


def docker_tar(names: bytes = b'[{"RepoTags": ["robenv/saved:one"]}]') -> bytes:
    """As engines before 25 write it: folders, and a link where two images share a layer."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, kind, data in (
            ("abc/", tarfile.DIRTYPE, b""),
            ("abc/layer.tar", tarfile.REGTYPE, LAYER),
            ("def/layer.tar", tarfile.SYMTYPE, b""),
            ("l" * 120 + "/json", tarfile.REGTYPE, b"{}"),
            ("manifest.json", tarfile.REGTYPE, names),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.mode = kind, len(data), 0o40755 if kind == tarfile.DIRTYPE else 0o644
            info.linkname = "../abc/layer.tar" if kind == tarfile.SYMTYPE else ""
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def pieces(data: bytes, size: int = 1000) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def quiet(count: int) -> None: ...


def write(path: Path, tar: Iterable[bytes] | None = None) -> None:
    with archive.write_archive(path, CONTENTS, quiet) as writer:
        writer.add_bytes("project/robenv.yaml", b"name: picker\n")
        writer.add_link("project/config/link", "../robenv.yaml")
        writer.add_bytes("git/0.pack", b"PACK")
        writer.add_bytes("git/1.pack", b"PACK")
        writer.add_images(pieces(docker_tar()) if tar is None else tar)


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    moved: list[int] = []
    write(path)
    assert archive.check_archive(path, moved.append) == CONTENTS
    assert sum(moved) == path.stat().st_size
    found: dict[str, bytes] = {}
    with archive.read_members(path, quiet) as members:
        for info, file in members:
            if info.name.startswith(archive.IMAGES):
                rest = [(info, file), *()]
                tar = b"".join(archive.images_tar(path, _both(rest, members), NAMES))
                break
            found[info.name] = file.read() if file else info.linkname.encode()
    assert found.keys() == {"robenv.json", "project/robenv.yaml", "project/config/link", "git/0.pack", "git/1.pack"}
    assert found["project/config/link"] == b"../robenv.yaml"
    with (
        tarfile.open(fileobj=io.BytesIO(tar)) as again,
        tarfile.open(fileobj=io.BytesIO(docker_tar(_RENAMED))) as before,
    ):
        assert [(one.name, one.type, one.size, one.linkname) for one in again] == [
            (one.name, one.type, one.size, one.linkname) for one in before
        ]
        layer, names = again.extractfile("abc/layer.tar"), again.extractfile("manifest.json")
        assert layer is not None
        assert names is not None
        assert (layer.read(), names.read()) == (LAYER, _RENAMED)


_RENAMED = b'[{"RepoTags": ["robenv/saved:another"]}]'


def _both(first: list[Member], rest: Iterable[Member]) -> Iterable[Member]:
    yield from first
    yield from rest


def test_the_same_goes_in_the_same_comes_out(tmp_path: Path) -> None:
    write(tmp_path / "one")
    write(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_other_tools_read_it(tmp_path: Path) -> None:
    write(tmp_path / "file")
    listed = subprocess.run(
        ["tar", "--zstd", "-tf", str(tmp_path / "file")], capture_output=True, text=True, check=True
    )
    assert listed.stdout.splitlines()[0] == "robenv.json"


@pytest.mark.parametrize("cut", [5, 1000, len(docker_tar()) - 1024 * 8 - 512])
def test_an_engine_that_stops_leaves_no_file(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "file"
    path.write_text("the earlier one")
    with pytest.raises(BadArchive, match="ends too early"):
        write(path, pieces(docker_tar()[:cut]))
    assert path.read_text() == "the earlier one"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_process_has_left_goes_and_all_else_stays(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    here = os.uname().nodename
    (tmp_path / f"file.{here}.{dead.pid}.new").write_text("half")
    stays = {f"file.{here}.{end}" for end in ("1.new", "one.new", f"{dead.pid}.old", f"{'9' * 30}.new")}
    stays |= {f"other.{here}.{dead.pid}.new", f"file.{here}x.{dead.pid}.new", f"file.{dead.pid}.new"}
    for name in stays:
        (tmp_path / name).touch()
    write(tmp_path / "file")
    assert {one.name for one in tmp_path.iterdir()} == {"file", *stays}


def test_what_the_engine_raises_comes_out(tmp_path: Path) -> None:
    def failing() -> Iterable[bytes]:
        yield docker_tar()[:2000]
        raise KeyError("engine")

    with pytest.raises(KeyError, match="engine"):
        write(tmp_path / "file", failing())
    assert not list(tmp_path.iterdir())


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    # The last bytes are the tar's padding and zstd's checksum: there the content is whole, by its own digest.
    for length in {*range(60), *range(60, len(whole) - 40, 131)}:
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(BadArchive):
            archive.check_archive(tmp_path / "cut", quiet)


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    write(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    seen = 0
    for at in range(0, len(whole), 37):
        (tmp_path / "bad").write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            assert (
                archive.check_archive(tmp_path / "bad", quiet) == CONTENTS
            )  # what is no part of the content may differ
        except BadArchive:
            seen += 1
    assert seen > len(range(0, len(whole), 37)) * 0.9


def _forged(path: Path, members: Callable[[tarfile.TarFile], object]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        members(tar)
    path.write_bytes(zstandard.compress(buffer.getvalue()))


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("project/../../.bashrc", tarfile.REGTYPE, ""),
        ("/etc/passwd", tarfile.REGTYPE, ""),
        ("project//etc/passwd", tarfile.REGTYPE, ""),
        ("project/.git/config", tarfile.REGTYPE, ""),
        ("elsewhere", tarfile.REGTYPE, ""),
        ("project/pipe", tarfile.FIFOTYPE, ""),
        ("project/device", tarfile.CHRTYPE, ""),
        ("project/hard", tarfile.LNKTYPE, "/etc/passwd"),
        ("project/link", tarfile.SYMTYPE, "/etc/passwd"),
        ("project/link", tarfile.SYMTYPE, "../git/0.pack"),
        ("project/a/link", tarfile.SYMTYPE, "../../.."),
        ("git/link", tarfile.SYMTYPE, "0.pack"),
        ("project/.GIT/config", tarfile.REGTYPE, ""),
        # Ways to a list of names that nobody has looked at
        ("images/manifest.json", tarfile.SYMTYPE, "other.json"),
        ("images/manifest.json", tarfile.DIRTYPE, ""),
        ("images/here", tarfile.SYMTYPE, "."),
        ("images/a/layer.tar", tarfile.SYMTYPE, ".."),
        ("images/a/layer.tar", tarfile.SYMTYPE, "../../layer.tar"),
    ],
)
def test_what_would_lie_elsewhere_is_refused(tmp_path: Path, name: str, kind: bytes, link: str) -> None:
    def members(tar: tarfile.TarFile) -> None:
        _add(tar, "robenv.json", json.dumps(CONTENTS.to_json()).encode())
        _add(tar, name, kind=kind, link=link)

    _forged(tmp_path / "file", members)
    with pytest.raises(BadArchive, match="refused"):
        archive.check_archive(tmp_path / "file", quiet)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "manifest.json",
            [{"RepoTags": ["robenv/saved:one", "ubuntu:24.04"]}],
            "an image under the name 'ubuntu:24.04'",
        ),
        ("index.json", {"manifests": [{"annotations": {_NAME: "docker.io/library/ubuntu:24.04"}}]}, "library/ubuntu"),
        ("index.json", {"manifests": [{"annotations": {_NAME: "evil.org/robenv/saved:one"}}]}, "evil.org"),
        ("repositories", {"ubuntu": {"24.04": "abc"}}, "'ubuntu:24.04'"),
        ("manifest.json", {"RepoTags": 1}, "no list of images"),
        ("index.json", [1], "no list of images"),
        ("repositories", {"ubuntu": 5}, "no list of images"),
    ],
)
def test_no_image_of_the_engine_is_replaced(tmp_path: Path, name: str, data: object, words: str) -> None:
    with pytest.raises(BadArchive, match=words):
        write_images(tmp_path / "file", {name: json.dumps(data).encode()})


def write_images(path: Path, lists: dict[str, bytes]) -> bytes:
    """Writes a file with these members among its images, has it checked, and gives what goes to the engine."""
    with archive.write_archive(path, CONTENTS, quiet) as writer:
        for name, data in lists.items():
            writer.add_bytes(archive.IMAGES + name, data)
    archive.check_archive(path, quiet)
    with archive.read_members(path, quiet) as members:
        next(members)
        return b"".join(archive.images_tar(path, members, NAMES))


def test_engines_get_the_names_that_are_chosen_here(tmp_path: Path) -> None:
    indexed = [{"digest": "sha256:1", "annotations": {_NAME: "docker.io/robenv/saved:one", _TAG: "one"}}]
    unnamed = [{"digest": "sha256:2", "annotations": {_TAG: "latest"}}, {"digest": "sha256:3"}]
    tar = write_images(
        tmp_path / "file",
        {
            "index.json": json.dumps({"schemaVersion": 2, "manifests": indexed + unnamed}).encode(),
            "repositories": b'{"robenv/saved": {"one": "abc"}}',
            "manifest.json": b'[{"RepoTags": null, "Layers": ["a"]}, {"RepoTags": ["localhost/robenv/saved:one"]}]',
        },
    )
    with tarfile.open(fileobj=io.BytesIO(tar)) as found:
        index, repositories, manifest = (
            json.load(found.extractfile(name) or io.BytesIO()) for name in found.getnames()
        )
    named = {"annotations": {_NAME: "docker.io/robenv/saved:another", _TAG: "another"}}
    assert index["manifests"] == [
        {"digest": "sha256:1", **named},
        {"digest": "sha256:2", "annotations": {}},
        {"digest": "sha256:3", "annotations": {}},
    ]
    assert index["schemaVersion"] == 2
    assert repositories == {"robenv/saved": {"another": "abc"}}
    assert manifest == [{"RepoTags": [], "Layers": ["a"]}, {"RepoTags": ["robenv/saved:another"]}]


def test_a_file_that_calls_its_image_by_a_name_in_use(tmp_path: Path) -> None:
    """The name would be taken away from the engine once the image is there."""
    head = {**CONTENTS.to_json(), "images": [{**CONTENTS.to_json()["images"][0], "staging": "ubuntu:24.04"}]}
    _forged(tmp_path / "file", lambda tar: _add(tar, "robenv.json", json.dumps(head).encode()))
    with pytest.raises(BadArchive, match=r"under the name 'ubuntu:24\.04'"):
        archive.check_archive(tmp_path / "file", quiet)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("project/a", "b"), ("project/a/c", "")], "leads through 'a'"),
        ([("project/deep/er/a", ".."), ("project/deep/er/a/c", "../../../x")], "leads through 'deep/er/a'"),
        ([("project/deep/er/a/c", ""), ("project/deep/er/a", "..")], "'deep/er/a' twice"),
        ([("project/a", ""), ("project/a", "b")], "twice"),
        ([("project/src/lidar", "config")], "twice"),
        ([("project/src", "config")], "'src' twice"),
        ([("project/src/lidar/file", "")], "leads through 'src/lidar'"),
    ],
)
def test_nothing_is_made_through_another_thing(tmp_path: Path, members: list[tuple[str, str]], words: str) -> None:
    """Each with a link's target; "" is a file. A repository goes to src/lidar."""
    with archive.write_archive(tmp_path / "file", CONTENTS, quiet) as writer:
        for name, link in members:
            if link:
                writer.add_link(name, link)
            else:
                writer.add_bytes(name, b"")
        writer.add_images(pieces(docker_tar()))
    with pytest.raises(BadArchive, match=re.escape(words)):
        archive.check_archive(tmp_path / "file", quiet)


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (replace(CONTENTS, repositories=(replace(LIDAR, path="../lidar"),)), "does not belong there"),
        (replace(CONTENTS, repositories=(replace(LIDAR, path="/etc/lidar"),)), "does not belong there"),
        (replace(CONTENTS, repositories=(replace(LIDAR, path="src/.git/hooks"),)), "does not belong there"),
        (
            replace(CONTENTS, repositories=(LIDAR, replace(LIDAR, path="src/lidar/inner", member="git/2.pack"))),
            "leads through",
        ),
        (replace(CONTENTS, repositories=(LIDAR, replace(LIDAR, member="git/2.pack"))), "twice"),
        (replace(CONTENTS, repositories=(replace(LIDAR, at=replace(LIDAR.at, url="ext::sh")),)), "no commit of"),
        (replace(CONTENTS, repositories=(replace(LIDAR, at=replace(LIDAR.at, commit="HEAD")),)), "no commit of"),
        (replace(CONTENTS, sources=(SavedSource("--upload-pack=x", "c" * 40, "git/0.pack"),)), "no commit of"),
        (replace(CONTENTS, sources=(SavedSource("https://e.org/p", "main", "git/0.pack"),)), "no commit of"),
    ],
)
def test_repositories_that_are_none_or_go_elsewhere_are_refused(tmp_path: Path, contents: Contents, words: str) -> None:
    with archive.write_archive(tmp_path / "file", contents, quiet) as writer:
        writer.add_images(pieces(docker_tar()))
    with pytest.raises(BadArchive, match=words):
        archive.check_archive(tmp_path / "file", quiet)


def test_a_file_from_before_repositories_went_along(tmp_path: Path) -> None:
    head = CONTENTS.to_json()
    del head["repositories"]
    sources = {**head, "sources": [], "version": 1}

    def members(tar: tarfile.TarFile) -> None:
        _add(tar, "robenv.json", json.dumps(sources).encode())

    _forged(tmp_path / "file", members)
    with pytest.raises(BadArchive, match="not whole"):  # and not that it does not say what is in it
        archive.check_archive(tmp_path / "file", quiet)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"not json", "no file that `robenv save` wrote"),
        (b"[]", "no file that `robenv save` wrote"),
        (b'{"version": 2, "robenv": "9.1"}', "written by robenv 9.1"),
        (b'{"version": 1}', "does not say what is in it"),
        (b'{"version": 1, "robenv": "1", "project": "p", "file": "f", "images": [{}], "sources": []}', "does not say"),
    ],
)
def test_a_head_that_says_nothing(tmp_path: Path, head: bytes, words: str) -> None:
    _forged(tmp_path / "file", lambda tar: _add(tar, "robenv.json", head))
    with pytest.raises(BadArchive, match=words):
        archive.check_archive(tmp_path / "file", quiet)


def test_no_file_and_no_place(tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="there is no"):
        archive.check_archive(tmp_path / "absent", quiet)
    with pytest.raises(OperationFailed, match="cannot be written"):
        write(tmp_path / "absent" / "file")


_MEASURE = """
import io, resource, sys, tarfile
from pathlib import Path
from robenv.bundle import archive
from tests.unit.bundle.test_archive import CONTENTS, NAMES, quiet, docker_tar

def big(size):
    info = tarfile.TarInfo("big/layer.tar")
    info.size = size
    yield info.tobuf()
    for _ in range(size >> 20):
        yield bytes(1 << 20)
    yield docker_tar()

size, path = int(sys.argv[1]), Path(sys.argv[2])
with archive.write_archive(path, CONTENTS, quiet) as writer:
    writer.add_images(big(size))
archive.check_archive(path, quiet)
with archive.read_members(path, quiet) as members:
    next(members)
    taken = sum(map(len, archive.images_tar(path, members, NAMES)))
assert taken > size
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_image(root: Path, tmp_path: Path) -> None:
    def peak(size: int) -> int:
        argv = [sys.executable, "-c", _MEASURE, str(size), str(tmp_path / "file")]
        return int(subprocess.run(argv, check=True, capture_output=True, text=True, cwd=root).stdout) * 1024

    assert peak(1 << 30) < peak(64 << 20) + (30 << 20)
