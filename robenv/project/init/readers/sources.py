"""Where a folder describes its environment: each devcontainer, Compose service, Dockerfile and command line as a
candidate, of which one is taken. Those of one project often describe the same thing several times."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from robenv.catalog.ros import DEFAULT_ROS_2, find_distro, image_of
from robenv.project.init.findings import BUILT_IN, NOTE, InitFinding, not_converted, note
from robenv.project.init.folder import FoundDescription, ScannedFolder
from robenv.project.init.meaning import interpret
from robenv.project.init.readers.compose import (
    Build,
    Service,
    choose_service,
    distro_in,
    note_of,
    services_of,
    top_level_notes,
)
from robenv.project.init.readers.devcontainer import Devcontainer, read_devcontainer
from robenv.project.init.readers.dockerfile import Dockerfile
from robenv.project.init.readers.scripts import RunLine, run_lines
from robenv.project.init.readers.workspace import in_requirements

_ASIDE = re.compile(
    r"(?:^|/)(?:examples?|demos?|tests?|ci|ci-testing|tutorials?[\w-]*|third_?party|vendor|docs?)(?:/|$)"
)
UNUSED = "not used, since it describes another environment; to take one: robenv init --from FILE"
_RANKS = ("devcontainer", "compose", "dockerfile", "run line")


@dataclass
class Candidate:
    kind: str
    file: str
    image: str = ""
    image_source: str = ""
    findings: list[InitFinding] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    """The files that it is made of."""
    distro: str = ""
    only_if_named: bool = False
    """A README's container may be a server beside the robot's software: it is taken with ``--from`` alone."""

    @property
    def weight(self) -> int:
        """How much it says."""
        return sum(finding.key not in (NOTE, BUILT_IN) for finding in self.findings)


def candidates(folder: ScannedFolder) -> list[Candidate]:
    """All of them, the best first as far as the files alone tell."""
    found = [*_devcontainers(folder), *_composed(folder), *_dockerfiles(folder), *_run_lines(folder)]
    return sorted(found, key=lambda one: _order(one, folder))


def _order(one: Candidate, folder: ScannedFolder) -> tuple[object, ...]:
    distro = find_distro(one.distro)
    hinted = bool(one.distro) and one.distro in folder.branch
    supported = distro is not None and distro.lts and distro.name == DEFAULT_ROS_2
    says = bool(one.image or one.distro)
    aside = bool(_ASIDE.search(one.file))
    deep = one.file.count("/")
    return (
        not says,
        aside,
        _RANKS.index(one.kind),
        not hinted,
        not one.distro,
        not supported,
        deep,
        len(one.file),
        one.file,
    )


def _devcontainers(folder: ScannedFolder) -> Iterator[Candidate]:
    for file in folder.of("devcontainer"):
        yield _finished(_devcontainer(read_devcontainer(file.text, file.source), file, folder))


def _devcontainer(said: Devcontainer, file: FoundDescription, folder: ScannedFolder) -> Candidate:
    made = Candidate("devcontainer", file.source, said.image, file.source, uses={file.source})
    made.findings += interpret(said.settings, _relative(""))
    made.findings += said.findings
    for path in said.compose:
        text = folder.text_of(path)
        services = services_of(text, path) if text else None
        if not services:
            made.findings.append(not_converted(f"dockerComposeFile: {path} cannot be read", file.source))
            continue
        made.uses.add(path)
        service = choose_service(services, said.service)
        made.findings += [note_of(one, said.service) for one in services if one is not service]
        made.findings += top_level_notes(text or "", path)
        if service is not None:
            _take_service(made, service, folder)
    if said.build:
        _take_build(made, said.build, folder, file.source)
    return made


def _take_service(made: Candidate, service: Service, folder: ScannedFolder) -> None:
    made.findings += interpret(service.settings, _relative(posixpath.dirname(service.file)))
    made.findings += service.findings
    if service.build:
        _take_build(made, service.build, folder, service.place)
    if service.image and not made.image:
        made.image, made.image_source = service.image, service.place


def _take_build(made: Candidate, build: Build, folder: ScannedFolder, place: str) -> None:
    text = folder.text_of(build.dockerfile)
    if text is None:
        made.findings.append(not_converted(f"build: {build.dockerfile} is not there, or its name is another's", place))
        return
    made.uses.add(build.dockerfile)
    image = Dockerfile(text, build.dockerfile, build.args).image(build.target)
    made.image = image.reference or made.image
    made.image_source = f"{build.dockerfile}:{image.line}"
    made.findings += _with_requirements(image.findings, build.dockerfile, folder)


def _with_requirements(
    findings: tuple[InitFinding, ...], dockerfile: str, folder: ScannedFolder
) -> Iterator[InitFinding]:
    """A file that pip reads in the image by what it is in the folder, where one has its name."""
    for finding in findings:
        if finding.key != "requirements":
            yield finding
            continue
        name = posixpath.basename(finding.value)
        beside = [file for file in folder.of("requirements") if posixpath.basename(file.source) == name]
        if beside:
            yield from in_requirements(beside[0].text, beside[0].source)
        else:
            yield not_converted(f"pip install -r {finding.value}", finding.source, "pip: {requirements: FILE}")


def _composed(folder: ScannedFolder) -> Iterator[Candidate]:
    for file in folder.of("compose"):
        services = services_of(file.text, file.source)
        if not services:
            continue
        made = Candidate("compose", file.source, uses={file.source})
        service = choose_service(services)
        if service is not None:
            _take_service(made, service, folder)
        made.findings += [note_of(one, service.name if service else "") for one in services if one is not service]
        made.findings += top_level_notes(file.text, file.source)
        named = [distro_in(service) for service in services if distro_in(service)]
        if service is None and named:
            made.findings.append(InitFinding("distro", max(set(named), key=named.count), file.source))
        yield _finished(made)


def _dockerfiles(folder: ScannedFolder) -> Iterator[Candidate]:
    for file in folder.of("dockerfile"):
        made = Candidate("dockerfile", file.source, uses={file.source})
        _take_build(made, Build(file.source), folder, file.source)
        for at, line in enumerate(_lines_for(file, folder)):
            _take_line(made, line) if at == 0 else made.findings.append(_another(line))
        yield _finished(made)


def _lines_for(dockerfile: FoundDescription, folder: ScannedFolder) -> list[RunLine]:
    """Of the script that runs this Dockerfile's image by all appearances, beside it or at the top, the command lines;
    first the one that says most."""
    here = posixpath.dirname(dockerfile.source)
    for where in dict.fromkeys((here, posixpath.join(here, "scripts"), "", "scripts")):
        for file in folder.of("script"):
            if posixpath.dirname(file.source) == where.strip("/"):
                lines = list(run_lines(file.text, file.source))
                first = max(lines, key=lambda line: len(line.options.settings), default=None)
                if first is not None and (first.options.settings or first.options.findings):
                    return [first, *(line for line in lines if line is not first)]
    return []


def _another(line: RunLine) -> InitFinding:
    """A command line beside the one that is taken, with all that it says."""
    said = [f"{setting.key} {setting.value}" for setting in line.options.settings]
    said += [finding.value for finding in line.options.findings if finding.key == NOTE]
    rest = f" ({'; '.join(said)})" if said else ""
    what = " ".join((line.options.image, *line.options.command))
    return note(f"another {line.tool} line, not used: {what}{rest}", line.source)


def _take_line(made: Candidate, line: RunLine) -> None:
    made.uses.add(line.source.partition(":")[0])
    made.findings += interpret(line.options.settings, _relative(""))
    made.findings += line.options.findings
    place = f"{line.source}: {line.tool}"
    if line.options.command:
        made.findings.append(not_converted(f"the command {' '.join(line.options.command)}", place, "robenv run CMD"))
    if line.options.image and made.kind != "run line" and made.image != line.options.image:
        made.findings.append(note(f"the image {line.options.image} is built from {made.file}", place))
    if made.kind == "run line" and "$" not in line.options.image:
        made.image, made.image_source = line.options.image, place
    elif made.kind == "run line":
        made.findings.append(not_converted(f"the image {line.options.image}", place, "base: {image: …}"))


def _run_lines(folder: ScannedFolder) -> Iterator[Candidate]:
    """Of each script the first line with an image that is said; one with a variable for it is taken by name alone."""
    for file in folder.of("script"):
        lines = list(run_lines(file.text, file.source))
        named = [line for line in lines if line.options.image and "$" not in line.options.image]
        if not lines:
            continue
        made = Candidate("run line", file.source, uses={file.source})
        taken = (named or lines)[0]
        _take_line(made, taken)
        made.findings += (_another(other) for other in lines if other is not taken)
        is_readme = posixpath.basename(file.source).lower().startswith("readme")
        made.only_if_named = not named or (is_readme and not _has_workspace(taken, made))
        yield _finished(made)


def _has_workspace(line: RunLine, made: Candidate) -> bool:
    """Whether a command line is for working in: by rocker, in an image of ROS itself, or with this folder mounted."""
    mounted = any(finding.key == "workspace.target" for finding in made.findings)
    return line.tool == "rocker" or mounted or bool(image_of(line.options.image)[0])


def _finished(made: Candidate) -> Candidate:
    distros = [finding.value for finding in made.findings if finding.key == "distro" and find_distro(finding.value)]
    return replace(made, distro=(distros[0] if distros else image_of(made.image)[0]) or _named_distro(made))


def _named_distro(made: Candidate) -> str:
    return distro_in(Service("", "", 0, made.image))


def _relative(base: str) -> Callable[[str], str]:
    """How a path of the host is written in robenv.yaml, for one that a file in ``base`` names."""

    def relative(path: str) -> str:
        path = re.sub(r"^\$\{?(?:PWD|CURDIR)\}?|^\$\(pwd\)|^`pwd`", ".", path)
        if path.startswith(("$", "~", "/")):
            return path
        joined = posixpath.normpath(posixpath.join(base, path))
        return joined if joined == "." or joined.startswith("../") else f"./{joined}"

    return relative


def unused(all_of_them: list[Candidate], chosen: Candidate | None) -> Iterator[InitFinding]:
    """A note for each file that describes another environment."""
    used = chosen.uses if chosen else set()
    for one in all_of_them:
        if one is not chosen and one.file not in used:
            yield note(UNUSED, f"{one.file} ({one.image or one.distro or 'no image'})")
