"""Command lines of robenv in forks of a process that has imported it already: Python's start and the imports take
0.3 to 0.7 s of CPU each time, of which a fork needs none.

A fork is a process of its own, with the arguments, environment, folder and streams of a new one. It cannot have what
an interpreter reads when it starts: see ``can_run``. That robenv starts quickly, and imports what it uses, is for
those tests to show that start it themselves.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import NoReturn

AT_THE_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "GLIBC", "MALLOC")
"""The beginnings of variables that an interpreter and its C library read once."""
LENGTH = 4
"""Bytes, of each number that goes over a socket."""


def can_run(environ: Mapping[str, str]) -> bool:
    """Whether a command line with these variables may be a fork."""
    return _early(environ) == _early(os.environ)


def _early(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(AT_THE_START)}


def run(
    arguments: tuple[str, ...], environ: Mapping[str, str], folder: str, text: str | None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run ``robenv ARGUMENTS`` to its end, with this text as its input; None: with /dev/null. Raises
    subprocess.TimeoutExpired."""
    request = json.dumps({"arguments": arguments, "environ": dict(environ), "folder": folder}).encode()
    ours, theirs = socket.socketpair()
    streams = [os.pipe() for _ in range(3)]
    (input_end, feed), (out, output_end), (err, error_end) = streams
    if text is None:
        os.close(input_end)
        input_end = os.open(os.devnull, os.O_RDONLY)
    with ours:
        with theirs:
            _server().ask([theirs.fileno(), input_end, output_end, error_end])
        for end in (input_end, output_end, error_end):
            os.close(end)
        ours.sendall(len(request).to_bytes(LENGTH, "big") + request)
        pid = _number(ours)
        readers = [_Reader(out), _Reader(err)]
        _feed(feed, text or "")
        ours.settimeout(timeout)
        try:
            status = _number(ours)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["robenv", *arguments], timeout) from None
        output, errors = (reader.text() for reader in readers)
    return subprocess.CompletedProcess(["robenv", *arguments], os.waitstatus_to_exitcode(status), output, errors)


def _number(stream: socket.socket) -> int:
    data = stream.recv(LENGTH, socket.MSG_WAITALL)
    assert len(data) == LENGTH, "the process that robenv is forked from has ended"
    return int.from_bytes(data, "big")


def _feed(descriptor: int, text: str) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, "w") as stream:
        stream.write(text)


class _Reader:
    """Reads a pipe to its end, beside everything else."""

    def __init__(self, descriptor: int) -> None:
        self._stream = os.fdopen(descriptor)
        self._text = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            self._text = self._stream.read()

    def text(self) -> str:
        self._thread.join()
        return self._text


class _Server:
    """The process that is forked, one for each process of the tests; it ends with that one."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def ask(self, descriptors: list[int]) -> None:
        socket.send_fds(self._socket, [b"x"], descriptors)


@cache
def _server() -> _Server:
    return _Server()


def serve(number: int) -> NoReturn:
    """Fork for each four descriptors that arrive: a request's, and the three streams."""
    import robenv

    for module in pkgutil.walk_packages(robenv.__path__, "robenv."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    asked = socket.socket(fileno=number)
    waiting = selectors.DefaultSelector()
    waiting.register(asked, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is not asked:
                _report(waiting, key)
                continue
            data, descriptors, *_ = socket.recv_fds(asked, 1, 4)
            if not data:
                os._exit(0)
            request, streams = socket.socket(fileno=descriptors[0]), descriptors[1:]
            pid = os.fork()
            if not pid:
                _become(request, streams)
            for descriptor in streams:
                os.close(descriptor)
            request.sendall(pid.to_bytes(LENGTH, "big"))
            waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, request))


def _report(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Say how a fork has ended."""
    pid, request = key.data
    _, status = os.waitpid(pid, 0)
    waiting.unregister(key.fileobj)
    os.close(key.fd)
    with request, suppress(OSError):
        request.sendall(status.to_bytes(LENGTH, "big"))


def _become(request: socket.socket, streams: array.array[int] | list[int]) -> NoReturn:
    """Be what was asked for."""
    size = _number(request)
    asked = json.loads(request.recv(size, socket.MSG_WAITALL))
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = ["robenv", *asked["arguments"]]
    from robenv.cli.entry import main

    main()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
