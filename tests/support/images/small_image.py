"""A base of a few megabytes for the tests of deploying, which pack, send and load it again and again."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.support.images import base_image

_PROGRAMS = "bash cat dash env flock grep head id ls mkdir rm sh sleep sync timeout true touch"
_DOCKERFILE = f"""FROM {base_image.TAG} AS whole
RUN mkdir -p /small/etc /small/bin /small/tmp /small/root /small/usr && cd /small \\
 && ln -s bin sbin && ln -s ../bin usr/bin \\
 && for program in {_PROGRAMS}; do \\
      path=$(readlink -f /usr/bin/$program) && cp "$path" bin/$program \\
      && ldd "$path" | grep -o '/[^ ]*' | xargs cp --parents -L -n -t . || exit 1; \\
    done \\
 && cp /etc/passwd /etc/group /etc/shadow /etc/os-release etc/ && chmod 1777 tmp
FROM scratch
COPY --from=whole /small /
LABEL {base_image.LABEL}=1
"""
TAG = f"robenvtest-small:{hashlib.sha256(_DOCKERFILE.encode()).hexdigest()[:12]}"
"""Kept on the engine, as the base is; it has the base's label."""


def ensure(api: Any) -> str:
    return base_image.ensure_made(api, TAG, _DOCKERFILE)
