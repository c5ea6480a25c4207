"""Where robenv keeps what may be deleted at any time. Light: the quick way into a container imports this."""

from __future__ import annotations

import os


def cache_folder() -> str:
    """``$XDG_CACHE_HOME/robenv`` or ``~/.cache/robenv``; not made here."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "robenv")


def write_atomically(path: str, data: bytes) -> None:
    """Writes so that a reader, or a robenv killed half-way, only ever sees the old file or the whole new one."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
