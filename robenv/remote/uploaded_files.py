"""Files of this machine that a program on a builder is to read: keys of mirrors, certificates of their authorities."""

from __future__ import annotations

import secrets
import shlex
import subprocess
from pathlib import Path
from types import TracebackType

from robenv.engine.transport.ssh import over_ssh
from robenv.errors import OperationFailed

_OPTIONS = ("--keyring=", "--aptopt=Acquire::https::CaInfo ")
"""Those of mmdebstrap's that name such a file."""


class UploadedFiles:
    """Lends files to the builder at ``url`` for as long as this lasts: in a folder of its own there, which goes then.

    They are public, and readable for all: apt and the users that mmdebstrap makes itself go through it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._folder = f"/tmp/robenv-lent-{secrets.token_hex(8)}"  # noqa: S108 - on the builder, where mkdir refuses one
        self._names: dict[str, str] = {}

    def __enter__(self) -> UploadedFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._names:
            self._ssh(f"rm -rf {shlex.quote(self._folder)}", b"")

    def arguments(self, argv: list[str]) -> list[str]:
        """mmdebstrap's, with the files by their names there; what is no file here is taken to be the builder's own.

        Raises OperationFailed where the builder does not take them.
        """
        return [self._argument(one) for one in argv]

    def _argument(self, argument: str) -> str:
        option = next((option for option in _OPTIONS if argument.startswith(option)), "")
        path = argument.removeprefix(option).strip('"')
        if not option or path.startswith("/usr/share/keyrings/") or not Path(path).is_file():
            return argument
        return argument.replace(path, self._there(path))

    def _there(self, path: str) -> str:
        if path not in self._names:
            made = f"mkdir -m 755 {shlex.quote(self._folder)} && " if not self._names else ""
            name = f"{self._folder}/{len(self._names)}{Path(path).suffix}"
            done = self._ssh(f"umask 022 && {made}cat > {shlex.quote(name)}", Path(path).read_bytes())
            if done.returncode:
                said = done.stderr.decode(errors="replace").strip()
                raise OperationFailed(f"{self._url} does not take {path}", details=said)
            self._names[path] = name
        return self._names[path]

    def _ssh(self, words: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(over_ssh(self._url, words), input=given, capture_output=True, check=False)
