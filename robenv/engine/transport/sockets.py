"""A connected socket to wherever an engine is, for a connection that is taken over: unix, TCP or TLS.

docker-py gives no such connection that can be half-closed over TLS, and loses what came with the answer's head. What
comes back here is a plain socket in all three cases; for TLS, threads do the rest behind it.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

_CHUNK = 64 * 1024
_PORT, _TLS_PORT = 2375, 2376


def open_socket(url: str, verify: Any, certificate: Any, timeout: float) -> socket.socket:
    """``verify`` and ``certificate`` as of requests: a CA file or whether to check; (certificate, key) files or None.

    Raises OSError, of which ssl.SSLError is one.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _unix(url.removeprefix("unix://"), timeout)
    secure = parts.scheme == "https" or certificate is not None or isinstance(verify, str)
    host, port = parts.hostname or "127.0.0.1", parts.port or (_TLS_PORT if secure else _PORT)
    stream = socket.create_connection((host, port), timeout)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if not secure:
        return stream
    try:
        return _tls(stream, host, verify, certificate)
    except BaseException:
        stream.close()
        raise


def _unix(path: str, timeout: float) -> socket.socket:
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.settimeout(timeout)
    try:
        stream.connect(path)
    except BaseException:
        stream.close()
        raise
    return stream


def trusting_as_docker(context: ssl.SSLContext) -> ssl.SSLContext:
    """``context``, which takes the certificates that the docker CLI takes.

    Since 3.13 Python demands a key usage of a CA and key identifiers of what it has signed. Docker's own instructions
    make neither: https://docs.docker.com/engine/security/protect-access/
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _tls(stream: socket.socket, host: str, verify: Any, certificate: Any) -> socket.socket:
    context = trusting_as_docker(ssl.create_default_context(cafile=verify if isinstance(verify, str) else None))
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if isinstance(certificate, str):
        context.load_cert_chain(certificate)
    elif certificate is not None:
        context.load_cert_chain(*certificate)
    pump = _TlsPump(stream, context, host)
    pump.shake_hands()
    return pump.start()


class _TlsPump:
    """TLS between a TCP connection and one end of a socket pair; either direction can end while the other goes on.

    Python's ssl sockets cannot say that they have nothing more to send and read on, which the engine takes as stdin's
    end. OpenSSL over buffers in memory can.
    """

    def __init__(self, stream: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._lock = threading.Lock()
        self._near, self._far = socket.socketpair()

    def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._stream.recv(_CHUNK)
                if not data:
                    raise ConnectionError("the engine closed the connection while it was being secured") from None
                self._incoming.write(data)
            else:
                self._flush()
                self._stream.settimeout(None)
                return

    def start(self) -> socket.socket:
        threads = [threading.Thread(target=work, daemon=True) for work in (self._up, self._down)]
        for thread in threads:
            thread.start()
        return self._near

    def _flush(self) -> None:
        while data := self._outgoing.read():
            self._stream.sendall(data)

    def _up(self) -> None:
        """What robenv sends. Its end is TLS's own word for it, so that the other direction stays open."""
        with suppress(OSError):
            while data := self._far.recv(_CHUNK):
                with self._lock:
                    self._tls.write(data)
                    sealed = self._outgoing.read()
                self._stream.sendall(sealed)
            with self._lock:
                # All that came is read by now, so it looks for no answer where the output's bytes would be in the way.
                with suppress(ssl.SSLError):
                    self._tls.unwrap()
                sealed = self._outgoing.read()
            self._stream.sendall(sealed)

    def _down(self) -> None:
        """What the engine sends."""
        with suppress(OSError):
            while data := self._stream.recv(_CHUNK):
                with self._lock:
                    self._incoming.write(data)
                    opened, ended = self._opened()
                if opened:
                    self._far.sendall(opened)
                if ended:
                    break
        for stream in (self._far, self._stream):
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)
            stream.close()

    def _opened(self) -> tuple[bytes, bool]:
        opened = bytearray()
        while True:
            try:
                data = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                return bytes(opened), False
            except ssl.SSLError:
                return bytes(opened), True
            if not data:
                return bytes(opened), True
            opened += data
