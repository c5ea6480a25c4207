"""Looks at one image. An engine with the containerd image store may hold one name for several platforms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import docker

from robenv.catalog.platforms import normalize, parse_platform
from robenv.engine.api.exec_api import familiar_name
from robenv.engine.protocol import BlobInfo, ImageInfo
from robenv.engine.transport.docker_py_session import request_json
from robenv.errors import UsageError

_PLATFORM_SINCE = (1, 49)
"""The version of the Engine API from which an image can be asked for by platform."""


def inspect_image(api: docker.APIClient, reference: str, platform: str = "") -> ImageInfo:
    """The image of that name; with ``platform`` the one for it, where the engine can tell them apart.

    What comes back may be for another platform all the same. Raises docker.errors.APIError.
    """
    query = {}
    if platform and _version(api) >= _PLATFORM_SINCE:
        query["platform"] = json.dumps(_oci(platform))
    return image_info(request_json(api, "get", "/images/{0}/json", reference, params=query))


def _oci(platform: str) -> dict[str, str]:
    """A platform as the OCI image specification writes it."""
    parsed = parse_platform(platform)
    fields = {"os": parsed.os, "architecture": parsed.architecture, "variant": parsed.variant}
    return {name: value for name, value in fields.items() if value}


def _version(api: docker.APIClient) -> tuple[int, ...]:
    return tuple(int(number) for number in str(api.api_version).split("."))


def same_platform(one: str, other: str) -> bool:
    """Whether two spellings mean one platform."""
    return _normal(one) == _normal(other)


def _normal(platform: str) -> str:
    """In its normal form; as it is where robenv does not know such a one."""
    try:
        return normalize(platform)
    except UsageError:
        return platform


def image_info(inspected: Mapping[str, Any]) -> ImageInfo:
    """The answer of ``GET /images/NAME/json`` in robenv's words."""
    config = inspected.get("Config") or {}
    names = (str(inspected.get(key) or "") for key in ("Os", "Architecture", "Variant"))
    return ImageInfo(
        id=str(inspected["Id"]),
        tags=tuple(familiar_name(name) for name in inspected.get("RepoTags") or ()),
        platform=_normal("/".join(name for name in names if name)),
        size=int(inspected.get("Size") or 0),
        created=str(inspected.get("Created") or ""),
        labels=dict(config.get("Labels") or {}),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        environment=tuple(config.get("Env") or ()),
        working_dir=str(config.get("WorkingDir") or ""),
        user=str(config.get("User") or ""),
        digests=tuple(familiar_name(name) for name in inspected.get("RepoDigests") or ()),
        layers=tuple((inspected.get("RootFS") or {}).get("Layers") or ()),
        on_build=tuple(str(one) for one in config.get("OnBuild") or ()),
        blob=_blob(inspected.get("Descriptor") or {}),
    )


def _blob(descriptor: Mapping[str, Any]) -> BlobInfo | None:
    if not descriptor.get("digest"):
        return None
    return BlobInfo(str(descriptor.get("mediaType") or ""), str(descriptor["digest"]), int(descriptor.get("size") or 0))
