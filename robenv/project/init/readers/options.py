"""Options of ``docker run`` and of rocker, in the words of a Compose service."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from robenv.project.init.findings import InitFinding, Setting, built_in, not_converted

_LONG = {
    "--network": "network_mode", "--net": "network_mode", "--ipc": "ipc", "--pid": "pid", "--uts": "uts",
    "--userns": "userns_mode", "--cgroupns": "cgroup", "--shm-size": "shm_size", "--gpus": "gpus",
    "--runtime": "runtime", "--env": "environment", "-e": "environment", "--env-file": "env_file",
    "--volume": "volumes", "-v": "volumes", "--mount": "mount", "--tmpfs": "tmpfs", "--device": "devices",
    "--device-cgroup-rule": "device_cgroup_rules", "--cap-add": "cap_add", "--cap-drop": "cap_drop",
    "--security-opt": "security_opt", "--group-add": "group_add", "--ulimit": "ulimits", "--sysctl": "sysctls",
    "--publish": "ports", "-p": "ports", "--expose": "expose", "--add-host": "extra_hosts", "--dns": "dns",
    "--hostname": "hostname", "-h": "hostname", "--memory": "mem_limit", "-m": "mem_limit", "--cpus": "cpus",
    "--cpuset-cpus": "cpuset", "--restart": "restart", "--user": "user", "-u": "user", "--workdir": "working_dir",
    "-w": "working_dir", "--name": "container_name", "--entrypoint": "entrypoint", "--label": "labels", "-l": "labels",
    "--platform": "platform", "--pull": "pull_policy", "--cpu-rt-runtime": "cpu_rt_runtime",
    "--memory-swap": "memswap_limit", "--stop-signal": "stop_signal", "--log-driver": "logging",
    "--log-opt": "logging", "--annotation": "annotations", "--cpu-shares": "cpu_shares",
    "--storage-opt": "storage_opt", "--dns-search": "dns_search", "--dns-option": "dns_opt",
    "--detach-keys": "", "--cidfile": "", "--ip": "networks", "--mac-address": "networks", "--link": "links",
    "--network-alias": "networks", "--volumes-from": "volumes_from", "--health-cmd": "healthcheck", "--isolation": "",
    "--oom-score-adj": "oom_score_adj", "--pids-limit": "pids_limit", "--cgroup-parent": "cgroup_parent",
    "--stop-timeout": "stop_grace_period",
}  # fmt: skip
"""With a value; "" for those that have no counterpart."""
_ON = {
    "--privileged": ("privileged", "true"),
    "--read-only": ("read_only", "true"),
    "--init": ("init", "true"),
    "-P": ("ports", "all that the image exposes"),
    "--publish-all": ("ports", "all that the image exposes"),
}
_BUILT_IN = ("--rm", "-t", "--tty", "-i", "--interactive", "-d", "--detach", "--no-healthcheck", "--sig-proxy")
_ROCKER_ON = {
    "--x11": ("display", "auto"), "--wayland": ("display", "auto"), "--nvidia": ("gpu", "auto"),
    "--pulse": ("audio", "auto"), "--git": ("git", "true"), "--ssh": ("ssh_agent", "auto"),
    "--privileged": ("run.privileged", "true"),
}  # fmt: skip
_ROCKER_MANY = {"--devices": "devices", "--env": "environment", "-e": "environment", "--volume": "volumes",
                "--group-add": "group_add", "--env-file": "env_file"}  # fmt: skip
_ROCKER_ONE = {
    "--network": "network_mode", "--ipc": "ipc", "--shm-size": "shm_size", "--port": "ports", "--expose": "expose",
    "--hostname": "hostname", "--ulimit": "ulimits", "--name": "container_name", "--device": "devices",
}  # fmt: skip
_ROCKER_OWN = (
    "--user", "--home", "--user-preserve-home", "--user-override-name", "--nocleanup", "--persist-image", "--nocache",
    "--pull", "--mode", "--image-name", "--user-preserve-groups", "--cwd",
)  # fmt: skip
"""rocker's extensions for what robenv does by itself: a user of your own, and its home."""
_IMAGE = re.compile(
    r"(?:[\w.-]+(?::\d+)?/){0,9}[a-z0-9][\w.-]*(?::[\w.${}:-]+)?(?:@sha256:[0-9a-f]+)?|\$\{?\w+\}?(?:[:/].*)?"
)


