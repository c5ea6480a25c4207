"""What the steps of a build see of mirrors: a folder below /dev, of which nothing gets into a layer.

In it are what runs apt's methods through the mirrors' addresses, and a script that a step sources first. BuildKit
mounts it from the context. The classic builder gets it in ``ftp_proxy``, a variable that builders pass to steps and
leave out of history and cache keys; the step unpacks it into its own /dev, or, as a user who may
not, into /dev/shm, from where nothing can be executed: apt is not for him anyway.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from robenv.errors import ProfileError
from robenv.plan.image.mirrors import Mirrors
from robenv.plan.models import Pairs
from robenv.render.authority import SYSTEM, read_authority
from robenv.render.entries import FILE, FOLDER, ContextEntry
from robenv.render.stream import stream
from robenv.resources import templates_folder

SOURCE = "robenv/mirrors"
"""The folder's path in the context."""
_NAME = "robenv-mirrors"
_PLACE = f"/dev/{_NAME}"
_METHODS = ("http", "https", "gpgv", "sqv")
_MAX_KEY = 1 << 20
AUTHORITIES = "/dev/shm/robenv-authorities.pem"  # noqa: S108 - of a step's own container
"""Where a step puts the authorities that it trusts: a folder of its own, in memory."""
_TRUSTING = (
    "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CARGO_HTTP_CAINFO",
)  # fmt: skip


@dataclass(frozen=True)
class MirrorsView:
    """What the templates see. ``enter``: what begins a step's argument list."""

    source: str
    place: str
    enter: tuple[str, ...]
    mark: str
    """Keeps the lists of one set of mirrors apart from those of others."""


def shares(mirrors: Mirrors, hosts: Collection[str] = ()) -> dict[str, Mirrors]:
    """What each kind of step needs of them, so that one that is added for others leaves its layers alone: BuildKit's
    cache knows a step by what is mounted, too. ``hosts``: of the profile's own package archives and their keys, which
    may be named among the downloads."""
    of_apt = tuple(turn for turn in mirrors.downloads if urlsplit(turn.real).hostname in hosts)
    return {
        "apt": replace(mirrors, downloads=of_apt, pip="", git=()),
        "dependencies": replace(mirrors, downloads=of_apt, git=()),
        "pip": replace(mirrors, apt=(), downloads=()),
        "downloads": replace(mirrors, apt=(), pip="", git=()),
    }


def view_shares(mirrors: Mirrors, hosts: Collection[str], buildkit: bool) -> dict[str, MirrorsView | None]:
    return {kind: view_mirrors(share, buildkit, f"{SOURCE}-{kind}") for kind, share in shares(mirrors, hosts).items()}


def share_entries(mirrors: Mirrors, hosts: Collection[str]) -> tuple[ContextEntry, ...]:
    """The folders' files, of all that steps mount."""
    found = shares(mirrors, hosts).items()
    return (
        *mirror_entries(mirrors),
        *(entry for kind, share in found for entry in mirror_entries(share, f"{SOURCE}-{kind}")),
    )


def view_mirrors(mirrors: Mirrors, buildkit: bool, source: str = SOURCE) -> MirrorsView | None:
    """None where no step needs any."""
    if not mirrors.in_builds:
        return None
    mark = hashlib.sha256(repr(mirrors.web).encode()).hexdigest()[:8]
    if buildkit:
        return MirrorsView(source, _PLACE, (f"{_PLACE}/enter",), mark)
    return MirrorsView(source, _PLACE, ("/bin/sh", "-c", 'eval "$ftp_proxy"; exec "$@"', "sh"), mark)


def mirror_entries(mirrors: Mirrors, name: str = SOURCE) -> tuple[ContextEntry, ...]:
    """The folder's files, as ``name`` in a context. Raises ProfileError for a key that is none."""
    if not mirrors.in_builds:
        return ()
    folder = Path(templates_folder(), "mirrors")
    entries = []
    keys = {turn.key: f"key-{number}" for number, turn in enumerate(mirrors.web) if turn.key}
    if mirrors.ca:
        entries.append(ContextEntry(f"{name}/ca.pem", FILE, 0o644, read_authority(mirrors)))
    files = {"on": (0o644, _on(mirrors)), "enter": (0o755, f'#!/bin/sh\n. {_PLACE}/on\nexec "$@"\n')}
    for path, key in keys.items():
        data = _key(path)
        keys[path] = f"{key}.{'asc' if b'-----BEGIN PGP' in data else 'gpg'}"
        entries.append(ContextEntry(f"{name}/{keys[path]}", FILE, 0o644, data))
    lines = (f"{turn.real}\t{turn.mirror}\t{keys.get(turn.key, '')}\n" for turn in mirrors.web)
    files["addresses"] = (0o644, "".join(lines))
    files["apt.conf"] = (0o644, "".join(f"{line};\n" for line in _apt_settings(mirrors)))
    files["wgetrc"] = (0o644, f"ca_certificate = {AUTHORITIES}\n")
    method, fetch = (folder / "method").read_text(), (folder / "fetch").read_text()
    files |= {f"methods/{one}": (0o755, method) for one in _METHODS}
    files |= {f"tools/{one}/{one}": (0o755, fetch) for one in ("curl", "wget")}
    files["python/sitecustomize.py"] = (0o644, (folder / "sitecustomize").read_text())
    entries += [ContextEntry(f"{name}/{path}", FILE, mode, text.encode()) for path, (mode, text) in files.items()]
    return tuple(sorted(entries, key=lambda entry: entry.name.split("/")))


