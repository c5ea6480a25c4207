"""devcontainer.json, by the Development Container Specification (containers.dev/implementors/json_reference)."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from robenv.project.init.findings import InitFinding, Setting, built_in, not_converted, note
from robenv.project.init.readers.compose import Build, args_of, of_build
from robenv.project.init.readers.options import docker_options, mount_of

_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*[}\]])', re.DOTALL)
_LOCAL = re.compile(r"\$\{(?:localEnv|env):(\w+)(?::([^}]*))?\}")
_HOOKS = {
    "initializeCommand": "runs on this machine: by hand, before `robenv up`",
    "onCreateCommand": "steps, or by hand inside",
    "updateContentCommand": "steps, or by hand inside",
    "postCreateCommand": "steps, or by hand inside",
    "postStartCommand": "run.command, or by hand inside",
    "postAttachCommand": "by hand inside",
}
_BUILT_IN = {
    "name": "", "remoteUser": "robenv runs as your own user", "containerUser": "robenv runs as your own user",
    "updateRemoteUserUID": "robenv runs as your own user", "overrideCommand": "", "shutdownAction": "",
    "userEnvProbe": "", "waitFor": "", "$schema": "", "portsAttributes": "", "otherPortsAttributes": "",
}  # fmt: skip
_EDITOR = ("customizations", "extensions", "settings")
_TAKEN = (
    "image",
    "dockerComposeFile",
    "service",
    "build",
    "dockerFile",
    "context",
    "workspaceFolder",
    "workspaceMount",
)
_OF_BUILD = ("dockerFile", "context")
"""Keys of a build that older files have at the top."""


@dataclass
class Devcontainer:
    image: str = ""
    build: Build | None = None
    compose: tuple[str, ...] = ()
    """Compose files, relative to the project."""
    service: str = ""
    settings: list[Setting] = field(default_factory=list)
    findings: list[InitFinding] = field(default_factory=list)


def read_devcontainer(text: str, file: str) -> Devcontainer:
    made = Devcontainer()
    try:
        said = json.loads(_COMMENTS.sub(lambda match: match[1] or "", text))
    except (ValueError, RecursionError):
        made.findings.append(note("not converted: it is not JSON that can be read", file))
        return made
    if isinstance(said, dict):
        _DevcontainerReader(made, said, text, file).read()
    return made


class _DevcontainerReader:
    def __init__(self, made: Devcontainer, said: dict[str, Any], text: str, file: str) -> None:
        self._made, self._said, self._text, self._file = made, said, text, file
        self._folder = posixpath.dirname(file)
        self._inside = self._variables(str(said.get("workspaceFolder", "")), "")

    def read(self) -> None:
        said, made = self._said, self._made
        if isinstance(said.get("image"), str):
            made.image = said["image"]
        made.service = str(said.get("service", ""))
        made.compose = tuple(self._path(one) for one in _list(said.get("dockerComposeFile")) if isinstance(one, str))
        self._build()
        self._workspace()
        for key, value in said.items():
            if key not in _TAKEN:
                self._key(key, value)

    def _build(self) -> None:
        build = self._said.get("build")
        build = build if isinstance(build, dict) else {}
        named = build.get("dockerfile") or build.get("dockerFile") or self._said.get("dockerFile")
        if isinstance(named, str):
            args = {name: self._variables(value) for name, value in args_of(build.get("args")).items()}
            self._made.build = Build(self._path(named), str(build.get("target", "")), args)
        for key, value in (*build.items(), *((key, self._said[key]) for key in _OF_BUILD if key in self._said)):
            if key == "args":
                said = [f"build.args {name}={one} (as the Dockerfile uses it)" for name, one in args_of(value).items()]
                self._made.findings += (built_in(one, self._at(key)) for one in said)
            else:
                self._made.findings.append(of_build(key, value, self._at(key)))

    def _workspace(self) -> None:
        """Where the workspace is inside: what the mount says, else the folder that is opened."""
        mount = self._said.get("workspaceMount")
        target = mount_of(self._variables(mount)).partition(":")[2] if isinstance(mount, str) else ""
        inside = target if target.startswith("/") else self._inside
        key = "workspaceMount" if target and "workspaceFolder" not in self._said else "workspaceFolder"
        if inside.startswith("/") and not self._made.compose:
            self._made.findings.append(InitFinding("workspace.target", posixpath.normpath(inside), self._at(key)))
        elif inside and "$" in inside:
            self._made.findings.append(not_converted(f"{key}: {inside}", self._at(key), "workspace.target"))
        if self._inside and inside != self._inside:
            at = self._at("workspaceFolder")
            self._made.findings.append(
                not_converted(f"workspaceFolder: {self._inside}", at, "a shell starts where the workspace is mounted")
            )
        elif self._made.compose and self._inside:
            self._made.findings.append(
                built_in(f"workspaceFolder: {self._inside} (the workspace is mounted)", self._at("workspaceFolder"))
            )

    def _key(self, key: str, value: Any) -> None:
        place, findings = self._at(key), self._made.findings
        if key in _SETTINGS:
            self._made.settings += _SETTINGS[key](self, value, place)
        elif key == "runArgs":
            found = docker_options([self._variables(str(one)) for one in _list(value)], place)
            self._made.settings += found.settings
            findings += found.findings
        elif key in _HOOKS:
            findings.append(not_converted(f"{key}: {json.dumps(value)}", place, _HOOKS[key]))
        elif key == "features":
            way = "apt.packages, a mixin or steps"
            for name, options in _mapping(value).items():
                shown = f" {json.dumps(options)}" if options else ""
                findings.append(not_converted(f"feature {name}{shown}", place, way))
        elif key == "hostRequirements":
            findings += _requirements(_mapping(value), place)
        elif key in _BUILT_IN:
            why = f" ({_BUILT_IN[key]})" if _BUILT_IN[key] else ""
            findings.append(built_in(f"{key}: {json.dumps(value)}{why}", place))
        else:
            way = "your editor's own; robenv export devcontainer" if key in _EDITOR else ""
            findings.append(not_converted(key if key in _EDITOR else f"{key}: {json.dumps(value)}", place, way))

    def _environment(self, value: Any, place: str) -> list[Setting]:
        pairs = _mapping(value).items()
        return [Setting("environment", f"{name}={self._variables(str(one))}", place) for name, one in pairs]

    def _mounts(self, value: Any, place: str) -> list[Setting]:
        return [Setting("volumes", self._variables(_mount(one)), place) for one in _list(value)]

    def _variables(self, text: str, inside: str | None = None) -> str:
        """The specification's variables in a profile's words."""
        text = _LOCAL.sub(lambda found: f"${{{found[1]}:-{found[2]}}}" if found[2] else f"${{{found[1]}}}", text)
        text = text.replace("${localWorkspaceFolder}", ".").replace("-${devcontainerId}", "")
        folder = self._inside if inside is None else inside
        return text.replace("${containerWorkspaceFolder}", folder or "/workspace").replace("${devcontainerId}", "home")

    def _path(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, path))

    def _at(self, key: str) -> str:
        match = re.search(rf'"{re.escape(key)}"\s*:', self._text)
        return f"{self._file}:{self._text.count(chr(10), 0, match.start()) + 1}" if match else self._file


def _port(value: Any) -> str:
    """A port that is forwarded is one of this machine alone."""
    return f"127.0.0.1:{value}:{value}" if isinstance(value, int) else str(value)


def _mount(value: Any) -> str:
    return mount_of(",".join(f"{name}={one}" for name, one in value.items()) if isinstance(value, dict) else str(value))


def _requirements(said: dict[str, Any], place: str) -> Iterator[InitFinding]:
    for key, value in said.items():
        if key == "gpu" and value:
            yield InitFinding("gpu", "auto", f"{place}: gpu")
        else:
            yield not_converted(f"hostRequirements.{key}: {json.dumps(value)}", place)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, (str, int)) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(key: str) -> Callable[[_DevcontainerReader, Any, str], list[Setting]]:
    return lambda reader, value, place: [
        Setting(key, _port(one) if key == "ports" else str(one), place) for one in _list(value)
    ]


def _switch(key: str) -> Callable[[_DevcontainerReader, Any, str], list[Setting]]:
    return lambda reader, value, place: [Setting(key, json.dumps(value), place)]


_SETTINGS: dict[str, Callable[[_DevcontainerReader, Any, str], list[Setting]]] = {
    "containerEnv": _DevcontainerReader._environment,
    "remoteEnv": _DevcontainerReader._environment,
    "mounts": _DevcontainerReader._mounts,
    "capAdd": _listed("cap_add"),
    "securityOpt": _listed("security_opt"),
    "forwardPorts": _listed("ports"),
    "appPort": _listed("ports"),
    "privileged": _switch("privileged"),
    "init": _switch("init"),
}
"""The keys that a Compose service has too, in its words."""
