"""Carries an ssh agent into a container for as long as one command runs there, as ``ssh -A`` does. Light.

A socket that is bound into a container is lost with the login that made it. This one is robenv's own, one for each
command, and what it leads to is the agent of whoever gave the command.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket

_BACKLOG = 8
_CHUNK = 64 * 1024
_PATIENCE = 5.0
"""Seconds that either side has to take what is sent to it. An answer may take longer: the agent may ask its user."""


class AgentRelay:
    """Listens at ``path``, owned by this process's user, mode 0600, from ``start`` to ``close``."""

    def __init__(self, path: str, agent: str) -> None:
        self.path = path
        self._agent = agent
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._closing, self._close = os.pipe()
        self._closed = False

    def start(self) -> None:
        """Binds the socket and serves it in a thread. Raises OSError."""
        import _thread

        try:
            _bind(self._listener, self.path)
            self._listener.listen(_BACKLOG)
            # Not threading: importing it takes as long as a call to the engine, and nothing here is joined.
            _thread.start_new_thread(self._serve, ())
        except BaseException:
            self.close()
            self._let_go()
            raise

    def close(self) -> None:
        """Ends the relay and its connections; what is at ``path`` goes first."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        os.close(self._close)

    def _serve(self) -> None:
        try:
            while self._round():
                pass
        finally:
            self._let_go()

    def _let_go(self) -> None:
        for connection in (self._listener, *self._pairs):
            connection.close()
        os.close(self._closing)

    def _round(self) -> bool:
        poll = select.poll()
        sockets = {connection.fileno(): connection for connection in (self._listener, *self._pairs)}
        for fd in (self._closing, *sockets):
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll():
            if fd == self._closing:
                return False
            connection = sockets[fd]
            if connection is self._listener:
                self._accept()
            elif connection in self._pairs:
                self._pass_on(connection)
        return True

    def _accept(self) -> None:
        """A program inside that wants the agent; one that has died meanwhile is an end of file to it."""
        try:
            inside, _ = self._listener.accept()
        except OSError:
            return
        outside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            outside.settimeout(_PATIENCE)
            outside.connect(self._agent)
            inside.settimeout(_PATIENCE)
        except OSError:
            inside.close()
            outside.close()
            return
        self._pairs[inside], self._pairs[outside] = outside, inside

    def _pass_on(self, source: socket.socket) -> None:
        """Requests and answers alternate, so whoever is to take one is waiting for it."""
        target = self._pairs[source]
        try:
            data = source.recv(_CHUNK)
            if data:
                target.sendall(data)
                return
        except OSError:
            pass  # one of the two is gone, and so the other
        for connection in (source, target):
            del self._pairs[connection]
            connection.close()


def answers(path: str) -> bool:
    """Whether a program listens at the socket ``path``."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.settimeout(_PATIENCE)
        probe.connect(path)
    except (OSError, ValueError):
        return False
    finally:
        probe.close()
    return True


def _bind(listener: socket.socket, path: str) -> None:
    """Binds by the folder's descriptor, since a socket's own path may be no longer than 107 bytes."""
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        before = os.umask(0o177)
        try:
            listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        finally:
            os.umask(before)
    finally:
        os.close(folder)
