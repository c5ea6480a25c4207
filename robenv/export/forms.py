"""The forms of `robenv export`: for each, the files that it comes to. Pure but for the files that an image names."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from robenv.catalog.platforms import parse_platform
from robenv.errors import UsageError
from robenv.export.borrowed import ExportedSecrets, exported_secrets
from robenv.export.compose import compose_file, display_file, gpu_file, inline_options
from robenv.export.devcontainer import devcontainer, not_in_devcontainer, workspace_source
from robenv.export.image import entrypoint_of, image_files
from robenv.export.kubernetes import as_label, kubernetes_objects, not_in_kubernetes
from robenv.export.plain import require_one_field, require_plain
from robenv.export.portable import UID, PortablePlan, plan_portable
from robenv.export.words import (
    OWN,
    Wording,
    document_strings,
    escape_document,
    local_bind_mounts,
    relative_path,
    with_profile_names,
)
from robenv.plan.image.build import snapshot_of
from robenv.plan.models import RUN
from robenv.profile.yaml.dump import dump_yaml
from robenv.render.entries import FILE, FOLDER, ContextEntry
from robenv.util.sanitize import safe

if TYPE_CHECKING:
    from robenv.plan.models import BuildPlan
    from robenv.profile.resolve.resolved import Resolved

MADE_BY = "Made by robenv"
"""In the first line of the main file of each form: robenv may write over it."""
IMAGE = "image"
"""The folder with the Dockerfile and its context, beside a form's own file."""


@dataclass(frozen=True)
class ExportSource:
    """What is exported. ``folder``: where it will be written, absolute; ``home``: of the user who does it. ``image``:
    one to take instead of the profile's; "" for none. ``registry_name``: the profile's own image in the team's
    registry; "" for none. ``platform``: the one that was asked for; "" for any that the image is the same on."""

    resolved: Resolved
    build: BuildPlan
    content_hash: str
    folder: str
    home: str = ""
    image: str = ""
    registry_name: str = ""
    platform: str = ""

    @property
    def root(self) -> str:
        return self.build.directory


@dataclass(frozen=True)
class ExportedForm:
    """``entries``: all files and folders, by their path in the form's folder; the main one is ``main``. ``tree``: the
    folder among them that is replaced whole, "." for all of it. ``next``: how it is used."""

    main: str
    tree: str
    entries: tuple[ContextEntry, ...]
    notes: tuple[str, ...]
    next: str


def export_dockerfile(source: ExportSource) -> ExportedForm:
    portable = _portable(source, source.build.purpose == RUN)
    words = _words(source, lambda name: f'"${name}"', shlex.quote, shlex.quote)
    found, notes = _image(source, portable, words)
    options = "".join(f" {safe(one)}" for one in (*_network(source), *_borrowed(source).options(words)))
    options = options.replace("{", "{{").replace("}", "}}")  # of a path: what is between them is no field
    return ExportedForm("Dockerfile", ".", found, notes + _baked(words), f"docker build -t NAME{options} {{folder}}")


def export_compose(source: ExportSource) -> ExportedForm:
    portable = _portable(source, source.build.purpose == RUN)
    words = _words(
        source,
        lambda name: f"{OWN}{{{name}}}",
        str,
        lambda below: relative_path(source.root, source.folder, below),
    )
    found, notes = _image(source, portable, words)
    user = source.resolved.profile.user
    numbers = {"USER_UID": user.uid, "USER_GID": user.gid}
    arguments = {name: f"{OWN}{{{name}:-{UID}}}" for name, number in numbers.items() if number == "host"}
    borrowed, secrets = _borrowed(source).in_compose(words)
    network = {"network": _network_of(source)} if _network_of(source) else {}
    build = {"context": f"./{IMAGE}", **({"args": arguments} if arguments else {}), **network, **borrowed}
    image: dict[str, Any] = {"build": build, **({"platform": source.platform} if source.platform else {})}
    image |= {"env_file": files} if (files := _env_files(source, words)) else {}
    document = {**compose_file(portable, image, words), **secrets}
    notes += (*(f"security_opt: {name}: a whole document has no place" for name in inline_options(portable.plan)),)
    more, about_more = _second_files(source, portable)
    notes += about_more
    entries = {
        "compose.yaml": dump_yaml(
            escape_document(document, _doubled), comment=_head("compose", notes + _words_notes(portable, words))
        ),
        **{name: dump_yaml(escape_document(one, _doubled), comment=_head("compose", ())) for name, one in more.items()},
    }
    how = "docker compose -f {folder}/compose.yaml up --build -d"
    return _form(portable, words, "compose.yaml", entries, found, notes, how)


