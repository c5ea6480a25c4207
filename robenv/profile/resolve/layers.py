"""What each level of a chain adds itself, taken apart from the merged profile."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence as SequenceABC
from dataclasses import dataclass
from typing import TypeVar

from robenv.errors import Location
from robenv.profile.chain.reader import ChainDocument
from robenv.profile.merge.merge import merge
from robenv.profile.merge.rules import PROFILE
from robenv.profile.resolve.resolved import BuildPart, Level, Located, Pairs, RosPart
from robenv.profile.schema.build import BuildSection
from robenv.profile.schema.colcon import ColconDefaults
from robenv.profile.schema.profile import Profile
from robenv.profile.schema.ros import Ros
from robenv.profile.yaml.nodes import Mapping, Node, Path_, Scalar, Sequence, SourceFile, find, place_of, to_python

T = TypeVar("T")
U = TypeVar("U")
_OF_ROS = ("variant", "rmw", "rosdep", "completion")


def split_levels(documents: SequenceABC[ChainDocument], merged: Mapping, profile: Profile) -> tuple[Level, ...]:
    """One level a document, in the same order."""
    splitter = _Splitter(documents, merged, profile, ())
    whole, ros = splitter.parts(), splitter.ros(profile)
    stages = {
        name: _Splitter(documents, merged, stage, ("stages", name)).parts() for name, stage in profile.stages.items()
    }
    slim = _Splitter(documents, merged, profile.run_image, ("run_image",)).parts()
    levels: list[Level] = []
    for index, document in enumerate(documents):
        source = document.source
        of_stages = tuple((name, parts[index]) for name, parts in stages.items())
        levels.append(Level(source.name, source.path, source.origin, whole[index], of_stages, slim[index], ros[index]))
    return tuple(levels)


@dataclass
class _Splitter:
    documents: SequenceABC[ChainDocument]
    merged: Mapping
    section: BuildSection
    prefix: Path_

    def parts(self) -> list[BuildPart]:
        section = self.section
        args, environment = self._pairs("image", "args"), self._pairs("environment")
        packages = self._by_level(("apt", "packages"), section.apt.packages, _value)
        pip = self._by_level(("pip",), section.pip, lambda value, node: Located(value, place_of(node)))
        files = self._by_level(("files",), section.files, lambda value, node: Located(value, place_of(node)))
        steps = self._by_level(
            ("steps",), section.steps, lambda value, node: Located(value, place_of(node), value.name)
        )
        repositories = self._first_named(section.apt.repositories, "apt", "repositories")
        parts: list[BuildPart] = []
        for index, document in enumerate(self.documents):
            source = document.source
            own_pip = pip.get(source, ())
            part = BuildPart(
                args=args.get(index, ()),
                repositories=tuple(repositories.get(index, ())),
                packages=tuple(packages.get(source, ())),
                packages_location=self._place(document, source in packages, "apt", "packages"),
                pip=tuple(name for one in own_pip if one.value.plain for name in one.value.packages),
                pip_location=self._place(document, source in pip, "pip"),
                pip_installs=tuple(one for one in own_pip if not one.value.plain),
                environment=environment.get(index, ()),
                environment_location=self._place(document, index in environment, "environment"),
                files=tuple(files.get(source, ())),
                steps=tuple(steps.get(source, ())),
            )
            parts.append(part)
        return parts

    def _place(self, document: ChainDocument, wanted: bool, *path: str) -> Location | None:
        node = find(document.root, (*self.prefix, *path)) if wanted else None
        return place_of(node) if node is not None else None

    def _by_level(self, path: Path_, values: SequenceABC[T], make: Callable[[T, Node], U]) -> dict[SourceFile, list[U]]:
        """The values of a merged list, by the level whose file each comes from."""
        node = find(self.merged, (*self.prefix, *path))
        found: dict[SourceFile, list[U]] = {}
        if isinstance(node, Sequence):
            for item, value in zip(node.items, values, strict=True):
                found.setdefault(item.source, []).append(make(value, item))
        return found

    def _entries(self, *path: str) -> dict[str, dict[int, Node]]:
        """By key, the value that each level gives it, of those that no later level has overridden or reset."""
        found: dict[str, dict[int, Node]] = {}
        for index, document in enumerate(self.documents):
            node: Node | None = document.root
            for step in (*self.prefix, *path):
                node = node.get(str(step)) if isinstance(node, Mapping) else None
                if node is not None and node.directive:
                    found.clear()
                    node = None if node.directive == "reset" else node
            if isinstance(node, Mapping):
                for key, value in node.values():
                    if value.directive:
                        found.pop(key, None)
                    if value.directive != "reset":
                        found.setdefault(key, {})[index] = value
        return found

    def _pairs(self, *path: str) -> dict[int, Pairs]:
        """By level, its own values, in the order of its file."""
        entries = self._entries(*path)
        found: dict[int, Pairs] = {}
        for index, document in enumerate(self.documents):
            node = find(document.root, (*self.prefix, *path))
            keys = node.entries if isinstance(node, Mapping) else ()
            own = ((key, entries[key].get(index)) for key in keys if key in entries)
            pairs = tuple((key, value.text) for key, value in own if isinstance(value, Scalar))
            if pairs:
                found[index] = pairs
        return found

    def ros(self, profile: Profile) -> list[RosPart]:
        said = self._entries("ros")
        mixins = self._first_named(profile.ros.colcon_mixins, "ros", "colcon_mixins")
        defaults = self._colcon_defaults(said.get("colcon_defaults", {}))
        parts = []
        for index in range(len(self.documents)):
            nodes = {key: said[key][index] for key in _OF_ROS if index in said.get(key, ())}
            own = {
                key: Located(node.text, place_of(node), key) for key, node in nodes.items() if isinstance(node, Scalar)
            }
            own_mixins = tuple(mixins.get(index, ()))
            parts.append(RosPart(**own, colcon_mixins=own_mixins, colcon_defaults=defaults.get(index)))
        return parts

    def _colcon_defaults(self, said: MappingABC[int, Node]) -> dict[int, Located[ColconDefaults]]:
        """By level, what colcon's defaults come to with that one: it is one file, and a later level leaves those of the
        levels below it alone."""
        rule, found = PROFILE.keys["ros"].keys["colcon_defaults"], {}
        for index, node in said.items():
            merged = merge([one for at, one in said.items() if at <= index], rule)
            if merged is not None:
                section = Ros.model_validate({"colcon_defaults": to_python(merged)})
                found[index] = Located(section.colcon_defaults, place_of(node))
        return found

    def _first_named(self, merged: MappingABC[str, T], *path: str) -> dict[int, list[Located[T]]]:
        """By level, the values that it is the first to name, as all levels together have them; at the place of the
        level that had the last word."""
        found: dict[int, list[Located[T]]] = {}
        for name, values in self._entries(*path).items():
            index, last = next(iter(values)), list(values.values())[-1]
            found.setdefault(index, []).append(Located(merged[name], _place_said(last), name))
        return found


def _place_said(node: Node) -> Location:
    """Where a value is said: of one that the user corrects for all projects (``catalog.yaml``), there."""
    parts = node.values() if isinstance(node, Mapping) else ()
    corrected = [part for _, part in parts if part.source is not node.source]
    return place_of(corrected[-1] if corrected else node)


def _value(value: T, node: Node) -> T:
    return value
