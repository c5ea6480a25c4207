"""Debian packages of a few files, written as bytes: faster than dpkg-deb, by hundreds. And Python's."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Package:
    """``files``: path from the root → text; one that begins with ``#!`` can be run. ``scripts``: postinst, …"""

    name: str
    version: str = "9:1.0"
    architecture: str = "all"
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)

    @property
    def control(self) -> str:
        known = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "Tests <tests@example.org>",
            "Description": "a stand-in",
        }
        return "".join(f"{key}: {value}\n" for key, value in {**known, **self.fields}.items())

    @property
    def deb(self) -> bytes:
        control = {
            "./control": (0o644, self.control),
            **{f"./{name}": (0o755, text) for name, text in self.scripts.items()},
        }
        data = {f"./{path}": (0o755 if text.startswith("#!") else 0o644, text) for path, text in self.files.items()}
        members = (("debian-binary", b"2.0\n"), ("control.tar.gz", _tar(control)), ("data.tar.gz", _tar(data)))
        return b"!<arch>\n" + b"".join(_member(name, content) for name, content in members)


def index(packages: Iterable[Package], folder: str) -> tuple[str, dict[str, bytes]]:
    """A Packages file, and the packages by their paths in the archive."""
    text, pool = "", {}
    for package in packages:
        deb, path = package.deb, f"{folder}/{package.name}_{package.architecture}.deb"
        pool[path] = deb
        text += f"{package.control}Filename: {path}\nSize: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n\n"
    return text, pool


def module(name: str, version: str, text: str = "") -> bytes:
    """A wheel with one module."""
    info, out = f"{name}-{version}.dist-info", io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(f"{name}.py", text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return out.getvalue()


def _tar(files: Mapping[str, tuple[int, str]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        folders = {"."}
        for path in files:
            parts = path.split("/")[:-1]
            folders |= {"/".join(parts[:end]) for end in range(1, len(parts) + 1)}
        for folder in sorted(folders):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for path, (mode, text) in sorted(files.items()):
            data = text.encode()
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 1, mtime=0)


def _member(name: str, data: bytes) -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
