"""A Compose file: the service that a developer works in, in settings; the other services as notes."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from robenv.catalog.ros import DISTROS
from robenv.profile.yaml.foreign import load_foreign
from robenv.project.init.findings import InitFinding, Setting, built_in, not_converted, note, shorten
from robenv.project.init.readers import shell

_DEVELOPMENT = re.compile(r".*(?:dev|ros|workspace|devcontainer)[\w-]*")
_DISTRO = re.compile(rf"(?:^|[^a-z])(?:{'|'.join(distro.name for distro in DISTROS)})(?![a-z])")
_PAIRS = ("environment", "labels", "sysctls", "extra_hosts", "storage_opt")
_BUILD_WAYS = {
    "network": "build.network",
    "ssh": "ssh: true of a step",
    "secrets": "secrets, and those of a step",
    "labels": "image.labels",
    "platforms": "platforms",
    "cache_from": "the engine keeps its own cache",
    "cacheFrom": "the engine keeps its own cache",
    "options": "build has network; proxies are passed by themselves",
}
_SHORT = frozenset(("type", "source", "target", "read_only"))
"""Of a volume in Compose's long form what its short form can say."""
_KEPT = ("image", "build", "deploy", "extends", "ulimits")


@dataclass
class Build:
    """Where an image is built from. Paths are relative to the project."""

    dockerfile: str = ""
    target: str = ""
    args: dict[str, str] = field(default_factory=dict)


@dataclass
class Service:
    name: str
    file: str
    line: int
    image: str = ""
    build: Build | None = None
    settings: list[Setting] = field(default_factory=list)
    findings: list[InitFinding] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def services_of(text: str, file: str) -> list[Service] | None:
    """The services of a file; None where it is no Compose file."""
    root = load_foreign(text)
    listed = root.get("services") if isinstance(root, dict) else None
    if not isinstance(listed, dict):
        return None
    return [_service(name, body if isinstance(body, dict) else {}, file) for name, body in listed.items()]


def top_level_notes(text: str, file: str) -> Iterator[InitFinding]:
    """What a file has beside its services, in a form of its own."""
    root = load_foreign(text)
    for name, value in root.items() if isinstance(root, dict) else ():
        if name not in ("services", "version", "name") and not name.startswith("x-"):
            shown = ", ".join(value) if isinstance(value, dict) else str(value)
            yield note(f"not converted: {name}: {shown}", f"{file}:{_line(name)}")


def choose_service(services: list[Service], named: str = "") -> Service | None:
    """The one that is named, the only one, or the only one that is for development; None where it could be several."""
    if named:
        return next((service for service in services if service.name == named), None)
    if len(services) == 1:
        return services[0]
    built = [service for service in services if service.build]
    of_ros = [service for service in services if _DISTRO.search(service.image)]
    for some in ([one for one in built if _DEVELOPMENT.fullmatch(one.name)], built, of_ros):
        if len(some) == 1:
            return some[0]
        if some and some is not of_ros and len({_dockerfile(one) for one in some}) == 1:
            return some[0]
    return None


def _dockerfile(service: Service) -> tuple[str, str]:
    return (service.build.dockerfile, service.build.target) if service.build else ("", "")


def note_of(service: Service, chosen: str) -> InitFinding:
    """A service that is not taken, with what it has."""
    what = service.image or (service.build.dockerfile if service.build else "")
    said = [
        *(f"{setting.key} {shorten(setting.value)}" for setting in service.settings),
        *(finding.value for finding in service.findings),
    ]
    rest = "; ".join(said)
    text = f"service {service.name} is not converted: {what}" + (f" ({rest})" if rest else "")
    return note(text + (f"; robenv runs one container, from {chosen}" if chosen else ""), service.place)


def distro_in(service: Service) -> str:
    match = _DISTRO.search(service.image)
    return re.sub("[^a-z]", "", match[0]) if match else ""


def _service(name: str, body: dict[str, Any], file: str) -> Service:
    made = Service(str(name), file, _line(name))
    image = body.get("image")
    made.image = resolve(str(image)) if isinstance(image, str) else ""
    if "build" in body:
        made.build = _build(body["build"], posixpath.dirname(file))
        made.findings += _rest_of_build(body["build"], made)
        if made.image:
            made.findings.append(built_in(f"image: {made.image} (the name of what is built)", made.place))
    if isinstance(body.get("extends"), (dict, str)):
        made.findings.append(note(f"not converted: extends: {json.dumps(body['extends'])}", made.place))
    for key, value in body.items():
        if key not in _KEPT:
            made.settings += _settings(key, value, file)
        elif key == "ulimits" and isinstance(value, dict):
            made.settings += [Setting(key, f"{limit}={_scalar(one)}", f"{file}:{_line(limit)}")
                              for limit, one in value.items()]  # fmt: skip
        elif key == "deploy":
            made.settings += _deploy(value, file, _line(key))
    return made


