"""What an image tells of how it was made."""

from __future__ import annotations

import json
import tarfile
import tempfile
from typing import Any


def traces(api: Any, image: str, *needles: str) -> list[tuple[str, str]]:
    """Where an image says one of these: its configuration, its history, the files of its own layers."""
    found = []
    for what, text in (("config", api.inspect_image(image)), ("history", api.history(image))):
        found += [(needle, what) for needle in needles if needle in json.dumps(text)]
    with tempfile.TemporaryFile() as saved:  # once: packing an image takes longest of all here
        for piece in api.get_image(image):
            saved.write(piece)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as outer:
            for member in outer:
                content = outer.extractfile(member)
                data = content.read() if content is not None else b""
                found += [(needle, member.name) for needle in needles if needle.encode() in data]
    return found
