"""A Dockerfile: its stages, the one that a developer works in, ARG and ENV resolved, and what that stage comes to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from robenv.catalog.ros import DISTROS, ENDED, image_of
from robenv.project.init.findings import InitFinding, Setting, built_in, not_converted
from robenv.project.init.meaning import interpret
from robenv.project.init.readers import shell
from robenv.project.init.readers.run_lines import findings_of_run

_HEREDOC = re.compile(r"<<-?[\"']?(\w+)[\"']?")
_DEVELOPMENT = re.compile(r"dev(?:el|er|elop\w*)?|.*[-_]dev(?:el)?|devcontainer|workspace")
_CONTINUED = re.compile(r"\\[ \t]*$")
_ANY_DISTRO = re.compile(rf"(?:^|[^a-z])({'|'.join((*(distro.name for distro in DISTROS), *ENDED))})(?![a-z])")
_SPEAKING = {
    "USER": "robenv runs as your own user",
    "WORKDIR": "the workspace is mounted",
    "SHELL": "",
}
_WAYS = {
    "COPY": "files",
    "ADD": "files",
    "CMD": "run.command; for robots: deploy.command",
    "ENTRYPOINT": "run.entrypoint",
    "HEALTHCHECK": "for robots: deploy.healthcheck",
    "LABEL": "image.labels",
    "EXPOSE": "run.ports",
    "VOLUME": "run.volumes",
}


@dataclass(frozen=True)
class DockerfileInstruction:
    keyword: str
    rest: str
    line: int


@dataclass
class DockerfileStage:
    base: str
    """As it is written, before variables are resolved."""
    name: str
    line: int
    instructions: list[DockerfileInstruction] = field(default_factory=list)


@dataclass(frozen=True)
class StageImage:
    """What a stage comes to."""

    reference: str
    """What its lowest stage is made from; "" where that cannot be told."""
    line: int
    findings: tuple[InitFinding, ...]
    stage: str = ""


def instructions(text: str) -> Iterator[DockerfileInstruction]:
    """With continued lines joined, by ``\\v``, comments left out and here-documents taken in."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        number = at + 1
        parts: list[str] = []
        while at < len(lines):
            line = lines[at]
            at += 1
            if line.lstrip().startswith("#"):
                if not parts:
                    break
                parts.append("")
                continue
            parts.append(_CONTINUED.sub("", line))
            if not _CONTINUED.search(line) and (line.strip() or len(parts) == 1):
                break
        keyword, _, rest = "\v".join(parts).strip().partition(" ")
        if marks := _HEREDOC.findall(rest) if keyword.upper() in ("RUN", "COPY", "ADD") else []:
            end = next((i for i in range(at, len(lines)) if lines[i].strip() == marks[-1]), at)
            body = "\n".join(lines[at:end])
            rest, at = (_HEREDOC.sub("", rest) + "\n" + body if keyword.upper() == "RUN" else rest), end + 1
        if re.fullmatch(r"[A-Za-z]+", keyword):
            yield DockerfileInstruction(keyword.upper(), rest.strip(), number)


def stages_of(text: str) -> tuple[list[DockerfileInstruction], list[DockerfileStage]]:
    """The ARGs before the first FROM, and the stages."""
    globals_: list[DockerfileInstruction] = []
    stages: list[DockerfileStage] = []
    for instruction in instructions(text):
        if instruction.keyword == "FROM":
            words = [word for word in instruction.rest.split() if not word.startswith("--")]
            name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
            stages.append(DockerfileStage(words[0] if words else "", name.lower(), instruction.line))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            globals_.append(instruction)
    return globals_, stages


