"""Makes sure that the image of a plan is there."""

from __future__ import annotations

from dataclasses import dataclass

from robenv import __version__
from robenv.engine.bases import ensure_base
from robenv.engine.protocol import BuildRequest, Engine, ImageInfo
from robenv.environment.load import Loaded
from robenv.environment.reporter import Reporter, building
from robenv.errors import OperationFailed
from robenv.plan import names
from robenv.render import Rendered, context_stream, render


@dataclass(frozen=True)
class ImageResult:
    image: ImageInfo
    reference: str
    built: bool
    rebuilt: bool = False
    """Built anew although one with its hash was there: what runs on the earlier one is out of date."""


def ensure_image(engine: Engine, loaded: Loaded, reporter: Reporter, no_cache: bool = False) -> ImageResult:
    """Builds the image of the plan unless one with its content hash is there.

    Raises BuildFailed, ImageNotFound, RegistryDenied, HostLacks, EngineLost, DiskFull.
    """
    found = None if no_cache else engine.find_image(loaded.image)
    if found is not None:
        return ImageResult(found, loaded.image, built=False)
    buildkit = engine.info().buildkit
    rendered = loaded.rendered if buildkit else render(loaded.build, buildkit=False)
    with building(reporter, f"{loaded.build.project} for {loaded.build.platform}", rendered):
        for base in loaded.build.bases:
            ensure_base(engine, base, loaded.build.platform, reporter.event)
        _build(engine, loaded, rendered, buildkit, reporter, no_cache)
    image = engine.find_image(loaded.image)
    if image is None:
        raise OperationFailed(f"the engine says that it built {loaded.image}, and does not have it")
    return ImageResult(image, loaded.image, built=True, rebuilt=no_cache)


def _build(
    engine: Engine, loaded: Loaded, rendered: Rendered, buildkit: bool, reporter: Reporter, no_cache: bool
) -> None:
    request = BuildRequest(
        tag=loaded.image,
        platform=loaded.build.platform,
        labels={
            names.LABEL_PROJECT: loaded.build.project,
            names.LABEL_HASH: loaded.content_hash,
            names.LABEL_VERSION: __version__,
        },
        buildkit=buildkit,
        no_cache=no_cache,
    )
    events = engine.build(request, context_stream(rendered))
    try:
        for event in events:
            reporter.event(event)
    finally:
        # Closing is what cancels on the engine when ^C or an error of the display ends the loop early.
        close = getattr(events, "close", None)
        if close is not None:
            close()