def mirror_arguments(mirrors: Mirrors) -> Pairs:
    """The build arguments with which the classic builder's steps get all that BuildKit mounts."""
    if not mirrors.in_builds:
        return ()
    entries = mirror_entries(mirrors, _NAME)
    folders = sorted({entry.name.rpartition("/")[0] for entry in entries} | {_NAME, f"{_NAME}/tools"})
    whole = [*(ContextEntry(folder, FOLDER, 0o755) for folder in folders), *entries]
    packed = base64.b64encode(gzip.compress(b"".join(stream(whole)), mtime=0)).decode()
    unpack = (
        "robenv_mirrors=/dev; if ! [ -w /dev ]; then robenv_mirrors=/dev/shm; fi; "
        f'printf %s {packed} | base64 -d | tar -xz -C "$robenv_mirrors"; '
        f'unset ftp_proxy; robenv_mirrors=$robenv_mirrors/{_NAME}; . "$robenv_mirrors/on"'
    )
    return (("ftp_proxy", unpack),)


def _on(mirrors: Mirrors) -> str:
    """For a shell to source. A program that is not there yet must not seem to be."""
    lines = [f": ${{robenv_mirrors:={_PLACE}}}"]
    if mirrors.ca:
        lines += _trust()
    if mirrors.web:
        lines += [
            "export PYTHONPATH=$robenv_mirrors/python${PYTHONPATH:+:$PYTHONPATH}",
            *map(_tool, ("curl", "wget")),
        ]
    if mirrors.web or mirrors.ca:
        lines.append("export APT_CONFIG=$robenv_mirrors/apt.conf")
    if mirrors.pip:
        lines.append(f"export PIP_INDEX_URL={shlex.quote(mirrors.pip)}")
        parts = urlsplit(mirrors.pip)
        if parts.scheme == "http":  # pip takes nothing over plain HTTP from a host that nobody has named to it
            host = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
            lines.append(f"export PIP_TRUSTED_HOST={shlex.quote(host)}")
    if mirrors.git:
        settings = (shlex.quote(f"url.{mirror}.insteadof={real}") for real, mirror in mirrors.git)
        lines.append(
            f"export GIT_CONFIG_PARAMETERS={shlex.quote(' '.join(_in_quotes(setting) for setting in settings))}"
        )
    return "".join(f"{line}\n" for line in lines)


def _apt_settings(mirrors: Mirrors) -> Iterator[str]:
    if mirrors.web:
        yield from (f'Dir::Bin::Methods::{method} "{_PLACE}/methods/{method}"' for method in _METHODS)
    if mirrors.ca:
        # Also where http:// is the real address and https:// the mirror's: that is the method for http to do.
        yield from (f'Acquire::{one}::CaInfo "{AUTHORITIES}"' for one in ("http", "https"))


def _trust() -> Iterator[str]:
    """What the image trusts, and the mirrors' authority, in one file, for all that has a variable for such a file."""
    yield f"for robenv_known in {' '.join(SYSTEM)}; do if [ -r $robenv_known ]; then break; fi; done"
    both = "{ cat $robenv_known 2>/dev/null || :; echo; cat $robenv_mirrors/ca.pem; }"
    yield f"if ! [ -s {AUTHORITIES} ]; then (umask 022; {both} > {AUTHORITIES}); fi"
    yield "unset robenv_known"
    yield f"export {' '.join(f'{name}={AUTHORITIES}' for name in _TRUSTING)}"
    yield f"export NODE_EXTRA_CA_CERTS={AUTHORITIES}"
    yield 'if ! [ -e "${WGETRC:-$HOME/.wgetrc}" ]; then export WGETRC=$robenv_mirrors/wgetrc; fi'


def _tool(name: str) -> str:
    folder = f"$robenv_mirrors/tools/{name}"
    return f"if [ -x /usr/bin/{name} ] && [ -x {folder}/{name} ]; then PATH={folder}:$PATH; fi"


def _in_quotes(setting: str) -> str:
    """As git wants a setting there: in single quotes, also where a shell needs none."""
    return setting if setting.startswith("'") else f"'{setting}'"


def _key(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ProfileError(
            f"the key of a mirror cannot be read: {path}",
            details=error.strerror or str(error),
            hint="see `mirrors.apt`",
        ) from error
    if len(data) > _MAX_KEY or not (b"-----BEGIN PGP PUBLIC" in data or (data and data[0] & 0x80)):
        raise ProfileError(f"{path} is no public key", hint="`mirrors.apt` wants what `gpg --export` writes")
    return data
