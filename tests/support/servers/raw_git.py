"""Git repositories object by object, as nobody's git would write them: names twice, and whatever else a tree can say.

A tree is a list of ``[mode, name, content]``: of a file or a link its text, of a folder (40000) again such a list, of a
submodule (160000) a commit's name. tests/corpus/git_trees holds such trees as JSON.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.folders import CORPUS

WHO = "Somebody <somebody@example.org> 1700000000 +0000"


class RawObjects:
    """Objects by name; ``sha256``: which of git's two formats."""

    def __init__(self, sha256: bool = False) -> None:
        self._hash = hashlib.sha256 if sha256 else hashlib.sha1
        self.found: dict[str, tuple[str, bytes]] = {}

    def add(self, kind: str, data: bytes) -> str:
        name = self._hash(f"{kind} {len(data)}\0".encode() + data).hexdigest()
        self.found[name] = (kind, data)
        return name

    def add_tree(self, tree: list[Any]) -> str:
        data = b""
        for mode, name, content in tree:
            if mode == "160000":
                child = content
            elif isinstance(content, list):
                child = self.add_tree(content)
            else:
                child = self.add("blob", os.fsencode(content))
            data += f"{mode} ".encode() + os.fsencode(name) + b"\0" + bytes.fromhex(child)
        return self.add("tree", data)

    def add_commit(self, tree: list[Any], parent: str = "") -> str:
        lines = [f"tree {self.add_tree(tree)}", *([f"parent {parent}"] if parent else [])]
        return self.add("commit", "\n".join([*lines, f"author {WHO}", f"committer {WHO}", "", "x", ""]).encode())

    def read(self, kind: str, name: str) -> bytes:
        """As ``robenv.git.objects.walk`` wants it."""
        there, data = self.found.get(name, ("", b""))
        return data if there == kind else b""


def corpus(kind: str) -> dict[str, dict[str, Any]]:
    """The cases in a folder of tests/corpus, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((CORPUS / kind).glob("*.json"))}


def write_repository(folder: Path, tree: list[Any]) -> str:
    """A bare repository with one commit on main, whose files git never sees before somebody fetches them."""
    objects = RawObjects()
    commit = objects.add_commit(tree)
    for name, (kind, data) in objects.found.items():
        path = folder / "objects" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zlib.compress(f"{kind} {len(data)}\0".encode() + data))
    (folder / "refs" / "heads").mkdir(parents=True)
    (folder / "refs" / "heads" / "main").write_text(f"{commit}\n")
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
    (folder / "info").mkdir()
    (folder / "info" / "refs").write_text(f"{commit}\trefs/heads/main\n")
    return commit


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder's repositories below the address, as files: git's dumb protocol, in which no server looks at them."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
