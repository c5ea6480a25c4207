"""The content hash: what an image is made of, as one name."""

from __future__ import annotations

import hashlib
import json

from robenv.plan.models import BuildPlan
from robenv.render.entries import FILE, ContextEntry
from robenv.render.instructions import Rendered
from robenv.render.nofollow import Opener
from robenv.render.stream import read


def content_hash(plan: BuildPlan, rendered: Rendered | None = None) -> str:
    """64 hex digits over all that reaches the image, and nothing else: names, modes and bytes of the context with the
    Dockerfile as BuildKit gets it, whatever engine builds it, and the platform. A bootstrapped base's recipe is in the
    reference that the Dockerfile names.

    Reads the context's files. Raises OperationFailed where one changes meanwhile, ProfileError as ``render`` does.
    """
    if rendered is None or not rendered.canonical:
        from robenv.render.dockerfile import render

        rendered = render(plan)
    total = hashlib.sha256(json.dumps(["robenv", 1, plan.platform]).encode())
    with Opener() as opener:
        for entry in rendered.context:
            description = [entry.name, entry.kind, entry.mode, entry.link, _digest(entry, opener)]
            total.update(b"\n" + json.dumps(description).encode())
    return total.hexdigest()


def _digest(entry: ContextEntry, opener: Opener) -> str:
    if entry.kind != FILE:
        return ""
    digest = hashlib.sha256()
    for piece in read(entry, opener):
        digest.update(piece)
    return digest.hexdigest()