def _env_files(source: ExportSource, words: Wording) -> list[dict[str, Any]]:
    """As they are, files of their own: they may hold secrets, and be in no git."""
    return [
        {"path": words.path(one.path), "required": one.required, **({"format": one.format} if one.format else {})}
        for one in source.resolved.profile.run.env_file
    ]


def _second_files(source: ExportSource, portable: PortablePlan) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What only some machines have, for those; and notes on it."""
    more: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    session = portable.session
    if portable.gpu_mode == "auto":
        more["compose.gpu.yaml"] = gpu_file(portable)
        notes += ("gpu: auto: where there is one, add `-f compose.gpu.yaml` behind the other file",)
    if source.resolved.profile.display in ("auto", "required", "x11") and "display" in session:
        more["compose.display.yaml"] = display_file(portable.plan)
        notes += ("display: for windows by X11, add `-f compose.display.yaml` behind the other file",)
        session = tuple(key for key in session if key != "display")
    return more, notes + _session_note(session)


def export_devcontainer(source: ExportSource) -> ExportedForm:
    portable = _portable(source, False)
    words = _words(source, lambda name: f"{OWN}{{localEnv:{name}}}", str, workspace_source)
    found, notes = _image(source, portable, words)
    platform = [f"--platform={source.platform}"] if source.platform else []
    options = [*platform, *_network(source), *_borrowed(source).options(words)]
    build = {"dockerfile": f"{IMAGE}/Dockerfile", "context": IMAGE, **({"options": options} if options else {})}
    image = {"build": build}
    document = devcontainer(portable, image, source.resolved.profile.workspace.target, words)
    if files := source.resolved.profile.run.env_file:
        named = [f"--env-file={words.path(file.path)}" for file in files if file.required]
        document["runArgs"] = [*document.get("runArgs", ()), *named]
        notes += (_AS_DOCKER_READS,)
    notes += (*_session_note(portable.session), *not_in_devcontainer(portable))
    require_plain(document, source.resolved, source.build)
    document = escape_document(document, str)
    head = "".join(f"// {line}\n" for line in _head("devcontainer", notes + _words_notes(portable, words)))
    text = f"{head}{json.dumps(document, indent=2, ensure_ascii=False)}\n"
    how = "devcontainer up --workspace-folder ., or VS Code's `Reopen in Container`"
    return _form(portable, words, "devcontainer.json", {"devcontainer.json": text}, found, notes, how)


_AS_DOCKER_READS = "env_file: docker reads NAME=value as it stands, quotes and all; optional files are left out"


def export_kubernetes(source: ExportSource) -> ExportedForm:
    name = source.image or source.registry_name
    if not name:
        hint = "name the image: --image REGISTRY/NAME:TAG; or give the profile a `registry`, and `robenv push`"
        raise UsageError("a cluster takes images from a registry, and none is named", hint=hint)
    portable = _portable(source, True)
    profile = source.resolved.profile
    if not portable.plan.command and not source.build.stages[-1].settings.command:
        hint = "such as `deploy: {command: roslaunch picker robot.launch}`"
        raise UsageError("nothing says what a pod is to run", hint=hint)
    words = _words(source, lambda name: "", _doubled, lambda below: f"/var/lib/{profile.name}/{below}")
    words = replace(words, home="")
    arch = parse_platform(source.platform).architecture if source.platform else ""
    documents = kubernetes_objects(portable, name, arch, words)
    notes = (*portable.notes, *not_in_kubernetes(portable))
    if passing := sorted({*words.passing(portable.plan), *portable.kept}):
        secret = as_label(profile.name)
        notes += (f"{', '.join(passing)}: of the secret {secret}, which `kubectl create secret generic` makes",)
    below = [
        relative_path(source.root, source.root, posixpath.relpath(mount.source, source.root))
        for mount in portable.plan.mounts
        if mount.kind == "bind" and words.is_inside(mount.source)
    ]
    notes += (*(f"volumes: {one}: of the project's folder, which no node has" for one in below),)
    text = dump_yaml(*documents, comment=_head("kubernetes", notes + _words_notes(portable, words)))
    how = "kubectl apply -f {folder}/" + f"{profile.name}.yaml"
    return _form(portable, words, f"{profile.name}.yaml", {f"{profile.name}.yaml": text}, (), notes, how)


FORMS: dict[str, tuple[str, Callable[[ExportSource], ExportedForm]]] = {
    "compose": ("compose", export_compose),
    "devcontainer": (".devcontainer", export_devcontainer),
    "dockerfile": ("docker", export_dockerfile),
    "kubernetes": ("kubernetes", export_kubernetes),
}
"""By name: the folder in the project where it goes where nobody says another, and what makes it."""


def _portable(source: ExportSource, serves: bool) -> PortablePlan:
    entrypoint = entrypoint_of(source.build.stages[-1].settings)
    found = plan_portable(source.resolved, source.build.platform, source.content_hash, entrypoint, serves)
    if OWN in "".join(document_strings([found.plan.to_json(), source.root, source.folder, source.home])):
        raise UsageError("the project's folder, or a variable that it takes, has the character U+FFFF in it")
    return replace(found, plan=with_profile_names(found.plan))


def _image(
    source: ExportSource, portable: PortablePlan, words: Wording
) -> tuple[tuple[ContextEntry, ...], tuple[str, ...]]:
    """The image's files, and all notes so far."""
    moment = snapshot_of(source.resolved)
    image, notes = image_files(source.build, portable.plan, moment, portable.plan.working_dir, source.image)
    words.note(image.dockerfile)
    return image.entries, (*portable.notes, *notes)


