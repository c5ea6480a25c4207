"""The robenv.yaml that `init` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from robenv.errors import UsageError
from robenv.project.init.entries import ProfileEntry, commented, entries_of, lines
from robenv.project.init.findings import InitFinding
from robenv.project.init.propose import Proposal
from robenv.util.sanitize import safe

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

{sections}{notes}# robenv.local.yaml beside this file, kept out of git, changes what differs on one machine.
"""
_SECTIONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("pip",),
        "Python packages that the distribution lacks; - {requirements: requirements.txt} is an entry too.",
        "pip: [transforms3d==0.4.2]",
    ),
    (("environment",), "", "environment:\n  ROBOT: arm-1"),
    (
        ("steps",),
        "Anything else that the image needs: one layer each, in this order.",
        "steps:\n  - name: calibration tool\n    run: |\n      make -C /opt/calib install",
    ),
    (
        ("workspace",),
        "What the packages in this folder depend on, by rosdep; repositories of which `up` clones what is missing.",
        "workspace:\n  dependencies: true\n  repos: [picker.repos]",
    ),
    (("ros",), "", ""),
    (
        ("gpu", "display", "audio", "ssh_agent", "git", "realtime", "devices"),
        "What it gets of this machine: nothing but what stands here. `auto` and `optional` come up without it too.",
        "gpu: auto\ndisplay: auto                 # windows, as this user; also audio and ssh_agent\n"
        "git: true                     # your name in commits\n"
        "devices:\n  - /dev/ttyUSB0\n  - {class: video, optional: true}",
    ),
    (
        ("run",),
        "How the container runs: the keys of a Compose service.",
        "run:\n  network_mode: host\n  volumes: [./data:/data:ro]",
    ),
)
"""The keys of each part of the file, what is said above it, and the example for keys that nothing was found for."""


def project_name(folder: Path) -> str:
    """A valid project name made of a folder's, by ``checked_name``'s rules."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return name[:63].rstrip("-") or "project"


def checked_name(name: str) -> str:
    """The name as it is, where a profile may say it. Raises UsageError, in the words of a profile's own check."""
    from robenv.profile.schema.names import PROJECT_NAME
    from robenv.profile.yaml.parse_error import BadValue

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
    entries = entries_of(proposal.taken, proposal.asked)
    packages = [entry for entry in entries if entry.path[:2] == ("apt", "packages") and entry.finding.value != "git"]
    return _TEXT.format(
        name=name if plain else f'"{name}"',
        stand="\n".join(_stand(proposal)),
        packages="".join(f"    {commented(package.text, package.finding.source)}\n" for package in packages),
        sections="".join(f"{line}\n" for line in _sections(entries)),
        notes="".join(f"{line}\n" for line in _notes(proposal)),
    )


def left_out(proposal: Proposal) -> list[InitFinding]:
    """What of the host the folder asks for, and is left in comments: nothing that the file has already."""
    return [one.finding for one in entries_of(proposal.taken, proposal.asked) if not one.active]


def _stand(proposal: Proposal) -> Iterator[str]:
    why = proposal.why
    if proposal.profile:
        yield commented(f"extends: [{proposal.extends}]", why)
        why = "the image that the files here name; without this line, the one of the profile"
    if proposal.image:
        yield commented(f"base: {{image: {json.dumps(proposal.image)}}}", why)


def _sections(entries: Sequence[ProfileEntry]) -> Iterator[str]:
    for keys, said, example in _SECTIONS:
        own = [entry for entry in entries if entry.path[0] in keys]
        found = {one.path[0] for one in own}
        rest = [line for line in example.split("\n") if line and _top(line, example) not in found]
        if not own and not rest:
            continue
        if said:
            yield f"# {said}"
        for key in keys:
            yield from lines([one for one in own if one.path[0] == key])
        yield from (f"# {line}" for line in rest)
        yield ""


def _top(line: str, example: str) -> str:
    """The top-level key that a line of an example belongs to."""
    before = example[: example.index(line) + len(line)]
    return next(one for one in reversed(before.split("\n")) if one[:1] not in (" ", "")).partition(":")[0]


def _notes(proposal: Proposal) -> Iterator[str]:
    """What is not in the file, with where it stands; what is said often once, with how often."""
    if proposal.notes:
        yield "# Found in this folder and not converted, or for you to decide:"
        yield from (f"#   {line}" for line in grouped(proposal.notes))
        yield ""
    if proposal.built_in:
        yield "# Found in this folder and not needed here, since robenv does it by itself:"
        for file in dict.fromkeys(one.file for one in proposal.built_in):
            shown = ", ".join(dict.fromkeys(one.value for one in proposal.built_in if one.file == file))
            yield f"#   {safe(file)}: {safe(shown)}"
        yield ""


def grouped(findings: Sequence[InitFinding]) -> list[str]:
    """A line for each text, with every place that it is said of."""
    places: dict[str, list[str]] = {}
    for finding in findings:
        places.setdefault(finding.value, []).append(finding.source)
    made = []
    for value, found in places.items():
        made.append(f"{safe(', '.join(dict.fromkeys(found)))}: {safe(value)}")
    return made
