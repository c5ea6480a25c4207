"""The user's own configuration: what holds on this machine, or in this lab, for all projects."""

from __future__ import annotations

import os
from collections.abc import Mapping as MappingABC
from pathlib import Path

from robenv.errors import ProfileError
from robenv.paths import config_folder, expanded
from robenv.profile.chain.extends import ProfileSource, refuse_remote
from robenv.profile.chain.project import ProjectFiles
from robenv.profile.chain.reader import ChainReader
from robenv.profile.chain.validate import check_file
from robenv.profile.merge.variables import Variables
from robenv.profile.schema.mirrors import Mirrors
from robenv.profile.schema.profile import Profile
from robenv.profile.yaml.nodes import Mapping, problem_at, to_python
from robenv.util.sanitize import show

FILE = "config.yaml"
_KEYS = ("mirrors",)


def read_user_config(environ: MappingABC[str, str]) -> Mirrors:
    """The mirrors of ``config.yaml`` in the user's configuration. Raises ProfileError with all that is wrong there."""
    path = Path(config_folder(), FILE)
    if not os.path.lexists(path):
        return Mirrors()
    reader = ChainReader(None, Variables(environ), refuse_remote)
    reader.follow(ProfileSource(path, "local", str(path), path.parent, str(path)), may_be_empty=True)
    root = reader.documents[-1].root if reader.documents else None
    problems = list(reader.problems)
    if root is not None:
        for key, (name, _) in root.entries.items():
            if key not in _KEYS:
                problems.append(problem_at(name, f"unknown key {show(key)}", f"this file has `{_KEYS[0]}` alone"))
        known = {key: entry for key, entry in root.entries.items() if key in _KEYS}
        root = Mapping(known, root.source, root.line, root.column)
        problems += check_file(root)[0]
    if problems:
        raise ProfileError(f"robenv's own configuration is not sound: {path}", problems=tuple(problems))
    return Profile.model_validate(to_python(root)).mirrors if root is not None else Mirrors()


def own_mirrors(files: ProjectFiles) -> Mirrors:
    """The git mirrors that the project's own files say, as far as that can be seen before what they extend is fetched,
    and the authority of their certificates.

    What is wrong with them is told when the profile is resolved.
    """
    found: dict[str, str] = {}
    ca = ""
    for path in (files.file, files.local):
        if path is None or not os.path.lexists(path):
            continue
        reader = ChainReader(files.root, Variables({}), refuse_remote)
        document = reader.read_one(ProfileSource(path, "project", "", files.root))
        mirrors = document.root.get("mirrors") if document else None
        if document and isinstance(mirrors, Mapping):
            key = document.root.entries["mirrors"][0]
            known = {name: entry for name, entry in mirrors.entries.items() if name in ("git", "ca")}
            only = Mapping(known, mirrors.source, mirrors.line, mirrors.column)
            whole = Mapping({"mirrors": (key, only)}, mirrors.source, mirrors.line, mirrors.column)
            if not check_file(whole)[0]:
                said = Profile.model_validate(to_python(whole)).mirrors
                found |= said.git
                ca = os.path.normpath(path.parent / expanded(said.ca)) if said.ca else ca
    return Mirrors(git=found, **({"ca": ca} if ca else {}))