@dataclass
class Options:
    """What a command line says. ``image`` and ``command``: what stands behind the options."""

    settings: list[Setting] = field(default_factory=list)
    findings: list[InitFinding] = field(default_factory=list)
    image: str = ""
    command: tuple[str, ...] = ()


def docker_options(words: Sequence[str], source: str, with_image: bool = False) -> Options:
    """Of ``docker run``. ``with_image``: behind the options there are an image and a command."""
    found, at = Options(), 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        if not name.startswith("-") or name == "-":
            if not with_image:
                found.findings.append(not_converted(words[at], source))
                at += 1
                continue
            found.image, found.command = words[at], tuple(words[at + 1 :])
            break
        at += 1
        if name in _ON:
            key, on = _ON[name]
            found.settings.append(Setting(key, value or on, source))
        elif name in _LONG:
            if not equals and at < len(words):
                value, at = words[at], at + 1
            found.settings.append(_setting(name, value, source)) if _LONG[name] else found.findings.append(
                not_converted(f"{name} {value}", source)
            )
        else:
            found.findings += _short(name, words[at - 1], source)
    return found


def _short(name: str, word: str, source: str) -> Iterator[InitFinding]:
    """``-it`` and the like, and what is not known."""
    if name in _BUILT_IN or (re.fullmatch("-[itd]+", name)):
        yield built_in(word, source)
    else:
        yield not_converted(word, source)


def _setting(name: str, value: str, source: str) -> Setting:
    return Setting("volumes", mount_of(value), source) if name == "--mount" else Setting(_LONG[name], value, source)


def mount_of(text: str) -> str:
    """A volume in Compose's short form of ``type=bind,source=…,target=…``; as it is where that cannot say it."""
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    target = parts.get("target") or parts.get("dst") or parts.get("destination") or ""
    source = parts.get("source") or parts.get("src") or ""
    read_only = ":ro" if "readonly" in parts or "ro" in parts else ""
    return f"{source}:{target}{read_only}" if source and target else text


def rocker_options(words: Sequence[str], source: str) -> Options:
    """Of rocker: options with one value, with several up to the next option, and words that switch something on."""
    found, at = Options(), 0
    rest: list[str] = []
    while at < len(words):
        word = words[at]
        name, equals, value = word.partition("=")
        at += 1
        if name == "--":
            rest += words[at:]
            break
        if name in _ROCKER_ON:
            found.findings.append(InitFinding(*_ROCKER_ON[name], f"{source} {name}"))
        elif name in _ROCKER_MANY:
            values, at = ([value], at) if equals else _several(name, words, at)
            found.settings += [Setting(_ROCKER_MANY[name], value, source) for value in values]
        elif name in _ROCKER_ONE:
            if not equals and at < len(words) and not words[at].startswith("-"):
                value, at = words[at], at + 1
            found.settings.append(Setting(_ROCKER_ONE[name], value, source))
        elif name in _ROCKER_OWN:
            found.findings.append(built_in(word, source))
        elif name.startswith("-"):
            found.findings.append(not_converted(f"rocker {word}", source))
        else:
            rest += words[at - 1 :]
            break
    images = [at for at, word in enumerate(rest) if _looks_like_image(word)]
    if images:
        found.image, found.command = rest[images[0]], tuple(rest[images[0] + 1 :])
    return found


def _several(name: str, words: Sequence[str], at: int) -> tuple[list[str], int]:
    """The values behind an option of rocker's, up to the next option or to the image; and where that is."""
    values: list[str] = []
    while at < len(words) and not words[at].startswith("-"):
        is_last = at == len(words) - 1
        if (is_last and values) or (name != "--volume" and ":" in words[at] and _looks_like_image(words[at])):
            break
        values.append(words[at])
        at += 1
    return values, at


def _looks_like_image(word: str) -> bool:
    return bool(_IMAGE.fullmatch(word)) and (":" in word or "/" in word)
