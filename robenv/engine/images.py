"""Images: find, list, tag, remove, prune; pulling and building come from their own modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker
from docker.utils import parse_repository_tag

from robenv.catalog.platforms import normalize
from robenv.engine.build import BuildCalls
from robenv.engine.http import send
from robenv.engine.protocol import ImageInfo
from robenv.engine.pull import PullCalls
from robenv.engine.translate import translated
from robenv.errors import ImageNotFound, UsageError


class ImageCalls(BuildCalls, PullCalls):
    """The image half of ``robenv.engine.protocol.Engine``; ``_api`` is docker-py's low-level client."""

    _api: docker.APIClient

    def find_image(self, reference: str) -> ImageInfo | None:
        """The image with that tag, digest or ID; None where there is none."""
        try:
            with translated("look for the image", reference):
                return image_info(send(self._api, "get", "/images/{0}/json", reference).json())
        except ImageNotFound:
            return None

    def images(self, labels: Mapping[str, str | None] | None = None) -> list[ImageInfo]:
        """The images with these labels, newest first; a label's value None asks only for the name."""
        wanted = [name if value is None else f"{name}={value}" for name, value in (labels or {}).items()]
        with translated("list images"):
            listed = self._api.images(filters={"label": wanted} if wanted else None)
        found = (self.find_image(one["Id"]) for one in listed)
        return [image for image in found if image is not None]  # one may have gone meanwhile

    def tag(self, image: str, reference: str) -> None:
        """Gives ``image`` a further name. Raises ImageNotFound."""
        repository, tag = parse_repository_tag(reference)
        with translated("tag the image", f"{image} as {reference}"):
            self._api.tag(image, repository, tag or "latest", force=True)

    def remove_image(self, reference: str, force: bool = False) -> int:
        """Removes a tag and, where it was the last, the image; how many layers went. Raises ImageNotFound."""
        with translated("remove the image", reference):
            removed = self._api.remove_image(reference, force=force)
        return sum("Deleted" in one for one in removed)

    def prune_build_cache(self) -> int:
        """Removes build cache that nothing refers to; bytes freed."""
        with translated("remove the build cache"):
            return int(self._api.prune_builds().get("SpaceReclaimed") or 0)


def image_info(inspected: Mapping[str, Any]) -> ImageInfo:
    """The answer of ``GET /images/NAME/json`` in robenv's words."""
    config = inspected.get("Config") or {}
    return ImageInfo(
        id=str(inspected["Id"]),
        tags=tuple(inspected.get("RepoTags") or ()),
        platform=_platform(inspected),
        size=int(inspected.get("Size") or 0),
        created=str(inspected.get("Created") or ""),
        labels=dict(config.get("Labels") or {}),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        environment=tuple(config.get("Env") or ()),
        working_dir=str(config.get("WorkingDir") or ""),
        user=str(config.get("User") or ""),
        layers=tuple((inspected.get("RootFS") or {}).get("Layers") or ()),
    )


def _platform(inspected: Mapping[str, Any]) -> str:
    """``os/arch[/variant]`` in its normal form; as the engine says it where robenv does not know such a one."""
    said = "/".join(part for key in ("Os", "Architecture", "Variant") if (part := str(inspected.get(key) or "")))
    try:
        return normalize(said)
    except UsageError:
        return said
