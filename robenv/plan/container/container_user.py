"""The host's user inside an image that has never heard of them: new account files, as a pure function of the old ones.

An image holds nobody's UID. When a container is created, its /etc/passwd, /etc/group and /etc/shadow are read, these
functions say what they must say, and one tar puts it there before anything runs. Formats: passwd(5), group(5),
shadow(5), sudoers(5).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from robenv.errors import OperationFailed, UsageError
from robenv.plan.models import Mount, User
from robenv.util.tar_reader import BadTar, Member, members

FALLBACK_SHELL = "/bin/sh"
SUDOERS = "etc/sudoers.d/robenv"

_FIRST_REGULAR = 1000
_LAST_REGULAR = 59999
"""Debian Policy 9.2.2: below 1000 the system's, up to 59999 people's."""


@dataclass(frozen=True)
class AccountFiles:
    """The texts of the account files. ``shadow`` None and ``sudoers`` "": no such file is written."""

    passwd: str
    group: str
    shadow: str | None
    sudoers: str = ""


def plan_accounts(
    user: User,
    passwd: str | None,
    group: str | None,
    shadow: str | None,
    *,
    shell_exists: bool = True,
    groups: Sequence[int] = (),
    only_these: bool = False,
) -> AccountFiles:
    """Account files in which ``user`` exists with exactly that UID, GID, home and shell.

    ``passwd``, ``group`` and ``shadow`` are the image's own; None where it has none. Whoever else has the UID gives
    way: they keep their name and get another UID, since packages look their accounts up by name. A line of the user's
    own name is taken over, with its groups and its password if it has one; a new user has none that works. The GID's
    group keeps the name that it has. UID 0 is root, who is only added where missing. Lines that make no sense stay as
    they are. Without ``shell_exists`` the shell is /bin/sh. ``groups``: supplementary GIDs; the group that has such a
    number in the image, whatever its name, gains the user, and where none has it, one named ``gidNUMBER`` is added.
    ``only_these``: the image's other groups lose a user of that name.

    Raises UsageError for a name, home or shell that a passwd line cannot hold.
    """
    for value in (user.name, user.home, user.shell):
        if not value or any(character in value for character in ":\n\r\0"):
            raise UsageError(f"{value!r} cannot be part of a user account", hint="look at `user` in the profile")
    if not shell_exists:
        user = replace(user, shell=FALLBACK_SHELL)
    has_shadow = shadow is not None
    people = _with_root(_lines(passwd), has_shadow)
    own = "root" if user.uid == 0 else user.name
    there = _without_member(_lines(group), user.name) if only_these else _lines(group)
    lines = _with_memberships(_with_group(there, own, user.gid), user, groups)
    if user.uid == 0:
        return AccountFiles(_text(people), _text(lines), shadow)
    return AccountFiles(
        _text(_with_user(people, user, has_shadow)),
        _text(lines),
        None if shadow is None else _text(_with_password(_lines(shadow), user.name)),
        f"{user.name} ALL=(ALL:ALL) NOPASSWD: ALL\n" if user.sudo else "",
    )


def _lines(text: str | None) -> list[list[str]]:
    """The fields of every line; a line that is no record has too few of them and matches nothing."""
    # Not splitlines(): a form feed or a NEL inside a GECOS field ends no line for the C library.
    return [line.split(":") for line in (text or "").split("\n") if line]


def _text(lines: Iterable[list[str]]) -> str:
    return "".join(":".join(fields) + "\n" for fields in lines)


def _number(fields: list[str], index: int) -> int | None:
    """A numeric field; None where the line has none there."""
    text = fields[index] if len(fields) > index else ""
    return int(text) if text.isascii() and text.isdigit() else None


def _with_root(people: list[list[str]], has_shadow: bool) -> list[list[str]]:
    if any(fields[0] == "root" and _number(fields, 2) == 0 for fields in people):
        return people
    return [["root", "x" if has_shadow else "*", "0", "0", "root", "/root", FALLBACK_SHELL], *people]


def _with_user(people: list[list[str]], user: User, has_shadow: bool) -> list[list[str]]:
    """The user's line in the place of the one of that name, else last; others off that UID."""
    taken = {number for fields in people if (number := _number(fields, 2)) is not None} | {user.uid}
    own = [user.name, "x" if has_shadow else "*", str(user.uid), str(user.gid), "", user.home, user.shell]
    result: list[list[str]] = []
    placed = False
    for fields in people:
        if fields[0] == user.name and len(fields) > 1:
            if not placed:
                result.append([*own[:1], fields[1], *own[2:4], *(fields[4:5] or [""]), *own[5:]])
                placed = True
        elif _number(fields, 2) == user.uid:
            free = _free_number(taken, user.uid)
            taken.add(free)
            result.append([*fields[:2], str(free), *fields[3:]])
        else:
            result.append(fields)
    return result if placed else [*result, own]


