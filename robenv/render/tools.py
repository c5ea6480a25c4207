"""The Dockerfile and context of an image with native tools for roots of another architecture."""

from __future__ import annotations

import hashlib
from pathlib import Path

from robenv.catalog.toolchains import cross_package
from robenv.plan.image.cross_compilers import Toolchain
from robenv.plan.image.mirrors import NO_MIRRORS, Mirrors
from robenv.plan.names import tools_reference
from robenv.render.entries import FILE, ContextEntry
from robenv.render.mirrors import mirror_entries, view_mirrors
from robenv.resources import templates_folder

_SCRIPTS = ("apt-key", "driver", "enter", "pack", "release")


def render_tools(toolchain: Toolchain, base: str, mirrors: Mirrors = NO_MIRRORS) -> tuple[ContextEntry, ...]:
    """What the builder gets. ``base``: the reference under which the engine has the toolchain's base."""
    from robenv.render.templating import RenderReport, render_template

    text = render_template(
        "native/Dockerfile.j2",
        RenderReport(),
        reference=base,
        triplet=toolchain.triplet,
        architecture=toolchain.architecture,
        package=cross_package(toolchain.triplet),
        buildkit=True,
        mirrors=view_mirrors(mirrors, True),
    )
    folder = Path(templates_folder(), "native")
    scripts = (ContextEntry(name, FILE, 0o755, (folder / name).read_bytes()) for name in _SCRIPTS)
    entries = (ContextEntry("Dockerfile", FILE, 0o644, text.encode()), *scripts, *mirror_entries(mirrors))
    return tuple(sorted(entries, key=lambda one: one.name))


def tools_image(toolchain: Toolchain) -> str:
    """The content-addressed tag: by the release and the architectures, and by how robenv makes it."""
    total = hashlib.sha256(toolchain.host.encode())
    for entry in render_tools(toolchain, toolchain.base.reference):
        total.update(b"\0".join((b"", entry.name.encode(), entry.data or b"")))
    return tools_reference(total.hexdigest())
