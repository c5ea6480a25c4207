"""Lets another user at a file of this user's, and nobody else: by an access control list. Light.

Where the user inside has another UID than the one outside, neither owner nor mode can say that. The list's form is
that of Linux (include/uapi/linux/posix_acl_xattr.h): a version, then tag, permissions and ID of every entry.
"""

from __future__ import annotations

import os

_NAME = "system.posix_acl_access"
_VERSION = (2).to_bytes(4, "little")
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def grant_access(path: str, uid: int, permissions: int) -> bool:
    """Gives ``uid`` the permissions (4 read, 2 write, 1 enter) at ``path``, besides those that it has; whether it now
    has them. The rights of all others stay as they are."""
    try:
        status = os.stat(path)
        if status.st_uid == uid:
            return True
        owner, group, other = (status.st_mode >> bits & 7 for bits in (6, 3, 0))
        entries = (
            (_OWNER, owner, _NO_ID),
            (_USER, permissions, uid),
            (_GROUP, group, _NO_ID),
            (_MASK, group | permissions, _NO_ID),
            (_OTHER, other, _NO_ID),
        )
        os.setxattr(path, _NAME, _VERSION + b"".join(_entry(*entry) for entry in entries))
    except OSError:
        return False  # not the owner, or a file system without such lists
    return True


def _entry(tag: int, permissions: int, identifier: int) -> bytes:
    return tag.to_bytes(2, "little") + permissions.to_bytes(2, "little") + identifier.to_bytes(4, "little")
