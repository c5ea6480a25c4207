"""Passes an image's archive on, compressed, without the large files whose digests are not asked for.

    docker save IMAGE | python3 sifter.py sha256:… sha256:…

Its text runs on the machine of a builder, by whatever Python 3 is there: with the standard library alone. An archive of
old names no layer by its digest, so each is kept in a temporary file until its digest is known.
"""

import gzip
import hashlib
import sys
import tarfile
import tempfile
from typing import IO

SMALL = 1 << 16
PIECE = 1 << 20


def sift(source: IO[bytes], target: IO[bytes], wanted: "set[str]") -> None:
    """From one binary stream to the other."""
    packed = gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1, mtime=0)
    with packed, tarfile.open(fileobj=source, mode="r|") as old, tarfile.open(fileobj=packed, mode="w|") as new:
        for member in old:
            content = old.extractfile(member) if member.isreg() else None
            if content is None or member.size < SMALL:
                new.addfile(member, content)
                continue
            with tempfile.TemporaryFile() as kept:
                if digest_of(content, kept) in wanted:
                    kept.seek(0)
                    new.addfile(member, kept)


def digest_of(content: IO[bytes], kept: IO[bytes]) -> str:
    """The digest of what is copied from one file to the other."""
    total = hashlib.sha256()
    while True:
        piece = content.read(PIECE)
        if not piece:
            return "sha256:" + total.hexdigest()
        total.update(piece)
        kept.write(piece)


if __name__ == "__main__":
    sift(sys.stdin.buffer, sys.stdout.buffer, set(sys.argv[1:]))
    sys.stdout.buffer.flush()
