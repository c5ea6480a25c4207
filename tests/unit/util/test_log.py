"""The log: what is recorded, where it goes, and that secrets are not in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from robenv.util import log
from robenv.util.if_logged import terminal_taken, timed_request

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "recorded"),
    [
        ("git clone https://jane:hunter2@host/x.git", "git clone https://***@host/x.git"),
        ("https://hunter2@host/x", "https://***@host/x"),
        ("ssh://dev@robot:22", "ssh://***@robot:22"),
        ("http.extraHeader=Authorization: Basic hunter2", "http.extraHeader=Authorization: Basic ***"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("X-Registry-Auth: hunter2", "X-Registry-Auth: ***"),
        ('{"password": "hunter2", "a": 1}', '{"password": "***", "a": 1}'),
        ("GITHUB_TOKEN=hunter2 make", "GITHUB_TOKEN=*** make"),
        ("access_token=hunter2&scope=x", "access_token=***&scope=x"),
        ("MY_API_KEY='hunter2'", "MY_API_KEY='***'"),
        ("an image token is no secret by itself", "an image token is no secret by itself"),
        ("/v1.41/containers/json", "/v1.41/containers/json"),
    ],
)
def test_what_may_be_a_secret_is_hidden(text: str, recorded: str) -> None:
    assert log.redact(text) == recorded
    assert SECRET not in log.redact(text)


@pytest.mark.parametrize(
    ("command", "recorded"),
    [
        (["git", "-C", "/a b", "status"], "git -C '/a b' status"),
        ([b"ssh", Path("/x")], "ssh /x"),
        (["env", "ANY=hunter2", "true"], "env 'ANY=***' true"),
        (["mmdebstrap", "--aptopt=Acquire::http::Proxy http://a:hunter2@p", "x"], None),
    ],
)
def test_a_command_line_has_no_values_of_variables(command: list[object], recorded: str | None) -> None:
    text = log.command_text(command)
    assert SECRET not in text
    assert recorded in (None, text)


def test_a_path_has_the_names_of_its_query_alone() -> None:
    assert log.path_of("/build?buildargs=hunter2&t=x") == "/build?buildargs&t"
    assert log.path_of("/info") == "/info"


SCRIPT = """
import subprocess, sys
from robenv.util import log
from robenv.util.if_logged import terminal_taken, timed_request
log.start(int(sys.argv[1]), sys.argv[2])
log.decision("image x is built")
with timed_request("engine", "GET", "/info?a=hunter2") as answer:
    answer.append("200")
subprocess.run(["true", "A=hunter2"])
with terminal_taken():
    log.decision("while a program has the terminal")
print(log.last_records(), end="")
"""


def _logged(tmp_path: Path, verbosity: int) -> tuple[str, str, str]:
    """(stdout, stderr, the file)"""
    file = tmp_path / "log"
    command = [sys.executable, "-c", SCRIPT, str(verbosity), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout, done.stderr, file.read_text()


@pytest.mark.parametrize(("verbosity", "shown"), [(0, 0), (1, 2), (2, 4)])
def test_where_records_go(tmp_path: Path, verbosity: int, shown: int) -> None:
    kept, stderr, file = _logged(tmp_path, verbosity)
    assert kept == file
    assert SECRET not in file + stderr
    records = [line.split(" ", 2)[2] for line in file.splitlines()]
    assert records[0] == "image x is built"
    assert records[1] == "engine GET /info?a …", "a hang is seen by what began last"
    assert records[2].startswith("engine GET /info?a: 200 ") and records[2].endswith(" ms")
    assert records[3] == "run true 'A=***'"
    assert len(stderr.splitlines()) == shown
    assert "has the terminal" not in stderr
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_nothing_is_recorded_before_it_is_started() -> None:
    script = "from robenv.util import log; log.decision('x'); print(len(log.last_records()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0\n"


def test_a_request_that_fails_is_recorded_with_its_error() -> None:
    log.start()
    with pytest.raises(OSError, match="gone"), timed_request("engine", "GET", "/x-fails"):
        raise OSError("gone")
    assert "engine GET /x-fails: OSError " in log.last_records()
    with terminal_taken():
        pass
