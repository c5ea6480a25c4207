"""The devices that a machine's CDI specs name (https://github.com/cncf-tags/container-device-interface, SPEC.md)."""

from __future__ import annotations

import json
from typing import Any

from robenv.host.host import Host

FOLDERS = ("/etc/cdi", "/var/run/cdi")
"""The specification's own; an engine may be told others."""


def read_cdi(host: Host, folders: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Qualified names, such as ``nvidia.com/gpu=all``, sorted. A spec that cannot be read names none."""
    names: set[str] = set()
    for folder in folders or FOLDERS:
        for ending in ("json", "yaml"):
            for path, text in host.texts(f"{folder}/*.{ending}").items():
                names.update(_names(_load(path, text)))
    return tuple(sorted(names))


def _load(path: str, text: str) -> Any:
    if path.endswith(".json"):
        try:
            return json.loads(text)
        except ValueError:
            return None
    from pathlib import Path

    from robenv.profile.yaml.loader import load_yaml
    from robenv.profile.yaml.nodes import SourceFile, to_python

    node, _ = load_yaml(SourceFile(Path(path), path, path, "local", Path(path).parent, (), text))
    return None if node is None else to_python(node)


def _names(spec: Any) -> list[str]:
    if not isinstance(spec, dict) or not isinstance(spec.get("kind"), str):
        return []
    devices = spec.get("devices")
    found = devices if isinstance(devices, list) else []
    return [f"{spec['kind']}={device['name']}" for device in found if isinstance(device, dict) and device.get("name")]
