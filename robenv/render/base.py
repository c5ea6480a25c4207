"""The Dockerfile of a base that was bootstrapped from a package archive."""

from __future__ import annotations

from robenv.plan.models import Bootstrap
from robenv.plan.names import BASE_RECIPE

ROOTFS = "rootfs.tar"
"""The context's file with the base's whole file system."""


def render_base(bootstrap: Bootstrap) -> str:
    """``FROM scratch`` with ``rootfs.tar`` unpacked.

    Built by BuildKit it notes the platform that was asked for; what ``docker import`` makes notes the engine's own.
    """
    from robenv.render.templating import RenderReport, render_template

    return render_template("base.j2", RenderReport(), bootstrap=bootstrap, recipe=BASE_RECIPE, rootfs=ROOTFS)