def _free_number(taken: set[int], instead_of: int) -> int:
    """The highest free one of the same kind: a system account stays one."""
    first, last = (100, _FIRST_REGULAR - 1) if instead_of < _FIRST_REGULAR else (_FIRST_REGULAR, _LAST_REGULAR)
    return next(number for number in range(last, first - 1, -1) if number not in taken)


def _with_group(groups: list[list[str]], name: str, gid: int) -> list[list[str]]:
    """A group for ``gid``: the one that has it, else the user's own one renumbered, else a new one."""
    if any(_number(fields, 2) == gid for fields in groups):
        return groups
    same = next((fields for fields in groups if fields[0] == name and len(fields) > 2), None)
    if same is None:
        return [*groups, [name, "x", str(gid), ""]]
    if (_number(same, 2) or 0) < _FIRST_REGULAR:
        # A system's group by chance of the user's name (staff, games): its files and members stay its own.
        return [*groups, [f"{name}-{gid}", "x", str(gid), ""]]
    return [[*fields[:2], str(gid), *fields[3:]] if fields is same else fields for fields in groups]


def _without_member(lines: list[list[str]], name: str) -> list[list[str]]:
    """Nobody of that name is a member of any group."""
    return [
        [*fields[:3], ",".join(one for one in fields[3].split(",") if one.strip() != name), *fields[4:]]
        if len(fields) > 3
        else fields
        for fields in lines
    ]


def _with_memberships(lines: list[list[str]], user: User, groups: Sequence[int]) -> list[list[str]]:
    """The user is a member of each of ``groups``."""
    for gid in dict.fromkeys(groups):
        if gid == user.gid:
            continue
        index = next((at for at, fields in enumerate(lines) if _number(fields, 2) == gid), None)
        if index is None:
            lines = [*lines, [_free_name(f"gid{gid}", {fields[0] for fields in lines}), "x", str(gid), user.name]]
            continue
        fields = lines[index]
        members = [name for name in (fields[3] if len(fields) > 3 else "").split(",") if name]
        if user.name not in members:
            joined = [*fields[:3], ",".join([*members, user.name])]
            lines = [*lines[:index], joined, *lines[index + 1 :]]
    return lines


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _with_password(entries: list[list[str]], name: str) -> list[list[str]]:
    """A line in shadow is needed even without a password: PAM, and so sudo, refuses an account that has none."""
    if any(fields[0] == name and len(fields) > 1 for fields in entries):
        return entries
    # "*" matches no password and, unlike "!", does not make the account a locked one for sshd.
    return [*entries, [name, "*", "", "0", "99999", "7", "", "", ""]]


def account_archive(
    accounts: AccountFiles,
    user: User,
    skeleton: bytes | None = None,
    mounts: Iterable[Mount] = (),
    settings: Iterable[tuple[str, str]] = (),
) -> bytes:
    """A tar to be unpacked at / of the created container: the account files and the user's home folder.

    ``skeleton``: only when the home volume has just been made, the tar (as the engine gives it) of the image's own home
    folder of that user or, without one, of /etc/skel; of root, of the user as whom steps ran; everything in it becomes
    the user's, under the user's home.
    ``mounts``: the container's; the folders inside the home that lead to them are the user's, where the engine would
    make them root's, and a home that is itself a folder of the host is left as it is.
    ``settings``: other files of the system, as (path, text). The same arguments give the same bytes.

    The engine takes no archive for a container with a read-only root. There the home volume is made ready through a
    container that is only created, never started, with that volume and a root that can be written.
    """
    mounts = tuple(mounts)
    targets = {mount.target.rstrip("/"): mount.kind for mount in mounts}
    entries = [*_account_files(accounts), *(_file(path.lstrip("/"), text, 0o644) for path, text in settings)]
    if targets.get(user.home) != "bind":
        entries += [*_home_entries(user, user.home.strip("/"), skeleton), *_leading_entries(user, mounts)]
    return _tar(entries)


