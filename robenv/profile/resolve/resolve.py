"""From files to a resolved profile: read the chain, check each file, merge, check the whole. Every problem at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from robenv.catalog.jetpack import JetPack
from robenv.errors import Location, Problem, ProfileError
from robenv.profile.chain.builtin import BuiltinProfile, list_builtin
from robenv.profile.chain.extends import ProfileSource, SourceResolver, find_builtin, refuse_remote
from robenv.profile.chain.per_platform import KEY, for_platform, platforms_of
from robenv.profile.chain.project import ProjectFiles
from robenv.profile.chain.reader import ChainReader
from robenv.profile.chain.ros_placeholder import fill
from robenv.profile.chain.validate import check_file, problems_of, without
from robenv.profile.checks.compatibility import check_fits
from robenv.profile.checks.merged import MergedProfile
from robenv.profile.checks.whole import check_whole
from robenv.profile.default_name import default_name
from robenv.profile.merge.dotenv import parse_dotenv
from robenv.profile.merge.merge import merge
from robenv.profile.merge.rules import PROFILE
from robenv.profile.merge.variables import Variables
from robenv.profile.resolve.catalog_overrides import CorrectedTables, read_corrections
from robenv.profile.resolve.env_files import with_env_files
from robenv.profile.resolve.layers import split_levels
from robenv.profile.resolve.resolved import Inputs, Resolved
from robenv.profile.resolve.ros_overrides import corrected as correct_ros
from robenv.profile.resolve.seccomp import with_seccomp
from robenv.profile.schema.profile import Profile
from robenv.profile.workspace.container_paths import BoundFolders
from robenv.profile.workspace.git_link import git_note
from robenv.profile.workspace.packages import NONE, Packages, read_links, read_packages
from robenv.profile.yaml.files import BadFile, line_and_column, read_text
from robenv.profile.yaml.nodes import Mapping, SourceFile, problem_at, to_python
from robenv.profile.yaml.parse_error import BadValue
from robenv.util.sanitize import safe

MAX_PROBLEMS = 200
"""How many problems a report names."""
_ASKED_BY_FITS = frozenset(("fits", "base", "ros", "platforms", "gpu"))
_OWN = frozenset(key for key, rule in PROFILE.keys.items() if rule.how == "own")

__all__ = ["BuiltinProfile", "list_builtin", "resolve_builtin", "resolve_project"]


def resolve_project(
    files: ProjectFiles, environ: MappingABC[str, str], remote: SourceResolver = refuse_remote
) -> Resolved:
    """A project's profile with all that it extends and its local overlay. Raises ProfileError with every problem."""
    corrected = read_corrections(environ)
    reader = ChainReader(files.root, Variables(environ), remote, corrected.jetpacks)
    if files.env_file is not None:
        _read_dotenv(reader, files.env_file)
    reader.follow(ProfileSource(files.file, "project", "", files.root))
    own = {files.file}
    if files.local is not None and os.path.lexists(files.local):
        own.add(files.local)
        reader.follow(ProfileSource(files.local, "local", "", files.root), may_be_empty=True)
    elif files.local is not None:
        reader.absent[str(files.local)] = None
    return _finish(reader, own, files, corrected)


def resolve_builtin(name: str, corrected: CorrectedTables | None = None) -> Resolved:
    """A built-in profile with all that it extends; it need not be whole enough to be built. ``corrected``: the tables
    as the user has them; None as robenv has them. Raises ProfileError."""
    corrected = corrected or CorrectedTables()
    try:
        found = find_builtin(name, jetpacks=corrected.jetpacks)
    except BadValue as error:
        raise ProfileError(error.message, hint=error.hint) from None
    reader = ChainReader(None, Variables({}), refuse_remote, corrected.jetpacks)
    reader.follow(found)
    return _finish(reader, {found.path}, None, corrected)


def _finish(reader: ChainReader, own: set[Path], files: ProjectFiles | None, corrected: CorrectedTables) -> Resolved:
    _take_corrections(reader, corrected)
    reader.documents, unknown = fill(reader.documents, files is not None and reader.complete)
    reader.problems += unknown
    levels, broken = _check_files(reader)
    finisher = _Finisher(reader, levels, broken, own, files, corrected.jetpacks)
    general = finisher.finish("")
    variants = [(platform, finisher.finish(platform)) for platform in platforms_of(levels)]
    whole = [(platform, one) for platform, one in (("", general), *variants) if one is not None]
    packages = _packages([one for _, one in whole], files)
    reader.problems += packages.problems
    if reader.problems or general is None:
        raise _error(reader.problems, files)
    variables = tuple(sorted(reader.variables.seen.items()))
    repos = (path for path in general.profile.workspace.repos if os.path.lexists(path))
    read = (*map(Path, reader.read), *packages.seen, *map(Path, repos))
    inputs = Inputs(read, (*map(Path, reader.absent), *packages.absent), variables, reader.began)
    return replace(
        general,
        inputs=inputs,
        packages=packages,
        warnings=(*general.warnings, *packages.notes, *_no_run_image([one for _, one in whole])),
        variants=tuple(whole) if variants else (),
        jetpacks=corrected.jetpacks,
    )


