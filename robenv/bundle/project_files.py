"""Which files of a project go along with `save`: those that its profile is made of, and nothing of one person's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from robenv.errors import Problem, UsageError
from robenv.plan.image.build import plan_build
from robenv.plan.models import DEV, RUN, FileCopy, Group
from robenv.profile.chain.per_platform import parts_of
from robenv.profile.chain.project import DOTENV
from robenv.profile.yaml.nodes import Mapping as Node
from robenv.profile.yaml.nodes import Scalar, find
from robenv.profile.yaml.nodes import Sequence as Items
from robenv.project.planned import PlannedProject, plan_project
from robenv.render.entries import FILE, SYMLINK


@dataclass
class BundledFiles:
    """``files``: by path in the project's folder, where each is; ``links``: symbolic links, with their targets.
    ``left_out``: files that the profile names and that may hold secrets."""

    files: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def leave_to_git(self, places: Iterable[str]) -> bool:
        """Takes out what lies in repositories, which bring it themselves; whether there was anything.

        ``places``: the repositories' folders in the project's.
        """
        inside = tuple(f"{place}/" for place in places)
        left = [name for name in (*self.files, *self.links) if f"{name}/".startswith(inside)]
        for name in left:
            self.files.pop(name, None)
            self.links.pop(name, None)
        for name in [name for name in self.links if any(place.startswith(f"{name}/") for place in inside)]:
            del self.links[name]  # there it is a folder
        return bool(left)


def outgoing_files(every: Sequence[PlannedProject], lock: Path | None) -> BundledFiles:
    """The files of a project, resolved without its overlay and ``.env``, for each platform; and its lock.

    Raises UsageError for those that lie elsewhere, and for a `.env` that goes into the image.
    """
    found = BundledFiles()
    if lock is not None:
        found.files[lock.name] = lock
    resolved, wanted = every[0].resolved, {one.build.platform for one in every}
    # What the profile has for other platforms is checked wherever it is read: so its files go along.
    others = [
        plan_project(resolved, platform) for platform, _ in resolved.variants if platform and platform not in wanted
    ]
    # So is what it has for the run image alone, which another image may be saved without.
    slim = [_run_image_alone(one) for one in (*every, *others) if one.build.purpose == DEV]
    for planned in (*every, *others, *slim):
        _Gatherer(planned, found).gather()
    return found


def _run_image_alone(planned: PlannedProject) -> PlannedProject:
    """The last stage of the run image: without the sources, and what they are built in."""
    build = plan_build(planned.resolved, planned.build.platform, RUN)
    return PlannedProject(planned.resolved, replace(build, stages=build.stages[-1:]))


class _Gatherer:
    def __init__(self, planned: PlannedProject, found: BundledFiles) -> None:
        self._loaded = planned
        self._found = found
        self._root = planned.files.root
        resolved = planned.resolved
        self._foreign = [document.source.root for document in resolved.documents if document.source.foreign]
        self._secret = {path for document in resolved.documents for path in _env_files(document.root)}
        self._outside: dict[str, None] = {}

    def gather(self) -> None:
        resolved = self._loaded.resolved
        for path in (*resolved.inputs.files, *(Path(rules.file) for rules in resolved.profile.udev)):
            if path.is_dir():
                continue  # Only looked at: the workspace's folders, for packages in them.
            if str(path) in self._secret:
                name = os.path.relpath(path, self._root)
                self._found.left_out += [name] if name not in self._found.left_out else []
            else:
                self._add(path, path)
        for stage in self._loaded.build.stages:
            for group in stage.groups:
                for path in _read_by(group):
                    self._add(path, path)
                for file in group.files:
                    self._copied(file)
        if self._outside:
            raise UsageError(
                "`save` takes only files of the project's own folder, or profiles from git",
                problems=tuple(Problem(f"{path} lies outside of {self._root}") for path in self._outside),
                hint="move them in, or into a repository that `extends` names",
            )

    def _copied(self, file: FileCopy) -> None:
        """What goes into the image, under the name by which the profile calls it."""
        if file.stage:
            return
        for entry in self._loaded.rendered.context:
            if entry.name == file.source or entry.name.startswith(file.source + "/"):
                path = Path(file.host_path + entry.name[len(file.source) :])
                if entry.kind == FILE:
                    self._add(path, Path(entry.host_path))
                elif entry.kind == SYMLINK and (name := self._inside(path)):
                    self._found.links[name] = entry.link

    def _add(self, path: Path, real: Path) -> None:
        if name := self._inside(path):
            self._found.files[name] = real

    def _inside(self, path: Path) -> str:
        """Its path in the project's folder; "" for one that comes with robenv, or with a repository."""
        if any(path.is_relative_to(folder) for folder in self._foreign):
            return ""
        if not path.is_relative_to(self._root):
            self._outside[str(path)] = None
            return ""
        if path.name == DOTENV:
            raise UsageError(f"the image holds {path}, and `save` carries no {DOTENV}", hint="take it out of `files`")
        return path.relative_to(self._root).as_posix()


def _env_files(root: Node) -> list[str]:
    named = [find(one, ("run", "env_file")) for one in (root, *parts_of(root).values())]
    items = [item for files in named if isinstance(files, Items) for item in files.items]
    paths = [item.get("path") for item in items if isinstance(item, Node)]
    return [path.text for path in paths if isinstance(path, Scalar)]


def _read_by(group: Group) -> Iterator[Path]:
    """What installing packages reads."""
    yield from (Path(repository.key_host_path) for repository in group.repositories if repository.key_host_path)
    yield from (Path(file.host_path) for install in group.pip_installs for file in install.files)
