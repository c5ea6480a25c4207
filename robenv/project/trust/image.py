"""What an image takes of the machine that builds it: files from outside, variables, what steps borrow. Pure but for
following links."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator

from robenv.plan.trust import HostAccess, file_access, secret_access
from robenv.plan.trust.devices import gpu_variable, is_gpu_variable
from robenv.plan.trust.settings import is_plain_label
from robenv.profile.chain.reader import ChainDocument
from robenv.profile.resolve.resolved import Level
from robenv.profile.schema.trust import unjudged_keys
from robenv.profile.yaml.nodes import Mapping, Scalar, Sequence, find
from robenv.project.planned import PlannedProject
from robenv.util.sanitize import safe

_PLAIN_VARIABLES = frozenset(("HOME", "USER", "LOGNAME", "UID", "GID", "PWD", "SHELL", "TERM", "LANG", "DISPLAY"))
"""Names and folders that a container shows anyway."""
_HOST_NETWORK = "the key build.network: host"
"""As ``unjudged_keys`` says it."""


def image_powers(planned: PlannedProject, documents: set[ChainDocument], own: bool = False) -> tuple[HostAccess, ...]:
    """What these files of the chain put into the image, or into the container's environment, of what is not theirs.

    ``own``: they are the user's own, whose steps and labels are no news; told is what they read from outside the
    project or of the environment, and what reads which secret.
    """
    resolved = planned.resolved
    levels = [(one, level) for one, level in zip(resolved.documents, resolved.levels, strict=True) if one in documents]
    copied = [path for one, level in levels for path in (*_copied(level), *_env_files(one))]
    found = list(
        file_access(map(os.path.realpath, (*copied, *_sources(planned))), map(os.path.realpath, _own_folders(planned)))
    )
    for document, _ in levels:
        found += (HostAccess("setting", safe(text)) for text in _variables(document.variables))
    if own or any(document.source.origin != "git" for document in documents):
        found += (HostAccess("setting", safe(text)) for text in _variables(_seen_elsewhere(planned)))
    for document, level in levels:
        found += (HostAccess("setting", safe(text)) for text in _settings(document, level))
    told = any(one.text == _HOST_NETWORK for one in found)
    found += (HostAccess("secret", safe(text)) for text in _lent(planned)) if own else _borrowed(planned, told)
    return tuple(dict.fromkeys(found))


def _seen_elsewhere(planned: PlannedProject) -> tuple[str, ...]:
    """Variables of the environment that .env and env_file look at, and no file of the chain itself."""
    resolved = planned.resolved
    known = {name for document in resolved.documents for name in document.variables}
    return tuple(name for name, value in resolved.inputs.variables if value is not None and name not in known)


def host_paths(planned: PlannedProject) -> tuple[str, ...]:
    """Files and folders of the host that the image or the container's environment is made from, as they are named."""
    documents = zip(planned.resolved.documents, planned.resolved.levels, strict=True)
    named = (path for one, level in documents for path in (*_copied(level), *_env_files(one)))
    return tuple(dict.fromkeys((*named, *_sources(planned))))


def _sources(planned: PlannedProject) -> Iterator[str]:
    """What the run image is built from of the workspace."""
    groups = (group for stage in planned.build.stages for group in stage.groups)
    yield from (file.host_path for group in groups for file in group.files if file.tree and file.host_path)


def _own_folders(planned: PlannedProject) -> tuple[str, ...]:
    git = (str(document.source.root) for document in planned.resolved.documents if document.source.origin == "git")
    return (str(planned.files.root), *git)


def _copied(level: Level) -> Iterator[str]:
    for part in level.parts:
        yield from (placed.value.source for placed in part.files if not placed.value.stage)
        yield from (placed.value.key for placed in part.repositories if placed.value.key.startswith("/"))
        for install in part.pip_installs:
            yield from filter(None, (install.value.requirements, install.value.constraints))


def _env_files(document: ChainDocument) -> Iterator[str]:
    files = find(document.root, ("run", "env_file"))
    for item in files.items if isinstance(files, Sequence) else ():
        path = item.get("path") if isinstance(item, Mapping) else None
        if isinstance(path, Scalar):
            yield path.text


_RECIPE = (
    "base", "apt", "pip", "environment", "files", "steps", "image", "setup", "stages", "run_image", "ros", "workspace",
    "secrets", "mirrors", "build",
)  # fmt: skip
"""What a profile says of its images."""


def _lent(planned: PlannedProject) -> Iterator[str]:
    """What builds get of the user, and in which recipe: whatever else it says runs where that is read."""
    names, agent = _names_lent(planned)
    if not names and not agent:
        return
    whole = planned.resolved.profile.model_dump(mode="json", include=set(_RECIPE))
    recipe = hashlib.sha256(json.dumps(whole, default=str, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
    yield from (f"the build reads {_secret(planned, name)} (recipe {recipe})" for name in names)
    if agent:
        yield f"the build may use the keys in your ssh agent (recipe {recipe})"


def _secret(planned: PlannedProject, name: str) -> str:
    """With where it comes from, links followed."""
    secret = planned.resolved.profile.secrets.get(name)
    source = "nowhere" if secret is None else os.path.realpath(secret.file) if secret.file else f"${secret.environment}"
    return f"the secret {name} ({source})"


def _names_lent(planned: PlannedProject) -> tuple[tuple[str, ...], bool]:
    profile = planned.resolved.profile
    parts = (part for level in planned.resolved.levels for part in level.parts)
    steps = [placed.value for part in parts for placed in part.steps]
    wanted = (*(step.secrets for step in steps), profile.run_image.secrets)
    logins = (name for _, name in profile.logins())
    names = dict.fromkeys((*(one.source for each in wanted for one in each), *logins))
    return tuple(names), profile.run_image.ssh or any(step.ssh for step in steps)


def _borrowed(planned: PlannedProject, told: bool) -> tuple[HostAccess, ...]:
    """What steps borrow, whoever has written them: what other files have put into the image runs in them. ``told``:
    that the files ask for the host's network themselves."""
    names, agent = _names_lent(planned)
    network = planned.build_network == "host" and not told
    return secret_access((_secret(planned, name) for name in names), agent, network)


def _variables(names: Iterable[str]) -> Iterator[str]:
    told = sorted(set(names) - _PLAIN_VARIABLES)
    yield from (f"reads the variable {name} of your environment" for name in told)


def _settings(document: ChainDocument, level: Level) -> Iterator[str]:
    for part in level.parts:
        yield from _of_engine(part.environment)
    yield from (
        f"the image's label {name}={value}, by which other programs of the host may act"
        for name, value in _labels(document)
        if not is_plain_label(name)
    )
    yield from unjudged_keys(document.root)


def _of_engine(variables: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (gpu_variable(name, value) for name, value in variables if is_gpu_variable(name, value))


def _labels(document: ChainDocument) -> Iterator[tuple[str, str]]:
    for path in (("image",), ("run_image", "image")):
        labels = find(document.root, (*path, "labels"))
        for name, value in labels.values() if isinstance(labels, Mapping) else ():
            yield name, value.text if isinstance(value, Scalar) else ""
