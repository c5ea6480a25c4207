"""Asks a display and an ssh agent whether they would work, in the first words of their own protocols."""

from __future__ import annotations

import socket

from robenv.host.session.xauthority import Cookie, DisplayAddress

_PATIENCE = 2.0
"""Seconds."""
_X_TCP = 6000
_LET_IN = b"\x01"
_REQUEST_IDENTITIES = b"\x00\x00\x00\x01\x0b"
_IDENTITIES_ANSWER = 12


def display_answer(display: DisplayAddress, cookie: Cookie | None) -> bool | None:
    """Whether an X server lets in who has that cookie (None: who has none); None where no server answers.

    The connection set-up of the X11 protocol, little end first: version 11.0, then the cookie's protocol and data.
    """
    protocol, data = (cookie.protocol, cookie.data) if cookie else (b"", b"")
    lengths = b"".join(len(part).to_bytes(2, "little") for part in (protocol, data))
    request = b"l\0" + (11).to_bytes(2, "little") + b"\0\0" + lengths + b"\0\0" + _padded(protocol) + _padded(data)
    family = socket.AF_UNIX if display.socket else socket.AF_INET
    address = display.socket or (display.host, _X_TCP + display.number)
    answer = _ask(family, address, request, 1)
    return None if not answer else answer == _LET_IN


def agent_keys(path: str) -> int | None:
    """How many keys an ssh agent has; None where none answers. draft-miller-ssh-agent, section 3.5."""
    answer = _ask(socket.AF_UNIX, path, _REQUEST_IDENTITIES, 9)
    if len(answer) < 9 or answer[4] != _IDENTITIES_ANSWER:
        return None
    return int.from_bytes(answer[5:9], "big")


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _ask(family: int, address: str | tuple[str, int], request: bytes, size: int) -> bytes:
    """Up to ``size`` bytes of the answer; b"" where there is none."""
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE)
        answer = b""
        try:
            connection.connect(address)
            connection.sendall(request)
            while len(answer) < size and (more := connection.recv(size - len(answer))):
                answer += more
        except (OSError, ValueError):
            return answer
    return answer
