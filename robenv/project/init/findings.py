"""What the files of a folder say about the environment that they want, as values. Nothing here reads a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

NOTE = "note"
"""What is not in the robenv.yaml, and why or what to do about it."""
BUILT_IN = "built in"
"""What robenv does by itself, so that nothing has to be written for it."""


@dataclass(frozen=True)
class InitFinding:
    """``key``: a key of a profile, or ``image``, ``distro``, ``ros`` (1 or 2), ``profile``, ``note`` or ``built in``.

    ``value``: the key's value as text. Of a list one entry, of a mapping ``NAME=value``, of an entry with keys of its
    own JSON.
    """

    key: str
    value: str
    source: str
    """The file that says so, with the line where one does."""

    @property
    def file(self) -> str:
        return self.source.partition(":")[0]


@dataclass(frozen=True)
class Setting:
    """A key of a Compose service, from whichever file: one entry of a list, ``NAME=value`` of a mapping."""

    key: str
    value: str
    source: str


_RUN_LISTS = (
    "volumes", "tmpfs", "devices", "device_cgroup_rules", "ports", "expose", "dns", "dns_search", "dns_opt",
    "extra_hosts", "cap_add", "cap_drop", "security_opt", "group_add", "env_file",
)  # fmt: skip
LISTS = frozenset(("apt.packages", "pip", "devices", "workspace.repos", *(f"run.{key}" for key in _RUN_LISTS)))
"""Keys with a list; each finding is an entry of it."""
MAPPINGS = frozenset(("environment", "run.ulimits", "run.sysctls", "run.storage_opt"))
"""Keys with NAME: value; each finding is one of them."""

_HARMLESS = (
    "apt.packages", "pip", "environment", "run.shm_size", "run.tmpfs", "run.init", "run.cap_drop", "run.read_only",
    "run.hostname", "workspace.dependencies", "workspace.repos", "workspace.target", "ros.domain_id", "ros.rmw",
    "run.network_mode: bridge", "run.network_mode: none", "run.ipc: private", "run.cpus", "run.mem_limit",
)  # fmt: skip
"""Keys, or keys with their value, that take nothing of the host; all others do."""
_GIVES = {
    "gpu": "the GPU",
    "display": "your screen, keyboard and clipboard",
    "audio": "your microphone and speakers",
    "git": "your name and address",
    "ssh_agent": "the use of your ssh keys",
    "devices": "a device of this machine",
    "realtime": "realtime priority on this machine",
    "run.network_mode": "this machine's network",
    "run.ipc": "the shared memory of this machine's programs",
    "run.pid": "a view of this machine's processes",
    "run.privileged": "full access to this machine",
    "run.volumes": "files of this machine",
    "run.env_file": "a file of this machine",
    "run.devices": "devices of this machine",
    "run.device_cgroup_rules": "devices of this machine",
    "run.cap_add": "a kernel capability",
    "run.security_opt": "less isolation from this machine",
    "run.ports": "a port of this machine",
}
_VARIABLE = re.compile(r"\$\{?(\w+)")
_NAMED_VOLUME = re.compile(r"[A-Za-z0-9][\w.-]*:/[^$:]*(?::r[ow])?")


def given_by(finding: InitFinding) -> str:
    """What a finding that becomes a key of a profile gives of the host, in words; "" for nothing. A folder may be
    somebody else's work: what it asks of the host is the user's to say."""
    if finding.key == "run.volumes" and _NAMED_VOLUME.fullmatch(finding.value):
        return ""
    if named := _VARIABLE.search(finding.value):
        words = _GIVES.get(finding.key)
        return f"{words}, by your variable {named[1]}" if words else f"the value of your variable {named[1]}"
    if finding.key in _HARMLESS or f"{finding.key}: {finding.value}" in _HARMLESS:
        return ""
    return _GIVES.get(finding.key, "more than an ordinary container has")


def note(text: str, source: str) -> InitFinding:
    return InitFinding(NOTE, text, source)


def not_converted(what: str, source: str, way: str = "") -> InitFinding:
    """``way``: what to do instead."""
    return InitFinding(NOTE, f"not converted: {shorten(what)}" + (f" ({way})" if way else ""), source)


def built_in(what: str, source: str) -> InitFinding:
    return InitFinding(BUILT_IN, shorten(what), source)


def shorten(text: str, most: int = 120) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def once(findings: Iterable[InitFinding]) -> Iterator[InitFinding]:
    """Of several that say the same the first."""
    seen = set()
    for finding in findings:
        if (finding.key, finding.value) not in seen or finding.key in (NOTE, BUILT_IN):
            seen.add((finding.key, finding.value))
            yield finding