Entry = tuple[tarfile.TarInfo, bytes]


def _account_files(accounts: AccountFiles) -> Iterator[Entry]:
    yield _file("etc/passwd", accounts.passwd, 0o644)
    yield _file("etc/group", accounts.group, 0o644)
    if accounts.shadow is not None:
        reader = next((_number(fields, 2) for fields in _lines(accounts.group) if fields[0] == "shadow"), None)
        yield _file("etc/shadow", accounts.shadow, 0o640, reader or 0)
    if accounts.sudoers:
        # The folder too: made by unpacking alone it could be writable by all, and sudo would refuse it.
        yield _info("etc/sudoers.d", tarfile.DIRTYPE, 0o750), b""
        yield _file(SUDOERS, accounts.sudoers, 0o440)


def _home_entries(user: User, home: str, skeleton: bytes | None) -> Iterator[Entry]:
    if user.uid:
        yield _owned(_info(home, tarfile.DIRTYPE, 0o755), user), b""
    # root's: the image's own /root, which the engine copies into a new volume with its owners
    if skeleton is None:
        return
    for member, file in _members(skeleton):
        below = _below_top(member.name)
        if below and (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            yield _owned(_moved(member, home, below), user), file.read() if file else b""


def leading_folders(user: User, mounts: Iterable[Mount]) -> tuple[str, ...]:
    """``/home/dev/ws/src`` is mounted: ``/home/dev/ws`` has to be there, and the user's."""
    home = PurePosixPath(user.home)
    inside = [PurePosixPath(mount.target) for mount in mounts if mount.target.startswith(f"{user.home}/")]
    folders = {parent for target in inside for parent in target.parents if home in parent.parents}
    return tuple(str(folder) for folder in sorted(folders))


def _leading_entries(user: User, mounts: Iterable[Mount]) -> Iterator[Entry]:
    for folder in leading_folders(user, mounts):
        hidden = any(part.startswith(".") for part in PurePosixPath(folder).relative_to(user.home).parts)
        yield _owned(_info(folder.lstrip("/"), tarfile.DIRTYPE, 0o700 if hidden else 0o755), user), b""


def _below_top(name: str) -> str:
    """``skel/.config/x`` → ``.config/x``: without the folder that the archive is of; "" for that folder itself."""
    parts = name.strip("/").split("/")[1:]
    return "" if ".." in parts else "/".join(parts)


def _moved(member: tarfile.TarInfo, home: str, below: str) -> tarfile.TarInfo:
    moved = _info(f"{home}/{below}", member.type, member.mode)
    moved.mtime = member.mtime
    # A hard link names a member of the archive, a symbolic one a path as it stands.
    moved.linkname = f"{home}/{_below_top(member.linkname)}" if member.islnk() else member.linkname
    return moved


def _owned(info: tarfile.TarInfo, user: User) -> tarfile.TarInfo:
    info.uid, info.gid = user.uid, user.gid
    return info


def _info(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, mode
    return info


def _file(name: str, text: str, mode: int, gid: int = 0) -> Entry:
    info = _info(name, tarfile.REGTYPE, mode)
    info.gid = gid
    return info, text.encode("utf-8", "surrogateescape")


def _tar(entries: Iterable[Entry]) -> bytes:
    """PAX, since a UID from a directory service does not fit into the older header's octal digits."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def file_text(archive: bytes | None) -> str | None:
    """The text of the one file in a tar from the engine; None for no tar, or none with a file. Any bytes survive."""
    if archive is None:
        return None
    texts = (file.read() for _, file in _members(archive) if file is not None)
    return next((text.decode("utf-8", "surrogateescape") for text in texts), None)


def is_empty(archive: bytes | None) -> bool:
    """Whether a tar from the engine holds nothing but the folder that it is of: a new home volume is such a one."""
    if archive is None:
        return True
    return not any(_below_top(member.name) for member, _ in _members(archive))


def _members(archive: bytes) -> Iterator[Member]:
    """Of a tar from the engine, in which the files of an image are. Raises OperationFailed for one that is none."""
    try:
        yield from members(io.BytesIO(archive))
    except BadTar as error:
        raise OperationFailed("the engine gave files in a form that cannot be read", details=str(error)) from error
