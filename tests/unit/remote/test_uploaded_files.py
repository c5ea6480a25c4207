"""Files lent to a builder, whose ssh here is a shell on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import OperationFailed
from robenv.remote.uploaded_files import UploadedFiles

KEYRING = "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg"


@pytest.fixture(autouse=True)
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor words; do :; done\nexec sh -c "$words"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_they_are_there_as_long_as_it_lasts(tmp_path: Path) -> None:
    key, authority = tmp_path / "it's a key.asc", tmp_path / "ca.pem"
    key.write_text("key")
    authority.write_text("certificate")
    asked = ["mmdebstrap", KEYRING, f"--keyring={key}", f'--aptopt=Acquire::https::CaInfo "{authority}"', "bookworm"]
    with UploadedFiles("ssh://there") as build_secrets:
        given = build_secrets.arguments(asked)
        there = [Path(one.partition(sign)[2].strip('"')) for one, sign in ((given[2], "="), (given[3], " "))]
        assert [one.read_text() for one in there] == ["key", "certificate"]
        assert given[:2] == asked[:2] and given[4:] == asked[4:]
        assert there[0].stat().st_mode & 0o777 == 0o644 and there[0].parent.stat().st_mode & 0o777 == 0o755
        assert build_secrets.arguments(asked) == given
    assert not there[0].parent.exists()


def test_a_builder_that_does_not_take_them(tmp_path: Path, ssh: Path) -> None:
    (tmp_path / "key.asc").write_text("key")
    ssh.write_text("#!/bin/sh\necho no space left >&2; exit 1\n")
    with pytest.raises(OperationFailed, match="does not take") as caught, UploadedFiles("ssh://there") as build_secrets:
        build_secrets.arguments([f"--keyring={tmp_path / 'key.asc'}"])
    assert caught.value.details == "no space left"
