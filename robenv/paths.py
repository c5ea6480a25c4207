"""Where robenv keeps what it keeps of a user's. Light: the quick way into a container imports this."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


BROKEN_NOTE = (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a JSON file that robenv keeps raises where it is missing, or is anything but what robenv wrote."""


def home_folder(environ: Mapping[str, str] = os.environ) -> str:
    """The user's home folder, absolute; "" where there is none: HOME is unset, relative or ``/``, and passwd knows no
    better. It need not exist."""
    home = environ.get("HOME", "")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return ""
    home = home.rstrip("/")
    return home if os.path.isabs(home) else ""


def expanded(path: str) -> str:
    """``path`` with the home folder for a ``~`` at its start; as it is where there is none."""
    home = home_folder() if path == "~" or path.startswith("~/") else ""
    return home + path[1:] if home else path


def cache_folder() -> str:
    """``$XDG_CACHE_HOME/robenv`` or ``~/.cache/robenv``; not made here."""
    return _kept("XDG_CACHE_HOME", ".cache", "cache")


def is_fetched(path: str) -> bool:
    """Whether the path, its links followed, lies in what the cache has of git repositories, unpacked trees included."""
    git = os.path.realpath(os.path.join(cache_folder(), "git"))
    return f"{os.path.realpath(path)}/".startswith(f"{git}/")


def state_folder() -> str:
    """``$XDG_STATE_HOME/robenv`` or ``~/.local/state/robenv``: what must stay, such as approvals; not made here."""
    return _kept("XDG_STATE_HOME", os.path.join(".local", "state"), "state")


def config_folder() -> str:
    """``$XDG_CONFIG_HOME/robenv`` or ``~/.config/robenv``: what the user writes; without a home, /etc/xdg/robenv. Not
    made here."""
    named, home = os.environ.get("XDG_CONFIG_HOME", ""), home_folder()
    base = named if os.path.isabs(named) else os.path.join(home, ".config") if home else "/etc/xdg"
    return os.path.join(base, "robenv")


def _kept(variable: str, usual: str, name: str) -> str:
    """A folder of the user's that robenv writes. Where that cannot be: one of their own among the temporary files."""
    named = os.environ.get(variable, "")
    home = "" if os.path.isabs(named) else home_folder()
    base = os.path.join(home, usual) if home else named if os.path.isabs(named) else ""
    base = os.path.join(base, "robenv") if base else ""
    if base and can_hold(base, home):
        return base
    from robenv.notices import warn_once

    folder = own_folder()
    warn_once(f"{_why_not(base, home)}, so robenv keeps its caches, approvals and notes in {folder}", about="home")
    return os.path.join(folder, name)


def can_hold(folder: str, home: str = "") -> bool:
    """Whether this user may write in a folder, which can be made where it is missing; ``home``, above it, cannot."""
    if home and not os.path.isdir(home):
        return False
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    effective = os.access in os.supports_effective_ids
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def _why_not(base: str, home: str) -> str:
    if not base:
        return "there is no home folder (HOME is unset or `/`)"
    if home and not os.path.isdir(home):
        return f"the home folder {home} does not exist"
    while not os.path.lexists(base):
        base = os.path.dirname(base)
    return f"{base} is not writable" if os.path.isdir(base) else f"{base} is not a folder"


def own_folder_path(uid: int) -> str:
    """Where ``own_folder`` is for a user."""
    return f"/tmp/robenv-{uid}"  # noqa: S108


def own_folder() -> str:
    """A folder of this user's alone among the temporary files, made where it is missing. Where another user has taken
    its name, a new one for this process."""
    import tempfile

    folder = own_folder_path(os.geteuid())
    return folder if is_private(folder) else tempfile.mkdtemp(prefix="robenv-")


def is_private(folder: str) -> bool:
    """Whether a folder, made where it is missing, is this user's and nobody else's to enter."""
    import stat

    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return False
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


_SOCKET_FOLDERS: dict[str, int] = {}
"""Those of this process, each with a descriptor whose lock says that it is in use: the kernel frees it whatever ends
the process."""
_SOCKET_SUFFIX = ".d"


def socket_folder(prefix: str) -> str:
    """A new folder of this user's alone for sockets, whose paths may have 107 bytes: in the temp folder, or in /tmp
    where that is too deep. ssh writes its own names first with 17 bytes more.

    To be removed by ``remove_socket_folder``. What killed processes have left under ``prefix`` goes first.
    """
    import fcntl
    import tempfile

    deep = len(os.fsencode(tempfile.gettempdir())) + len(prefix) > 60
    place = "/tmp" if deep else tempfile.gettempdir()  # noqa: S108
    _sweep_sockets(place, prefix)
    while True:
        folder = tempfile.mkdtemp(_SOCKET_SUFFIX, prefix, place)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # another process took it for a leftover, before it was locked
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.isdir(folder):
                _SOCKET_FOLDERS[folder] = descriptor
                return folder
        except BlockingIOError:
            pass
        os.close(descriptor)