def _build(value: Any, folder: str) -> Build:
    if isinstance(value, str):
        return Build(_join(folder, value, "Dockerfile"))
    said = value if isinstance(value, dict) else {}
    context, dockerfile = str(said.get("context", ".")), str(said.get("dockerfile", "Dockerfile"))
    return Build(_join(folder, context, resolve(dockerfile)), str(said.get("target", "")), args_of(said.get("args")))


def _rest_of_build(value: Any, made: Service) -> Iterator[InitFinding]:
    for key, said in value.items() if isinstance(value, dict) else ():
        place = f"{made.file}:{_line(key)}"
        if key == "args":
            yield from (built_in(f"build.args {name}={one} (as the Dockerfile uses it)", place)
                        for name, one in args_of(said).items())  # fmt: skip
        else:
            yield of_build(key, said, place)


def of_build(key: str, said: Any, place: str) -> InitFinding:
    """Of a build what is not an argument: what names the Dockerfile is used up by that."""
    if key in ("context", "dockerfile", "dockerFile", "target"):
        return built_in(f"build.{key}: {said} (which Dockerfile is read)", place)
    return not_converted(f"build.{key}: {json.dumps(said)}", place, _BUILD_WAYS.get(key, ""))


def args_of(value: Any) -> dict[str, str]:
    """Build arguments, written as a mapping or as a list of NAME=value; those without a value are left out."""
    pairs = value.items() if isinstance(value, dict) else (
        one.partition("=")[::2] for one in value if isinstance(one, str) and "=" in one
    ) if isinstance(value, list) else ()  # fmt: skip
    return {str(name): resolve(str(one)) for name, one in pairs if isinstance(one, str)}


def _join(*parts: str) -> str:
    return posixpath.normpath(posixpath.join(*parts))


def _settings(key: str, value: Any, file: str) -> Iterator[Setting]:
    """A list gives one for each entry, a mapping of names one for each name."""
    if isinstance(value, list):
        for one in value:
            place = f"{file}:{_line(one, key)}"
            yield Setting(key, _entry(key, one), place)
            if (
                key == "volumes"
                and isinstance(one, dict)
                and (rest := {k: v for k, v in one.items() if k not in _SHORT})
            ):
                yield Setting(f"volumes, {one.get('target', '')}", json.dumps(rest), place)
    elif isinstance(value, dict) and key in _PAIRS:
        for name, one in value.items():
            yield Setting(key, f"{name}={one}" if str(one) else str(name), f"{file}:{_line(name)}")
    elif isinstance(value, dict):
        yield Setting(key, json.dumps(value), f"{file}:{_line(key)}")
    else:
        yield Setting(key, " ".join(str(value).split()), f"{file}:{_line(key)}")


def _entry(key: str, value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if key == "volumes" and value.get("target"):
        mode = ":ro" if value.get("read_only") == "true" else ""
        return f"{value.get('source', '')}:{value['target']}{mode}".lstrip(":")
    return json.dumps(value)


def _deploy(value: Any, file: str, line: int) -> Iterator[Setting]:
    """A GPU that is reserved; what else Swarm is told is a note."""
    text = json.dumps(value)
    if re.search(r'"driver": "nvidia"|"capabilities": \[[^\]]*"gpu"', text):
        yield Setting("gpus", "reserved by deploy", f"{file}:{line}")
    else:
        yield Setting("deploy", text, f"{file}:{line}")


def _scalar(value: Any) -> str:
    """A limit, or its JSON where it has a soft and a hard one."""
    if not isinstance(value, dict):
        return str(value)
    return json.dumps({name: int(one) for name, one in value.items() if str(one).lstrip("-").isdigit()})


def _line(value: Any, otherwise: Any = "") -> int:
    """Of a scalar, or of the first one inside."""
    while isinstance(value, dict) and value:
        value = next(iter(value))
    return getattr(value, "line", getattr(otherwise, "line", 1))


def resolve(text: str) -> str:
    """Variables with their defaults; those without stay as they are."""
    return shell.expand(str(text), lambda name: None)
