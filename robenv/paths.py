"""Where robenv keeps what it keeps of a user's. Light: the quick way into a container imports this."""

from __future__ import annotations

import os


def cache_folder() -> str:
    """``$XDG_CACHE_HOME/robenv`` or ``~/.cache/robenv``; not made here."""
    return _folder("XDG_CACHE_HOME", ".cache")


def is_fetched(path: str) -> bool:
    """Whether the path, its links followed, lies in what the cache has of git repositories, unpacked trees included."""
    git = os.path.realpath(os.path.join(cache_folder(), "git"))
    return f"{os.path.realpath(path)}/".startswith(f"{git}/")


def state_folder() -> str:
    """``$XDG_STATE_HOME/robenv`` or ``~/.local/state/robenv``: what must stay, such as approvals; not made here."""
    return _folder("XDG_STATE_HOME", os.path.join(".local", "state"))


def config_folder() -> str:
    """``$XDG_CONFIG_HOME/robenv`` or ``~/.config/robenv``: what the user writes; not made here."""
    return _folder("XDG_CONFIG_HOME", ".config")


def _folder(variable: str, usual: str) -> str:
    base = os.environ.get(variable, "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), usual)
    return os.path.join(base, "robenv")


def socket_folder(prefix: str) -> str:
    """A new folder of this user's alone for sockets, whose paths may have 107 bytes: in the temp folder, or in /tmp
    where that is too deep. ssh writes its own names first with 17 bytes more."""
    import tempfile

    deep = len(os.fsencode(tempfile.gettempdir())) + len(prefix) > 60
    return tempfile.mkdtemp(prefix=prefix, dir="/tmp" if deep else None)  # noqa: S108


def write_atomically(path: str, data: bytes, mode: int = 0o666) -> None:
    """Writes so that a reader, or a robenv killed half-way, only ever sees the old file or the whole new one.

    ``mode``: the new file's permissions, less the umask.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with open(temporary, "wb", opener=lambda path, _: os.open(path, flags, mode)) as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def unfinished(path: str) -> str:
    """A name beside ``path`` for what is being made, until it is whole and moved there. What killed processes of this
    machine have left under such a name is taken away; on a folder that machines share, others' may still be at work."""
    folder, name = os.path.split(os.path.abspath(path))
    name = f"{name}.{os.uname().nodename}"
    try:
        there = os.listdir(folder)
    except OSError:
        there = []
    for old in there:
        maker = old.removeprefix(f"{name}.").removesuffix(".new")
        if old == f"{name}.{maker}.new" and maker.isascii() and maker.isdigit() and not runs(int(maker)):
            _remove(os.path.join(folder, old))
    return os.path.join(folder, f"{name}.{os.getpid()}.new")


def runs(process: int) -> bool:
    """Whether there is a process of this number here."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _remove(path: str) -> None:
    import contextlib
    import shutil

    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(path)  # where it is no folder
