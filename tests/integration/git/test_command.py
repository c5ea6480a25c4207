"""What git says, as robenv tells it; the real git against a server that hangs up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from robenv.git import command
from robenv.git.command import Git, GitConnectionLost, GitFailed
from tests.support.servers.upstream import Upstream

pytestmark = pytest.mark.usefixtures("cache")


class _Shaky(SimpleHTTPRequestHandler):
    """Hangs up on the first ``refusals`` connections as soon as something is asked."""

    refusals: list[None]

    def do_GET(self) -> None:
        if self.refusals:
            self.refusals.pop()
            self.close_connection = True
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def shaky(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], str]]:
    """The address of a repository whose server breaks that many connections."""
    monkeypatch.setattr(command, "_PAUSES", (0.01, 0.01))
    upstream.commit({"file": "one"}, "one")
    upstream.git("update-server-info")
    _Shaky.refusals = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Shaky, directory=str(upstream.folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def broken(times: int) -> str:
        _Shaky.refusals = [None] * times
        return f"http://127.0.0.1:{server.server_port}/.git"

    yield broken
    server.shutdown()
    server.server_close()


def test_a_connection_that_breaks_is_tried_again(shaky: Callable[[int], str], tmp_path: Path) -> None:
    url = shaky(2)
    Git().run(url, "clone", "--quiet", url, str(tmp_path / "clone"))
    assert (tmp_path / "clone/file").read_text() == "one"


def test_one_that_always_breaks_is_told(shaky: Callable[[int], str], tmp_path: Path) -> None:
    url = shaky(100)
    with pytest.raises(GitConnectionLost, match="the connection broke") as caught:
        Git().run(url, "clone", "--quiet", url, str(tmp_path / "clone"))
    assert "Empty reply" in caught.value.details
    assert len(_Shaky.refusals) == 97
    assert not (tmp_path / "clone").exists()


def test_words_that_robenv_does_not_know_are_shown(tmp_path: Path) -> None:
    Upstream(tmp_path / "one")
    with pytest.raises(GitFailed, match=r"u cannot be fetched: fatal: .*bad object"):
        Git().run("u", "-C", str(tmp_path / "one"), "log", "0" * 40)
    with pytest.raises(GitFailed, match="u cannot be fetched: git exits with 1 and says nothing"):
        Git().run("u", "-C", str(tmp_path / "one"), "config", "no.such")


class _Rude(SimpleHTTPRequestHandler):
    """Answers with an error that would change a terminal's title and clear it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        for words in (
            b"# service=git-upload-pack\n",
            b"",
            b"ERR \x1b]0;owned\x07\x1b[2Jrobenv: all is well \xe2\x80\xae",
        ):
            self.wfile.write(b"%04x%s" % (len(words) + 4, words) if words else b"0000")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_servers_words_reach_no_terminal_as_they_are() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Rude)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/p.git"
    with pytest.raises(GitFailed) as caught:
        Git().run(url, "ls-remote", url)
    server.shutdown()
    server.server_close()
    assert "robenv: all is well" in caught.value.details
    told = (caught.value.message, caught.value.hint, *caught.value.details.split("\n"))
    assert all(text.isprintable() for text in told)
