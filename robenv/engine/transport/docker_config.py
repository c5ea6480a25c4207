"""The docker CLI's own configuration, ``config.json``: the one reader of it. Light: the quick way in imports this.

The file is optional: what cannot be read in it is named in a warning, and counts as not written. Source of its keys:
docs.docker.com/reference/cli/docker/#configuration-files.
"""

from __future__ import annotations

import json
import os
from typing import Any

from robenv.notices import warn_once
from robenv.paths import home_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PROXIES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "ftpProxy": "FTP_PROXY",
    "noProxy": "NO_PROXY",
    "allProxy": "ALL_PROXY",
}
_LONGEST = 4 * 1024 * 1024
"""Bytes; a configuration is a few kilobytes."""


def config_folder(environ: Mapping[str, str]) -> str:
    """Where the docker CLI keeps its configuration: ``$DOCKER_CONFIG``, else ``~/.docker``; "" without a home."""
    explicit = environ.get("DOCKER_CONFIG", "")
    if explicit:
        return explicit
    home = home_folder(environ)
    return os.path.join(home, ".docker") if home else ""


def config_file(folder: str) -> str:
    return os.path.join(folder, "config.json")


def read_config(folder: str) -> dict[str, Any]:
    """The content of the configuration in ``folder``; empty where there is none, or none that can be read."""
    if not folder:
        return {}
    path = config_file(folder)
    try:
        with open(path, "rb") as file:
            text = file.read(_LONGEST).decode("utf-8-sig")
        found = json.loads(text) if text.strip() else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return _ignored(path, error.strerror or str(error))
    except (ValueError, RecursionError) as error:
        return _ignored(path, f"it is not JSON: {error}")
    return found if isinstance(found, dict) else _ignored(path, "it is not a JSON object")


def config_text(folder: str, config: Mapping[str, Any], key: str) -> str:
    """The value of ``key``; "" where there is none."""
    value = config.get(key)
    if value is None or isinstance(value, str):
        return value or ""
    warn_once(f"{config_file(folder)}: `{key}` is not a string; ignoring it")
    return ""


def config_mapping(folder: str, config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The value of ``key``; empty where there is none."""
    value = config.get(key)
    if value is None or isinstance(value, dict):
        return value or {}
    warn_once(f"{config_file(folder)}: `{key}` is not a JSON object; ignoring it")
    return {}


def proxy_variables(folder: str, endpoint: str) -> dict[str, str]:
    """The proxy variables for builds and containers on the engine at ``endpoint``, in capitals and in small letters, as
    the docker CLI sets them. Source: docs.docker.com/engine/cli/proxy/."""
    proxies = config_mapping(folder, read_config(folder), "proxies")
    chosen = config_mapping(folder, proxies, endpoint if endpoint in proxies else "default")
    found: dict[str, str] = {}
    for key, variable in _PROXIES.items():
        if value := config_text(folder, chosen, key):
            found |= {variable: value, variable.lower(): value}
    return found


def _ignored(path: str, why: str) -> dict[str, Any]:
    warn_once(f"cannot read the docker configuration {path} ({why}); going on without its contexts, logins and proxies")
    return {}
