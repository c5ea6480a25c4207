"""What a file or a disk refuses is no bug of robenv's, wherever it is met."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from robenv import paths
from robenv.cli import app


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_file_that_cannot_be_written(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: str, mode: int) -> int:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(paths, "create_file", refuse)
    assert app.run(["-C", str(tmp_path), "init", "ros/debian-bookworm"]) == 1
    error = capsys.readouterr().err.splitlines()
    assert error[0] == f"error: {tmp_path}/robenv.yaml: {os.strerror(number)}"
    assert error[1].startswith("hint: ")


def test_an_error_without_a_file_is_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("robenv.project.init.write.proposed_file", fail)
    assert app.run(["-C", str(tmp_path), "init", "ros/debian-bookworm"]) == 70
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith(
        "error: this is a bug in robenv (OSError: [Errno 9] Bad file descriptor); the details are in "
    )
    assert hint.startswith("hint: ") and "robenv doctor --report" in hint
    (log,) = (tmp_path / "cache" / "robenv" / "logs").iterdir()
    text = log.read_text()
    assert text.startswith("robenv ") and "Traceback" in text and "\nBefore it:\n" in text