class Dockerfile:
    def __init__(self, text: str, file: str, args: Mapping[str, str] | None = None) -> None:
        self.file = file
        self._before, self.stages = stages_of(text)
        self._args = dict(args or {})
        self._globals: dict[str, str] = {}
        for one in self._before:
            for name, default in _pairs(one.rest):
                value = self._args.get(name, default)
                if value is not None:
                    self._globals[name] = shell.expand(value, self._globals.get)

    def base_of(self, stage: DockerfileStage) -> str:
        return shell.expand(stage.base, {**self._globals}.get)

    def chain(self, stage: DockerfileStage) -> list[DockerfileStage]:
        """The stages that this one is made from, the lowest first, itself the last."""
        chain = [stage]
        while (below := self._named(self.base_of(chain[0]), self.stages.index(chain[0]))) is not None:
            chain.insert(0, below)
        return chain

    def _named(self, name: str, before: int) -> DockerfileStage | None:
        return next((stage for stage in self.stages[:before] if stage.name and stage.name == name.lower()), None)

    def choose(self, target: str = "") -> DockerfileStage | None:
        """The stage that is named; else one for development, else the last: but for a slim one, what it copies from."""
        if not self.stages:
            return None
        if target:
            numbered = self.stages[int(target)] if target.isdecimal() and int(target) < len(self.stages) else None
            if found := self._named(target, len(self.stages)) or numbered:
                return found
        if found := next((stage for stage in self.stages if stage.name and _DEVELOPMENT.fullmatch(stage.name)), None):
            return found
        return self._copied_from(self.stages[-1]) or self.stages[-1]

    def _copied_from(self, last: DockerfileStage) -> DockerfileStage | None:
        """Of a slim stage that runs what another has built, that other."""
        if self._variant(last) != "ros-core":
            return None
        copies = " ".join(instruction.rest for instruction in last.instructions if instruction.keyword == "COPY")
        for name in re.findall(r"--from=(\S+)", copies):
            below = self._named(name, len(self.stages))
            if below and self._variant(below) not in ("", "ros-core"):
                return below
        return None

    def _variant(self, stage: DockerfileStage) -> str:
        """Of ROS, in the image that a stage is made from in the end."""
        return image_of(self.base_of(self.chain(stage)[0]))[1]

    def image(self, target: str = "") -> StageImage:
        stage = self.choose(target)
        if stage is None:
            return StageImage("", 1, (not_converted("no FROM", f"{self.file}:1"),))
        chain = self.chain(stage)
        reference = self.base_of(chain[0])
        scope: dict[str, str] = {}
        distro = _distro_in(reference) or _distro_in(self._globals.get("ROS_DISTRO", ""))
        if distro:
            scope["ROS_DISTRO"] = distro
        found: list[InitFinding] = []
        for one in chain:
            for instruction in one.instructions:
                found += self._instruction(instruction, scope)
        found += (
            built_in(f"ARG {one.rest} (resolved where it is used)", f"{self.file}:{one.line}") for one in self._before
        )
        found += self._others(chain)
        if (named := scope.get("ROS_DISTRO")) and _distro_in(named):
            found.append(InitFinding("distro", named, f"{self.file}:{chain[0].line}"))
        plain = reference if "$" not in reference else ""
        if not plain:
            found.append(not_converted(f"FROM {reference}", f"{self.file}:{chain[0].line}", "base: {image: …}"))
        return StageImage(plain, chain[0].line, tuple(found), stage.name)

    def _others(self, chain: list[DockerfileStage]) -> Iterator[InitFinding]:
        for stage in self.stages:
            if stage not in chain:
                what = f"stage {stage.name or self.stages.index(stage)} (FROM {self.base_of(stage)}"
                yield not_converted(f"{what}, {len(stage.instructions)} instructions)", f"{self.file}:{stage.line}")

    def _instruction(self, one: DockerfileInstruction, scope: dict[str, str]) -> Iterator[InitFinding]:
        place = f"{self.file}:{one.line}"
        if one.keyword == "RUN":
            yield from findings_of_run(_command_text(one.rest), place, scope.get)
        elif one.keyword == "ARG":
            yield _resolved(one, place)
            for name, default in _pairs(one.rest):
                value = self._args.get(name, default if default is not None else self._globals.get(name))
                if value is not None:
                    scope[name] = shell.expand(value, scope.get)
        elif one.keyword == "ENV":
            yield from self._env(one, place, scope)
        elif one.keyword in _SPEAKING:
            why = f" ({_SPEAKING[one.keyword]})" if _SPEAKING[one.keyword] else ""
            yield built_in(f"{one.keyword} {one.rest}{why}", place)
        elif one.keyword in ("CMD", "ENTRYPOINT") and re.fullmatch(r'\[?\s*"?(?:/bin/)?(?:ba)?sh"?\s*\]?', one.rest):
            yield built_in(f"{one.keyword} {one.rest}", place)
        elif one.keyword == "COPY" and re.match(r"(?:--\S+\s+)*\./?\s", one.rest) and "--from" not in one.rest:
            yield built_in(f"COPY {one.rest} (the workspace is mounted)", place)
        else:
            rest = shell.expand(one.rest, scope.get)
            yield not_converted(f"{one.keyword} {rest}", place, _WAYS.get(one.keyword, ""))

    def _env(self, one: DockerfileInstruction, place: str, scope: dict[str, str]) -> Iterator[InitFinding]:
        for name, value in _pairs(one.rest, is_env=True):
            resolved = shell.expand(value or "", scope.get)
            scope[name] = resolved
            if "$" in resolved:
                yield not_converted(f"ENV {name}={resolved}", place, "environment, or a step")
            else:
                yield from interpret([Setting("environment", f"{name}={resolved}", place)], lambda path: path)


def _resolved(one: DockerfileInstruction, place: str) -> InitFinding:
    return built_in(f"{one.keyword} {one.rest} (resolved where it is used)", place)


def _pairs(rest: str, is_env: bool = False) -> list[tuple[str, str | None]]:
    """(name, value) of ``NAME=value NAME=value``, of ENV's old form ``NAME value`` and of ``ARG NAME``."""
    rest = re.sub(r"[\n\v]", " ", rest).strip()
    if is_env and re.match(r"\w+\s", rest):
        name, _, value = rest.partition(" ")
        return [(name, value.strip().strip("\"'"))]
    found: list[tuple[str, str | None]] = []
    for word in shell.words(rest):
        name, equals, value = word.partition("=")
        if re.fullmatch(r"\w+", name):
            found.append((name, value if equals else None))
    return found


def _command_text(rest: str) -> str:
    """Without RUN's own options, and of a JSON list its command line."""
    while option := re.match(r"--[a-z]+(?:=\S+)?\s+", rest):
        rest = rest[option.end() :]
    if rest.startswith("["):
        try:
            words = json.loads(rest)
        except ValueError:
            return rest
        if isinstance(words, list) and words:
            return (
                str(words[-1]) if str(words[-2:-1]).strip("[']") in ("-c", "-lc", "-ic") else " ".join(map(str, words))
            )
    if inner := re.fullmatch(r"(?:/bin/)?(?:ba)?sh\s+-l?c\s+(\"(?:\\.|[^\"\\])*\"|'[^']*')\s*", rest, re.DOTALL):
        return inner[1][1:-1]
    return rest


def _distro_in(text: str) -> str:
    match = _ANY_DISTRO.search(text)
    return match[1] if match else ""