def _take_corrections(reader: ChainReader, corrected: CorrectedTables) -> None:
    reader.problems += corrected.problems
    reader.documents = [correct_ros(document, corrected.ros) for document in reader.documents]
    if corrected.file is not None:
        (reader.read if corrected.exists else reader.absent)[str(corrected.file)] = None


def _no_run_image(whole: Iterable[Resolved]) -> Iterator[Problem]:
    """A warning where the project itself says something of a run image, and nothing that makes it one."""
    variants = list(whole)
    if any(variant.profile.run_image.build.strip() for variant in variants):
        return
    for document in variants[0].documents:
        entry = document.root.entries.get("run_image")
        if entry is not None and not document.source.foreign and not document.source.chain:
            hint = "say what makes it: `run_image: {build: …, install: …}` (docs/run-image.md)"
            yield problem_at(entry[0], "`run_image` has no `build`, so there is no run image", hint)


def _packages(whole: Iterable[Resolved], files: ProjectFiles | None) -> Packages:
    """Those of the project's workspace, where what they depend on is wanted; else only what of it is not inside."""
    variants = list(whole) if files is not None else []
    wanted = [
        variant
        for variant in variants
        if (variant.profile.workspace.dependencies, variant.profile.run_image.dependencies) != (None, None)
    ]
    for one in wanted or variants:
        workspace = one.profile.workspace
        volumes = ((bind.target, bind.source) for bind in one.profile.run.volumes if bind.type == "bind")
        inside = BoundFolders([(workspace.target, workspace.source), *volumes])
        root = Path(workspace.source)
        found = (read_packages if wanted else read_links)(root, inside, workspace.target)
        note = git_note(root, inside, workspace.target)
        return replace(found, notes=(*found.notes, *([note] if note else [])))
    return NONE


@dataclass
class _Finisher:
    """Merges and checks the whole: as it is everywhere, and as it is for a platform that has parts of its own."""

    reader: ChainReader
    levels: list[Mapping]
    broken: set[str]
    own: set[Path]
    files: ProjectFiles | None
    jetpacks: tuple[JetPack, ...]

    def finish(self, platform: str) -> Resolved | None:
        """None where it cannot be made, or is not sound; ``reader`` has the problems. ``platform`` "": everywhere."""
        reader = self.reader
        root = _merged(reader, [for_platform(level, platform) for level in self.levels], self.own)
        profile = _validated(reader, root, self.files)
        if profile is None:
            return None
        if platform or self._stands_alone(profile):
            whole = MergedProfile(root, profile, self.files is not None)
            sound = reader.complete and not (platform and self._broken_parts)
            found = check_whole(whole, self.broken, sound)
            if sound and (self.files is not None or profile.base.image or profile.base.bootstrap):
                found += self._misfits(profile, platform)
            where = f" (for {platform})" if platform else ""
            _add(reader, [replace(one, message=one.message + where) for one in found])
        if reader.problems:
            return None
        documents = [replace(document, root=for_platform(document.root, platform)) for document in reader.documents]
        return Resolved(
            profile=profile,
            levels=split_levels(documents, root, profile),
            files=self.files,
            inputs=Inputs((), (), ()),
            warnings=tuple(reader.warnings),
            root=root,
            documents=tuple(documents),
        )

    def _misfits(self, profile: Profile, platform: str) -> tuple[Problem, ...]:
        if _ASKED_BY_FITS & {key.partition(".")[0] for key in self.broken}:
            return ()
        documents = [
            replace(document, root=for_platform(document.root, platform)) for document in self.reader.documents
        ]
        return tuple(check_fits(documents, profile, self.jetpacks))

    def _stands_alone(self, profile: Profile) -> bool:
        """Whether it is built for some platform as it is, without that platform's part."""
        named = {platform.removesuffix("/v8") for platform in profile.platforms}
        return not named or bool(named - set(platforms_of(self.levels)))

    @property
    def _broken_parts(self) -> bool:
        return any(key.startswith(KEY) for key in self.broken)


