"""The robenv.yaml that `init` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from robenv.environment.detect import Hint, given_by
from robenv.environment.propose import Proposal
from robenv.errors import UsageError
from robenv.profile.excerpt import safe

T = TypeVar("T")

_OTHER_WORDS = ("true", "false", "null")
"""Of the valid names those that YAML 1.2 takes for something else, as it does some that begin with a digit."""
_TEXT = """\
# robenv.yaml: this project's environment. `robenv up` builds it and opens a shell in it.
# `robenv validate` checks this file; `robenv profiles show .` tells where each value comes from.
name: {name}

# What it stands on; later entries win. `robenv profiles` lists the built-in ones, ./file.yaml is one of your own.
{stand}

# Packages of the distribution, by apt.
apt:
  packages:
    - git
{packages}    # - python3-opencv

# Python packages that the distribution lacks; - {{requirements: requirements.txt}} is an entry too.
# pip: [transforms3d==0.4.2]

# environment:
#   ROBOT: arm-1

# Anything else that the image needs: one layer each, in this order.
# steps:
#   - name: calibration tool
#     run: |
#       make -C /opt/calib install

# What the packages in this folder depend on, by rosdep; repositories of which `up` clones what is missing.
# workspace:
#   dependencies: true
#   repos: [picker.repos]

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

{found}# robenv.local.yaml beside this file, kept out of git, changes what differs on one machine.
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
    return proposed_file(name, Proposal(profile, "", ""))


def proposed_file(name: str, proposal: Proposal) -> str:
    """The text of a new robenv.yaml, each line that was guessed with where it came from."""
    plain = name[0].isalpha() and name not in _OTHER_WORDS
    image = f"base: {{image: {json.dumps(proposal.image)}}}"
    stand = _line(image if proposal.image else f"extends: [{proposal.extends}]", proposal.why)
    packages = [hint for hint in proposal.taken if hint.kind == "apt" and hint.value != "git"]
    lines = [_line(f"    - {hint.value}", hint.source) for hint in _once(packages, lambda hint: hint.value)]
    return _TEXT.format(
        name=name if plain else f'"{name}"',
        stand=stand,
        packages="".join(f"{line}\n" for line in lines),
        found="".join(f"{line}\n" for line in _found(proposal)),
    )


@dataclass(frozen=True)
class _Entry:
    """``section``: the key that it stands below; "" for none. ``name``: what two may not say twice."""

    section: str
    name: str
    text: str
    hint: Hint
    active: bool

    def lines(self, is_below_active: bool) -> str:
        """In a comment where it is not active, with what it would give."""
        if self.active:
            return _line(f"{'  ' * bool(self.section)}{self.text}", self.hint.source)
        why = f"{self.hint.source}; gives {given_by(self.hint)}: uncomment to allow"
        indented = f"  # {self.text}" if is_below_active else f"# {'  ' * bool(self.section)}{self.text}"
        return _line(safe(indented), why)


def _entry(hint: Hint, active: bool) -> _Entry:
    if hint.kind == "environment":
        name, _, value = hint.value.partition("=")
        return _Entry("environment", name, f"{name}: {json.dumps(value, ensure_ascii=False)}", hint, active)
    if hint.kind == "devices":
        return _Entry("devices", hint.value, f"- {{by: {json.dumps(hint.value)}, optional: true}}", hint, active)
    section, _, key = hint.kind.rpartition(".")
    return _Entry(section, key, f"{key}: {hint.value}", hint, active)


def left_out(proposal: Proposal) -> list[Hint]:
    """What of the host the folder asks for, and is left in comments: nothing that the file has already."""
    return [one.hint for one in _entries(proposal) if not one.active]


def _entries(proposal: Proposal) -> list[_Entry]:
    """Of several that are about the same the first; what is taken goes before what is asked for."""
    taken = [_entry(hint, True) for hint in proposal.taken if hint.kind != "apt"]
    return _once([*taken, *(_entry(hint, False) for hint in proposal.asked)], lambda one: (one.section, one.name))


def _found(proposal: Proposal) -> list[str]:
    """What the folder asks for besides packages, and what it says that has to be done by hand."""
    entries = _entries(proposal)
    lines = [one.lines(False) for one in entries if not one.section]
    for section in dict.fromkeys(one.section for one in entries if one.section):
        own = sorted((one for one in entries if one.section == section), key=lambda one: not one.active)
        lines.append(f"{section}:" if own[0].active else f"# {section}:")
        lines += [one.lines(own[0].active) for one in own]
    lines += [f"# {safe(hint.source)}: {safe(hint.value)}" for hint in proposal.notes]
    return ["# What this folder asks for besides.", *lines, ""] if lines else []


def _once(things: Sequence[T], key: Callable[[T], object]) -> list[T]:
    """Of several that are about the same the first."""
    return list({key(one): one for one in reversed(things)}.values())[::-1]


def _line(text: str, why: str) -> str:
    return f"{text}  # {safe(why)}" if why else text