def remove_socket_folder(folder: str) -> None:
    """Removes it with all that is in it; nothing happens where that is done."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    descriptor = _SOCKET_FOLDERS.pop(folder, None)
    if descriptor is not None:
        os.close(descriptor)


def _sweep_sockets(place: str, prefix: str) -> None:
    """Removes the socket folders of this user's that no process holds."""
    import fcntl

    try:
        names = os.listdir(place)
    except OSError:
        return
    for name in names:
        if not (name.startswith(prefix) and name.endswith(_SOCKET_SUFFIX)):
            continue
        folder = os.path.join(place, name)
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # somebody else's, or gone
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
        except OSError:
            continue  # in use
        finally:
            os.close(descriptor)


def write_atomically(path: str, data: bytes, mode: int = 0o666, exact: bool = False) -> None:
    """Writes so that a reader, or a robenv killed half-way, only ever sees the old file or the whole new one.

    ``mode``: the new file's permissions, less the umask unless ``exact``. A link at ``path`` is replaced, not followed.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    temporary = f"{path}.{os.urandom(8).hex()}.new"
    try:
        file = create_file(temporary, mode)
        with open(file, "wb") as opened:
            if exact:
                os.fchmod(file, mode)
            opened.write(data)
        os.replace(temporary, path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = path  # what the user knows of
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def create_file(name: str, mode: int = 0o666, folder: int | None = None) -> int:
    """A descriptor of a new file, to be written. Whatever has that name already is left alone, a link too: in a folder
    that a container can write, it may lead anywhere. ``folder``: the open folder that it is in. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, mode, dir_fd=folder)


def open_folder(root: str | int, *parts: str, make: bool = False) -> int:
    """A descriptor of the folder ``root/parts``, to be closed. ``root`` is taken as it is, a path or a descriptor; of
    ``parts`` none may be a link, whoever puts one there meanwhile. ``make``: what is missing of them is made.

    Raises OSError with the place in its filename; a link is no directory.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    found = os.open(root, flags) if isinstance(root, str) else os.dup(root)
    place = root if isinstance(root, str) else ""
    for part in parts:
        above, place = found, os.path.join(place, part)
        try:
            if make:
                _make_folder(part, above)
            found = os.open(part, flags | os.O_NOFOLLOW, dir_fd=above)
        except OSError as error:
            error.filename = place
            raise
        finally:
            os.close(above)
    return found


def link_target(path: str) -> str:
    """Where a link leads; "" for anything else, and for what is gone by now."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def open_output(folder: str, root: str = "") -> int:
    """A descriptor of a folder to write into, to be closed; what is missing of it is made. Where it lies below
    ``root``, which a container can write, no link leads there. Raises OSError as ``open_folder``."""
    folder = os.path.abspath(folder)
    inside = os.path.relpath(folder, os.path.abspath(root)) if root else os.pardir
    if inside.split(os.sep)[0] == os.pardir:
        os.makedirs(folder, exist_ok=True)
        return open_folder(folder)
    return open_folder(root, *(() if inside == os.curdir else inside.split(os.sep)), make=True)


def _make_folder(name: str, above: int) -> None:
    import contextlib

    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)


def unfinished(path: str) -> str:
    """A name beside ``path`` for what is being made, until it is whole and moved there: one that nobody can guess. What
    killed processes of this machine have left under such a name is taken away; on a folder that machines share, others'
    may still be at work."""
    folder, name = os.path.split(os.path.abspath(path))
    sweep(folder, name)
    return os.path.join(folder, unfinished_name(name))


def unfinished_name(name: str) -> str:
    return f"{name}.{os.uname().nodename}.{os.getpid()}.{os.urandom(8).hex()}.new"


def sweep(folder: str, name: str) -> None:
    """Takes away what killed processes have left in ``folder`` under an ``unfinished_name``."""
    start = f"{name}.{os.uname().nodename}."
    try:
        there = os.listdir(folder)
    except OSError:
        return
    for old in there:
        if old.startswith(start) and old.endswith(".new"):
            maker = old[len(start) : -len(".new")].partition(".")[0]
            if maker.isascii() and maker.isdigit() and not runs(int(maker)):
                _remove(os.path.join(folder, old))


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
