from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from robenv.profile.yaml.files import MAX_BYTES, BadFile, decode, line_and_column, read_text


def refusal(path: Path) -> BadFile:
    with pytest.raises(BadFile) as caught:
        read_text(path)
    return caught.value


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfname: x\r\n")
    assert read_text(tmp_path / "f") == "name: x\r\n"


def test_an_absent_file_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "none").absent
    assert refusal(tmp_path / "file" / "below").absent
    assert refusal(Path("a\0b")).absent
    (tmp_path / "loop").symlink_to("loop")
    assert not refusal(tmp_path / "loop").absent


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe").message
    assert "not a regular file" in refusal(Path("/dev/zero")).message
    assert "a folder" in refusal(tmp_path).message


def test_a_large_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(10_000_000_000)
    assert "10,000,000,000 bytes" in refusal(path).message
    path.write_bytes(b"a" * MAX_BYTES)
    assert len(read_text(path)) == MAX_BYTES


@pytest.fixture
def unreadable() -> Iterator[Path]:
    """A file that this process may not read, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "robenv.yaml"
        path.write_text("name: x\n")
        path.chmod(0)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            yield path
        finally:
            os.seteuid(before)


def test_an_unreadable_file_says_how_to_mend_it(unreadable: Path) -> None:
    bad = refusal(unreadable)
    assert "permission denied" in bad.message
    assert "chmod" in bad.hint


@pytest.mark.parametrize(
    ("data", "words", "offset"),
    [
        (b"name: \xff\n", "not UTF-8: byte 0xff", 6),
        ("größe: ".encode() + b"\xc3(", "not UTF-8: byte 0xc3", 7),
        (b"\x7fELF\x02\x01\x01\0\0", "U+007F", 0),
        (b"a: b\0c\n", "a NUL character: it is binary", 4),
        (b"a: \x1b[31m\n", "U+001B", 3),
    ],
)
def test_what_is_not_text_is_refused_with_its_place(data: bytes, words: str, offset: int) -> None:
    with pytest.raises(BadFile) as caught:
        decode(data)
    assert words in caught.value.message
    assert caught.value.offset == offset


def test_utf_16_is_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes("name: x".encode("utf-16"))
    assert "UTF-16" in refusal(tmp_path / "f").message


def test_line_and_column() -> None:
    assert line_and_column("a\r\nb\rc\nd", 7) == (4, 1)
    assert line_and_column("abc", 2) == (1, 3)
