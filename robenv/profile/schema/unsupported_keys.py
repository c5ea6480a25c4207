"""Keys that somebody may well write and that robenv does not take, each with what to do instead."""

from __future__ import annotations

from robenv.profile.schema.types import NO, YES

_NOT_YET = "robenv 0.1 does not have `{key}` yet"
_ELSEWHERE = "`{key}` has another place here"

LATER: dict[str, tuple[str, str]] = {
    "volumes": (_ELSEWHERE, "write it as run.volumes"),
    "ports": (_ELSEWHERE, "write it as run.ports"),
    "packages": (_ELSEWHERE, "write it as apt.packages"),
    "image.name": (_ELSEWHERE, "the base is base.image, and the image's own name comes from `name`"),
    "services": ("this is a Compose file's key, and a profile is one service", "put the service's keys under `run`"),
    "run.image": (_ELSEWHERE, "write it as base.image"),
    "run.build": (_ELSEWHERE, "this file describes the image itself: base, apt, files, steps"),
    "run.container_name": (_ELSEWHERE, "the container is named after `name`"),
    "run.user": (_ELSEWHERE, "who works inside is `user` at the top of the file"),
    "run.platform": (_ELSEWHERE, "write it as platforms: [linux/amd64] at the top of the file"),
    "run.tty": ("`{key}` is not needed", "robenv gives a terminal wherever there is one"),
    "run.stdin_open": ("`{key}` is not needed", "robenv passes standard input on by itself"),
    "run.gpus": (_ELSEWHERE, "write it as `gpu: required` at the top of the file"),
    "run.deploy": (_NOT_YET, "use mem_limit, cpus and pids_limit"),
    "run.secrets": (_NOT_YET, "mount a file with run.volumes"),
    "run.configs": (_NOT_YET, "mount a file with run.volumes"),
    "run.depends_on": ("`{key}` names other services, and a profile is one service", "leave it out"),
    "run.links": ("`{key}` names other services, and a profile is one service", "use run.extra_hosts"),
    "run.volumes_from": (_NOT_YET, "name the volumes in run.volumes"),
    "run.mac_address": (_NOT_YET, "leave it out"),
    "run.extends": (_ELSEWHERE, "`extends` stands at the top of the file"),
    "run.healthcheck.start_interval": (_NOT_YET, "use interval and start_period"),
}

_OTHER_WORDS = {
    "run.network_mode": "network run.network run.net network_mode",
    "run.environment": "run.env run.envs",
    "environment": "env",
    "base.image": "from base_image dockerfile",
    "gpu": "gpus nvidia run.gpu",
    "run.mem_limit": "run.memory run.mem",
    "run.cpus": "run.cpu",
    "run.shm_size": "run.shm",
    "run.volumes": "run.mounts mounts",
    "run.ports": "run.port",
    "run.cap_add": "run.capabilities",
    "run.command": "run.cmd command",
    "run.entrypoint": "entrypoint",
    "run.privileged": "privileged",
    "display": "x11 wayland gui",
    "audio": "sound",
    "devices": "serial usb camera",
    "ros.distro": "ros.version ros.distribution ros.name distro ros_distro",
    "ros.rmw": "ros.rmw_implementation",
    "steps": "run_steps commands script",
    "workspace.repos": "repos",
    "workspace.dependencies": "rosdep dependencies",
    "ssh_agent": "ssh",
    "realtime": "rt",
    "platforms": "platform",
    "extends": "inherit include profile",
    "apt.packages": "apt.package",
}
MEANT = {word: key for key, words in _OTHER_WORDS.items() for word in words.split()}
"""What other tools call a key, and what it is called here; by the dotted path of both."""
_SHORT = {
    "image": "the image to build on is `base: {image: NAME}`",
    "base": "such as `base: {image: NAME}`",
    "apt": "write the list below `packages`: `apt: {packages: […]}`",
    "user": "such as `user: {name: dev}`",
    "ros": "such as `ros: {distro: jazzy}`",
    "workspace": "such as `workspace: {source: ./src}`",
}
_BOOLEANS = ("workspace.dependencies", "run_image.dependencies")
"""Mappings in whose place true and false may stand."""


def meant_by(path: str) -> str:
    """A hint for a key at a dotted path that is called otherwise here; "" where nothing is known of it."""
    return f"did you mean `{MEANT[path]}`?" if path in MEANT else ""


def instead_of_mapping(path: str, found: object) -> str:
    """A hint where a mapping is expected at a dotted path and something else stands; "" where nothing better is known
    than the mapping's keys."""
    if path in _BOOLEANS and str(found).lower() in (*YES, *NO):
        return f"in YAML 1.2 `{found}` is a text: write {'true' if str(found).lower() in YES else 'false'}"
    return _SHORT.get(path, "")


def about_unknown(path: str) -> tuple[str, str] | None:
    """The message and hint for a key at a dotted path; None: nothing is known of it."""
    entry = LATER.get(path)
    return (entry[0].format(key=path), entry[1]) if entry else None
