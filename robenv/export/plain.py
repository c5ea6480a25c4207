"""What an export refuses since the tool that reads it would take more out of it than the profile says, with no way to
write it otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from robenv.errors import Location, Problem, ProfileError
from robenv.export.words import document_strings
from robenv.profile.yaml.nodes import Node, Scalar, Sequence, find, place_of
from robenv.util.sanitize import show

if TYPE_CHECKING:
    from robenv.export.borrowed import ExportedSecrets
    from robenv.plan.models import BuildPlan
    from robenv.profile.resolve.resolved import Resolved

_VARIABLE = re.compile(r"\$\{[^}]*\}?")
_METADATA = "devcontainer.metadata"
"""The label by which an image, or a container, adds to a devcontainer.json: mounts, `privileged`, variables.
https://containers.dev/implementors/reference/#labels"""
_ELSEWHERE = ("steps", "stages", "files", "image", "run_image", "apt", "pip", "environment", "deploy", "setup", "base")
"""Of a profile what is in the image, or on a robot."""
_WAY_OUT = "set it where the image is made, in a file that `setup` names or in a step, or write it without braces"


def require_plain(document: dict[str, Any], resolved: Resolved, build: BuildPlan) -> None:
    """Raises ProfileError where a devcontainer.json has a ``${…}`` that robenv has not put there: the tools that read
    it replace that, such as by a variable of whoever opens it, and the format knows no escape. So for the label by
    which an image says more than that file. ``document``: not yet ``finished``."""
    found = {one for text in document_strings(document) for one in _VARIABLE.findall(text)}
    labels = [name for stage in build.stages for name, _ in stage.settings.labels]
    problems = [*_variables(found, resolved), *_metadata(labels, resolved)]
    if problems:
        raise ProfileError(
            "a dev container cannot have these values as they are", problems=tuple(dict.fromkeys(problems))
        )


def _variables(found: set[str], resolved: Resolved) -> Iterator[Problem]:
    placed: set[str] = set()
    for node in _scalars(resolved.root):
        for one in sorted(found.intersection(_VARIABLE.findall(node.text))):
            placed.add(one)
            yield Problem(f"dev containers replace {show(one)} by a value of their own", place_of(node), _WAY_OUT)
    for one in sorted(found - placed):
        yield Problem(f"dev containers replace {show(one)}, which a path of this machine has in it", None, _WAY_OUT)


def _metadata(labels: list[str], resolved: Resolved) -> Iterator[Problem]:
    message = f"the label {_METADATA} would add to devcontainer.json what nobody sees in it"
    hint = "take it out: robenv writes what the profile says into devcontainer.json itself"
    run = find(resolved.root, ("run", "labels", _METADATA))
    image = find(resolved.root, ("image", "labels", _METADATA))
    if _METADATA in labels or run is not None:
        places: list[Location | None] = [place_of(one) for one in (image, run) if one is not None]
        yield from (Problem(message, place, hint) for place in places or [None])


def _scalars(node: Node, skipped: tuple[str, ...] = _ELSEWHERE) -> Iterator[Scalar]:
    """Keys and values of what may be said of a container."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _scalars(item, ())
    else:
        for key, (name, value) in node.entries.items():
            if key not in skipped:
                yield name
                yield from _scalars(value, ())


def require_one_field(borrowed: ExportedSecrets, resolved: Resolved) -> None:
    """Raises ProfileError where a secret's file would be more than one field of `--secret`, which is read as CSV."""
    bad = [name for name, one in borrowed.secrets.items() if re.search('[,"\r\n]', one.file)]
    if bad:
        problems = (
            Problem(
                f"{show(borrowed.secrets[name].file)} cannot stand in `--secret`", resolved.locate(("secrets", name))
            )
            for name in bad
        )
        raise ProfileError("the path of a secret has a comma, a quote or a line break", problems=tuple(problems))
