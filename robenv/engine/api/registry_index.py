"""An index: one name in a registry for the images of several platforms, of which each machine takes its own."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from docker.utils import parse_repository_tag

from robenv.catalog.platforms import parse_platform
from robenv.engine.api.inspect import same_platform
from robenv.engine.api.pull import PullCalls, registry_of
from robenv.engine.api.registry_http import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, RepositoryHttp
from robenv.engine.protocol import EngineInfo
from robenv.errors import OperationFailed
from robenv.util.bounded_json import parse_json


@dataclass(frozen=True)
class IndexEntry:
    """One image of an index, as the OCI image specification describes it. ``size``: of its manifest, in bytes."""

    platform: str
    media_type: str
    digest: str
    size: int


class IndexCalls(PullCalls):
    """The part of ``robenv.engine.protocol.Engine`` that writes indexes."""

    def info(self) -> EngineInfo:
        raise NotImplementedError

    def push_index(self, reference: str, images: Mapping[str, str]) -> str:
        """Gives ``reference``, a tag, to the images of several platforms, whose digests in the same repository are
        ``images``; the index's digest. It goes from this machine to the registry, with the user's credentials.

        Raises ImageNotFound, RegistryDenied, RegistryUnreachable, OperationFailed.
        """
        name, tag = parse_repository_tag(reference)
        registry = registry_of(reference)
        insecure = is_insecure_registry(self.info().raw.get("RegistryConfig") or {}, registry)
        repository = name.removeprefix(f"{registry}/")
        login, complaint = self._logins.find(registry), self._logins.complaint(registry)
        with RepositoryHttp(registry, repository, login, insecure, complaint) as there:
            entries = [_entry(there, platform, digest) for platform, digest in images.items()]
            return there.put_manifest(tag or "latest", *index_of(entries))


def _entry(there: RepositoryHttp, platform: str, digest: str) -> IndexEntry:
    media_type, text = there.manifest(digest)
    try:
        said = parse_json(text)
        if "manifests" not in said:
            return IndexEntry(platform, media_type, digest, len(text))
        # An engine with the containerd image store may push an index for a single image.
        for one in said["manifests"]:
            own = one.get("platform") or {}
            named = "/".join(str(part) for key in ("os", "architecture", "variant") if (part := own.get(key)))
            if same_platform(named, platform):
                return IndexEntry(platform, str(one["mediaType"]), str(one["digest"]), int(one["size"]))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OperationFailed(f"What the registry has under {digest} is no manifest.", details=str(error)) from error
    raise OperationFailed(f"The registry has no image for {platform} under {digest}.")


def index_of(entries: Iterable[IndexEntry]) -> tuple[str, bytes]:
    """The media type and the text: Docker's own where all images are Docker's own, else OCI's. Pure."""
    every = sorted(entries, key=lambda entry: entry.platform)
    plain = all(entry.media_type == DOCKER_MANIFEST for entry in every)
    media_type = DOCKER_INDEX if plain else OCI_INDEX
    manifests = [
        {
            "mediaType": entry.media_type,
            "digest": entry.digest,
            "size": entry.size,
            "platform": _described(entry.platform),
        }
        for entry in every
    ]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
    return media_type, json.dumps(document, indent=2).encode()


def _described(platform: str) -> dict[str, str]:
    parsed = parse_platform(platform)
    described = {"architecture": parsed.architecture, "os": parsed.os}
    return {**described, "variant": parsed.variant} if parsed.variant else described


def is_insecure_registry(config: Mapping[str, Any], registry: str) -> bool:
    """Whether an engine does not ask this registry for a certificate that it trusts; ``config`` as in ``/info``.

    As the engine does, a name is looked up. Source: moby, registry/config.go.
    """
    known = (config.get("IndexConfigs") or {}).get(registry)
    if known is not None:
        return not known.get("Secure", True)
    host = urlsplit(f"//{registry}").hostname or registry
    try:
        found = {ipaddress.ip_address(one[4][0]) for one in socket.getaddrinfo(host, None)}
    except (OSError, ValueError):
        return False
    networks = [ipaddress.ip_network(one) for one in config.get("InsecureRegistryCIDRs") or ()]
    return any(address in network for address in found for network in networks)
