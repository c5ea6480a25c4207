"""Keys that somebody may well write and that robenv does not take, each with what to do instead."""

from __future__ import annotations

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


def about_unknown(path: str) -> tuple[str, str] | None:
    """The message and hint for a key at a dotted path; None: nothing is known of it."""
    entry = LATER.get(path)
    return (entry[0].format(key=path), entry[1]) if entry else None