def _check_files(reader: ChainReader) -> tuple[list[Mapping], set[str]]:
    """Checks every file by itself: what can be used of each, and the dotted keys under which something cannot."""
    levels: list[Mapping] = []
    broken: set[str] = set()
    problems: list[Problem] = []
    for document in reader.documents:
        found, paths = check_file(document.root)
        problems += found
        broken |= {".".join(str(step) for step in path if not isinstance(step, int)) for path in paths}
        usable = without(document.root, paths) if paths else document.root
        levels.append(usable if isinstance(usable, Mapping) else document.root)
    _add(reader, problems)
    return levels, broken


def _add(reader: ChainReader, problems: Iterable[Problem]) -> None:
    """What is said already of a value, such as a required variable that is missing, is not said again otherwise."""
    told = {_place(problem) for problem in reader.problems}
    reader.problems += [problem for problem in problems if _place(problem) not in told]


def _place(problem: Problem) -> tuple[str, int, int]:
    location = problem.location or Location("", 0, 0)
    return location.file, location.line, location.column


def _merged(reader: ChainReader, levels: list[Mapping], own: set[Path]) -> Mapping:
    roots = [level if level.source.path in own else _inherited(level) for level in levels]
    merged = merge(_on_one_base(roots), PROFILE) if roots else None
    if not isinstance(merged, Mapping):
        nowhere = SourceFile(Path(), "", "", "project", Path(), (), "")
        return Mapping({}, nowhere, 1, 1)
    return with_seccomp(with_env_files(merged, reader), reader)


def _inherited(root: Mapping) -> Mapping:
    """A level without what is its own alone."""
    entries = {key: entry for key, entry in root.entries.items() if key not in _OWN}
    return Mapping(entries, root.source, root.line, root.column)


def _on_one_base(roots: list[Mapping]) -> list[Mapping]:
    """The levels, without the base of the run image where a later one has another ``base``: it is of another system."""
    last = max((at for at, root in enumerate(roots) if "base" in root.entries), default=0)
    return [_without_run_base(root) if at < last else root for at, root in enumerate(roots)]


def _without_run_base(root: Mapping) -> Mapping:
    section = root.get("run_image")
    if not isinstance(section, Mapping) or "base" not in section.entries:
        return root
    rest = {key: entry for key, entry in section.entries.items() if key != "base"}
    name, _ = root.entries["run_image"]
    return replace(root, entries={**root.entries, "run_image": (name, replace(section, entries=rest))})


def _validated(reader: ChainReader, root: Mapping, files: ProjectFiles | None) -> Profile | None:
    data: dict[str, Any] = to_python(root)
    if files is not None:
        data.setdefault("name", default_name(str(files.root)))
        data["workspace"] = {"source": str(files.root), **data.get("workspace", {})}
    try:
        return Profile.model_validate(data)
    except ValidationError as error:
        _add(reader, problems_of(root, error)[0])
        return None


def _read_dotenv(reader: ChainReader, path: Path) -> None:
    """Takes ``.env`` in before anything else is read; its own variables see the environment and earlier lines."""

    def source(text: str) -> SourceFile:
        return SourceFile(path, safe(path.name), path.name, "project", path.parent, (), text)

    try:
        text = read_text(path)
    except BadFile as bad:
        if bad.absent:
            reader.absent[str(path)] = None
            return
        place = line_and_column(bad.text, bad.offset) if bad.offset is not None else (1, 1)
        reader.problems.append(Problem(bad.message, source(bad.text).location(*place), bad.hint))
        return
    finally:
        reader.read.update({str(path): None} if str(path) not in reader.absent else {})
    own = source(text)  # once: it takes the text apart
    variables, bad_lines = parse_dotenv(text, reader.variables.lookup, partial(reader.unset, own))
    for line in bad_lines:
        reader.problems.append(Problem(line.message, own.location(line.line, line.column), line.hint))
    reader.variables.dotenv.update(
        {variable.name: variable.value for variable in variables if variable.value is not None}
    )


def _error(problems: Iterable[Problem], files: ProjectFiles | None) -> ProfileError:
    unique = tuple(dict.fromkeys(problems))
    names = list(dict.fromkeys(problem.location.file for problem in unique if problem.location))
    where = names[0] if len(names) == 1 else f"{len(names)} files" if names else "the profile"
    count = "1 problem" if len(unique) == 1 else f"{len(unique)} problems"
    details = f"The first {MAX_PROBLEMS} of them:" if len(unique) > MAX_PROBLEMS else ""
    return ProfileError(f"{count} in {where}", details, problems=_sorted(unique, names)[:MAX_PROBLEMS])


def _sorted(problems: tuple[Problem, ...], names: list[str]) -> tuple[Problem, ...]:
    order = {name: index for index, name in enumerate(names)}

    def key(problem: Problem) -> tuple[int, int, int]:
        file, line, column = _place(problem)
        return order.get(file, len(order)), line, column

    return tuple(sorted(problems, key=key))
