"""The robenv.yaml that `init` writes."""

from __future__ import annotations

import re
from pathlib import Path

from robenv.errors import UsageError

_OTHER_WORDS = ("true", "false", "null")
"""Of the valid names those that YAML 1.2 takes for something else, as it does some that begin with a digit."""
_TEXT = """\
# robenv.yaml: this project's environment. `robenv up` builds it and opens a shell in it.
# `robenv validate` checks this file; `robenv profiles show .` tells where each value comes from.
name: {name}

# What it stands on; later entries win. `robenv profiles` lists the built-in ones, ./file.yaml is one of your own.
extends: [{profile}]

# Packages of the distribution, by apt.
apt:
  packages:
    - git
    # - python3-opencv

# Python packages that the distribution lacks.
# pip: [transforms3d==0.4.2]

# environment:
#   ROBOT: arm-1

# Anything else that the image needs: one layer each, in this order.
# steps:
#   - name: calibration tool
#     run: |
#       make -C /opt/calib install

# What it gets of this machine: nothing but what stands here. `auto` and `optional` come up without it too.
# gpu: auto
# display: auto                 # windows, as this user; also audio and ssh_agent
# git: true                     # your name in commits
# devices:
#   - /dev/ttyUSB0
#   - {{class: video, optional: true}}

# How the container runs: the keys of a Compose service.
# run:
#   network_mode: host
#   volumes: [./data:/data:ro]

# robenv.local.yaml beside this file, kept out of git, changes what differs on one machine.
"""


def project_name(folder: Path) -> str:
    """A valid project name made of a folder's, by ``checked_name``'s rules."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return name[:63].rstrip("-") or "project"


def checked_name(name: str) -> str:
    """The name as it is, where a profile may say it. Raises UsageError, in the words of a profile's own check."""
    from robenv.profile.badvalue import BadValue
    from robenv.profile.schema_names import PROJECT_NAME

    try:
        return str(PROJECT_NAME.parse(name))
    except BadValue as error:
        raise UsageError(f"`--name`: {error.message}", hint=error.hint) from error


def project_file(name: str, profile: str) -> str:
    """The text of a new robenv.yaml."""
    plain = name[0].isalpha() and name not in _OTHER_WORDS
    return _TEXT.format(name=name if plain else f'"{name}"', profile=profile)
