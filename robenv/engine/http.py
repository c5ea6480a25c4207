"""The one door to docker-py's inner parts: requests that its own methods do not make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker

EVER = None
"""A timeout for what may take as long as it takes."""


def send(api: docker.APIClient, method: str, path: str, *parts: str, **options: Any) -> Any:
    """The answer of requests' to ``METHOD path``, whose ``{0}``, ``{1}``, … are ``parts``, quoted.

    ``options`` are those of ``requests.Session.request``. Raises docker.errors.APIError for an error answer.
    """
    inner: Any = api
    response = getattr(inner, f"_{method}")(inner._url(path, *parts), **options)
    inner._raise_for_status(response)
    return response


def proxies(api: docker.APIClient) -> Mapping[str, str]:
    """The proxy variables of the docker config for this engine, which the docker CLI hands to builds too."""
    inner: Any = api
    return dict(inner._proxy_configs.get_environment())


def credential_environment(api: docker.APIClient) -> Any:
    """What credential helpers get in their environment beside ours."""
    inner: Any = api
    return inner.credstore_env


def use_version(api: docker.APIClient, version: str) -> None:
    """Speaks this version of the Engine API from now on."""
    inner: Any = api
    inner._version = version
