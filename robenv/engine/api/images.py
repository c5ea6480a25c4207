"""Images: find, list, tag, remove, prune; pulling and building come from their own modules."""

from __future__ import annotations

from collections.abc import Mapping

import docker
from docker.utils import parse_repository_tag

from robenv.engine.api.build import BuildCalls
from robenv.engine.api.image_archive import ArchiveCalls
from robenv.engine.api.inspect import inspect_image, same_platform
from robenv.engine.api.registry import RegistryCalls
from robenv.engine.api.registry_index import IndexCalls
from robenv.engine.protocol import ImageInfo
from robenv.engine.transport.docker_py_session import request_json
from robenv.engine.transport.errors import translated_errors
from robenv.errors import ImageNotFound


class ImageCalls(BuildCalls, RegistryCalls, IndexCalls, ArchiveCalls):
    """The image half of ``robenv.engine.protocol.Engine``; ``_api`` is docker-py's low-level client."""

    _api: docker.APIClient

    def find_image(self, reference: str, platform: str = "") -> ImageInfo | None:
        """The image with that tag, digest or ID; None where there is none, or none for ``platform``."""
        try:
            with translated_errors("look for the image", reference):
                image = inspect_image(self._api, reference, platform)
        except ImageNotFound:
            return None
        return image if not platform or same_platform(image.platform, platform) else None

    def images(self, labels: Mapping[str, str | None] | None = None, named: str = "") -> list[ImageInfo]:
        """The images with these labels, newest first; a label's value None asks only for the name. ``named``: a name
        with ``*`` for any tag."""
        wanted = [name if value is None else f"{name}={value}" for name, value in (labels or {}).items()]
        filters = {key: value for key, value in (("label", wanted), ("reference", named)) if value}
        with translated_errors("list images"):
            listed = self._api.images(filters=filters or None)
        found = (self.find_image(one["Id"]) for one in listed)
        return [image for image in found if image is not None]  # one may have gone meanwhile

    def history(self, reference: str) -> list[tuple[str, int]]:
        """What made each part of an image, as the engine tells it, and its unpacked bytes; oldest first."""
        with translated_errors("read the history of the image", reference):
            told = request_json(self._api, "get", "/images/{0}/history", reference)
        return [(str(one.get("CreatedBy") or ""), int(one.get("Size") or 0)) for one in reversed(told or ())]

    def tag(self, image: str, reference: str) -> None:
        """Gives ``image`` a further name. Raises ImageNotFound."""
        repository, tag = parse_repository_tag(reference)
        with translated_errors("tag the image", f"{image} as {reference}"):
            self._api.tag(image, repository, tag or "latest", force=True)

    def remove_image(self, reference: str, force: bool = False) -> int:
        """Removes a tag and, where it was the last, the image; how many layers went. Raises ImageNotFound."""
        with translated_errors("remove the image", reference):
            removed = self._api.remove_image(reference, force=force)
        return sum("Deleted" in one for one in removed)

    def prune_build_cache(self) -> int:
        """Removes build cache that nothing refers to; bytes freed."""
        with translated_errors("remove the build cache"):
            return int(self._api.prune_builds().get("SpaceReclaimed") or 0)
