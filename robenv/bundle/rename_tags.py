"""The names in a tar of `docker save`'s: whoever made the tar, it names what it should, and under names chosen here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from robenv.project.image.staging_names import STAGING

LISTS = ("manifest.json", "index.json", "repositories")
"""The members that name images. Engines read manifest.json, since 25 index.json beside it, and before 1.10
repositories alone (Docker Image Specification v1.2, OCI Image Layout)."""

_WRITTEN_OUT = ("docker.io", "localhost")
"""What containerd and Podman write before a name without a registry."""

_MANIFEST = ("Config", "RepoTags", "Layers", "Parent")
_INDEX = ("schemaVersion", "mediaType", "manifests")
_DESCRIPTOR = ("mediaType", "artifactType", "digest", "size", "platform", "annotations")
"""The keys that are passed on. An engine takes any spelling of them for the same (Go's encoding/json folds case, and
the last one counts), so ``repotags`` beside ``RepoTags`` would name images unseen."""

_INDEXED = "io.containerd.image.name"
_TAG = "org.opencontainers.image.ref.name"


def renamed(member: str, data: bytes, names: Mapping[str, str]) -> bytes:
    """One of ``LISTS`` with each name changed as ``names`` says, all of which are staging names.

    Raises ValueError for a name that is not in ``names``, and for what is no such list.
    """
    try:
        change = {"manifest.json": _manifest, "index.json": _index, "repositories": _repositories}[member]
        return json.dumps(change(json.loads(data), names)).encode()
    except (AttributeError, TypeError, RecursionError) as error:
        raise ValueError(f"{member} is no list of images") from error


def _manifest(found: Any, names: Mapping[str, str]) -> Any:
    return [
        {**_known(one, _MANIFEST), "RepoTags": [_new(name, names) for name in one.get("RepoTags") or ()]}
        for one in found
    ]


def _index(found: Any, names: Mapping[str, str]) -> Any:
    listed = [_annotated(_known(one, _DESCRIPTOR), names) for one in found.get("manifests") or ()]
    return {**_known(found, _INDEX), "manifests": listed}


def _known(one: Any, keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key in keys}


def _annotated(one: Any, names: Mapping[str, str]) -> Any:
    said = one.get("annotations") or {}
    if _INDEXED not in said:
        # A tag alone names nothing: engines ask for the whole name.
        return {**one, "annotations": {key: value for key, value in said.items() if key != _TAG}}
    new = _new(said[_INDEXED], names)
    return {**one, "annotations": {**said, _INDEXED: f"docker.io/{new}", _TAG: new.rpartition(":")[2]}}


def _repositories(found: Any, names: Mapping[str, str]) -> Any:
    tags = {_new(f"{name}:{tag}", names): image for name, those in found.items() for tag, image in those.items()}
    return {STAGING: {name.removeprefix(f"{STAGING}:"): image for name, image in tags.items()}}


def _new(name: str, names: Mapping[str, str]) -> str:
    registry, _, rest = name.partition("/")
    short = rest if registry in _WRITTEN_OUT else name
    if short not in names:
        raise ValueError(f"an image under the name {name!r}")
    return names[short]
