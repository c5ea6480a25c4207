"""The image of the tests of display, sound, agent and git: the shared base with a few programs of Debian's archive."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.support.images import base_image

# weston itself would bring Mesa and LLVM along; its client needs one library.
_DOCKERFILE = f"""FROM {base_image.TAG}
RUN apt-get update && apt-get install -y --no-install-recommends \\
      git libwayland-client0 openssh-client pulseaudio-utils x11-apps \\
 && cd /tmp && apt-get download weston && dpkg-deb -x weston_*.deb weston \\
 && install weston/usr/bin/weston-simple-shm /usr/local/bin/ \\
 && rm -rf weston* /var/lib/apt/lists/*
"""
TAG = f"robenvtest-gui:{hashlib.sha256(_DOCKERFILE.encode()).hexdigest()[:12]}"
"""Kept on the engine, as the base is; it has the base's label."""


def ensure(api: Any) -> str:
    return base_image.ensure_made(api, TAG, _DOCKERFILE)
