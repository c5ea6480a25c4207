"""The Dockerfile of a base that was bootstrapped from a package archive."""

from __future__ import annotations

from robenv.plan.names import BASE_RECIPE
from robenv.plan.values import Bootstrap

ROOTFS = "rootfs.tar"
"""The context's file with the base's whole file system."""


def render_base(bootstrap: Bootstrap) -> str:
    """``FROM scratch`` with ``rootfs.tar`` unpacked. BuildKit notes the asked platform, which ``docker import`` does not."""
    from robenv.render.templating import Report, render_template

    return render_template("base.j2", Report(), bootstrap=bootstrap, recipe=BASE_RECIPE, rootfs=ROOTFS)