def _borrowed(source: ExportSource) -> ExportedSecrets:
    """Nothing where the image is there already."""
    if source.image:
        return ExportedSecrets({}, False)
    borrowed = exported_secrets(source.build, source.resolved.profile.secrets)
    require_one_field(borrowed, source.resolved)
    return borrowed


def _network_of(source: ExportSource) -> str:
    """In which steps run, where that is not the builder's own; "" also where nothing is built."""
    network = source.resolved.profile.build.network
    return "" if source.image or network == "default" else network


def _network(source: ExportSource) -> list[str]:
    """Of `docker build`."""
    return [f"--network={_network_of(source)}"] if _network_of(source) else []


def _session_note(keys: Iterable[str]) -> tuple[str, ...]:
    named = ", ".join(keys)
    return (f"{named}: a login session is handed in by robenv, command by command",) if named else ()


def _words(
    source: ExportSource, value: Callable[[str], str], escape: Callable[[str], str], inside: Callable[[str], str]
) -> Wording:
    known = source.resolved.inputs.variables
    variables = tuple((name, text) for name, text in known if text and name != "HOME")
    return Wording(source.root, source.folder, source.home, variables, value, escape, inside)


def _words_notes(portable: PortablePlan, words: Wording) -> tuple[str, ...]:
    notes = [
        f"volumes: {mount} is a path of the machine that this was exported on"
        for mount in local_bind_mounts(portable.plan, words)
    ]
    return (*notes, *_baked(words))


def _baked(words: Wording) -> tuple[str, ...]:
    names = ", ".join(words.baked)
    return (f"it holds what {names} of the environment said when it was exported",) if names else ()


def _doubled(text: str) -> str:
    """As Compose, and a pod's command and environment, read a dollar sign that begins no variable: with another one
    before it, and whatever stands behind it."""
    return text.replace("$", "$$")


def _head(form: str, notes: Iterable[str]) -> Iterator[str]:
    yield f"{MADE_BY}, by `robenv export {form}`. Change robenv.yaml, and export again."
    listed = list(notes)
    if listed:
        yield "Not as with robenv:"
    yield from (f"- {''.join(one if one.isprintable() else '?' for one in note)}" for note in listed)


def _form(
    portable: PortablePlan,
    words: Wording,
    main: str,
    texts: dict[str, str],
    image: tuple[ContextEntry, ...],
    notes: tuple[str, ...],
    how: str,
) -> ExportedForm:
    own = [ContextEntry(name, FILE, 0o644, text.encode()) for name, text in texts.items()]
    below: list[ContextEntry] = []
    if image:
        below = [ContextEntry(IMAGE, FOLDER, 0o755), *(replace(one, name=f"{IMAGE}/{one.name}") for one in image)]
    return ExportedForm(main, IMAGE if image else "", (*own, *below), notes + _words_notes(portable, words), how)


def as_document(form: ExportedForm) -> dict[str, Any]:
    """For --json."""
    files = [entry.name for entry in form.entries if entry.kind != FOLDER]
    return {"main": form.main, "files": files, "notes": list(form.notes)}
