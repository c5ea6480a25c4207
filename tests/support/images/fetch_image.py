"""The image of the tests of what fetches in a build: the shared base with pip, git, curl and wget."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.support.images import base_image

_DOCKERFILE = f"""FROM {base_image.TAG}
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl git python3-pip wget \\
 && rm -rf /var/lib/apt/lists/*
"""
TAG = f"robenvtest-fetch:{hashlib.sha256(_DOCKERFILE.encode()).hexdigest()[:12]}"
"""Kept on the engine, as the base is; it has the base's label."""


def ensure(api: Any) -> str:
    return base_image.ensure_made(api, TAG, _DOCKERFILE)
