"""Whatever stands in the files: a resolved profile or a ProfileError, and never anything else."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robenv.errors import ProfileError
from robenv.profile.chain.project import find_project
from robenv.profile.merge.merge import Rule
from robenv.profile.merge.rules import PROFILE
from robenv.profile.resolve.provenance import provenance
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.loader import load_yaml
from robenv.profile.yaml.nodes import SourceFile

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def resolve(files: Mapping[str, bytes]) -> Resolved | ProfileError:
    """Resolves a project of these files. Any exception but ProfileError is the test's failure."""
    root = Path(tempfile.mkdtemp())
    try:
        for name, data in files.items():
            (root / name).write_bytes(data)
        resolved = resolve_project(find_project(root), {"A": "1", "HOME": "/home/x", "ODD": "\udcff"})
    except ProfileError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.location is not None
            assert problem.location.line > 0
            assert problem.location.column > 0
            assert problem.message.isprintable()
            assert problem.hint.isprintable()
            assert all(line.isprintable() for line in problem.location.excerpt.split("\n"))
        return error
    else:
        provenance(resolved)
        assert resolved.profile.model_dump(mode="json")
        return resolved
    finally:
        shutil.rmtree(root)


def as_yaml(value: Any) -> str:
    """JSON, but for characters beyond U+FFFF: JSON's two escapes for one of them are no YAML."""
    return re.sub(r"\\ud[89ab]..\\ud[c-f]..", lambda pair: str(json.loads(f'"{pair[0]}"')), json.dumps(value))


def _keys(rule: Rule) -> set[str]:
    below = set().union(*(_keys(child) for child in rule.keys.values()), _keys(rule.each) if rule.each else set())
    return below | set(rule.keys)


KEYS = sorted(
    _keys(PROFILE) | {"source", "target", "name", "run", "as", "from", "type", "path", "soft", "hard", "gpu", "<<"}
)
NASTY = (
    "\n",
    "'",
    '"',
    ";",
    "$(id)",
    "`id`",
    "{{ x }}",
    "\\",
    "-y",
    "$A",
    "${A}",
    "${B:?x}",
    "${",
    "$ODD",
    "\0",
    "\x1b[2J",
    "\u202e",
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "git",
            "linux/amd64",
            "host",
            "1gb",
            "30s",
            "./x:/x:ro",
            "80:80",
            "ubuntu:24.04",
            "/x",
            "A=1",
            "~/x",
            "true",
            "",
            ".",
        ]
    ),
    st.sampled_from(NASTY),
    st.text(max_size=8),
    st.tuples(st.sampled_from(["git", "/x", "a=", "./"]), st.sampled_from(NASTY)).map("".join),
)
LEAVES = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none())
VALUES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), TEXTS), below, max_size=4),
    ),
    max_leaves=12,
)


def shaped(rule: Rule, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that look like those of the schema, some of them wrong."""
    if rule.how == "append":
        right: st.SearchStrategy[Any] = st.lists(
            st.one_of(TEXTS, st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=4)), max_size=3
        )
    elif rule.keys:
        optional = {key: st.deferred(lambda below=below: shaped(below, depth + 1)) for key, below in rule.keys.items()}  # type: ignore[misc]
        right = st.lists(st.sampled_from(sorted(optional)), max_size=3, unique=True).flatmap(
            lambda keys: st.fixed_dictionaries({key: optional[key] for key in keys})
        )
    elif rule.each:
        right = st.dictionaries(TEXTS, shaped(rule.each, depth + 1), max_size=3)
    else:
        right = LEAVES
    return st.one_of(right, right, right, VALUES) if depth < 4 else right


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    resolve({"robenv.yaml": data})


@QUICK
@given(st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t<0é\\"), max_size=60))
def test_any_text_is_the_same_to_both_parsers(text: str) -> None:
    source = SourceFile(Path("/x"), "x", "x", "project", Path("/"), (), text)
    for loader in (yaml.Loader, getattr(yaml, "CLoader", yaml.Loader)):
        root, problems = load_yaml(source, loader)
        assert root is not None or problems or not text.strip() or "#" in text or "-" in text or "%" in text
    resolve({"robenv.yaml": text.encode(), ".env": text.encode(), "robenv.local.yaml": text.encode()})


@QUICK
@given(VALUES)
def test_any_structure(value: Any) -> None:
    resolve({"robenv.yaml": as_yaml(value).encode()})


@QUICK
@given(shaped(PROFILE), shaped(PROFILE), shaped(PROFILE))
def test_structures_like_profiles_over_three_levels(target: Any, own: Any, local: Any) -> None:
    if isinstance(own, dict):
        own = {**own, "extends": "./target.yaml"}
    files = {"target.yaml": target, "robenv.yaml": own, "robenv.local.yaml": local}
    resolve({name: as_yaml(value).encode() for name, value in files.items()})


PACKAGES = st.from_regex(r"[a-z0-9][a-z0-9+.]{1,8}(=[0-9][0-9.]{0,4}\*?)?", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
# Half characters cannot be written in UTF-8, and NUL can stand in no variable.
ANYTHING = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
LEVELS = st.fixed_dictionaries(
    {
        "apt": st.fixed_dictionaries({"packages": st.lists(PACKAGES, max_size=5)}),
        "environment": st.dictionaries(NAMES, ANYTHING, max_size=4),
        "steps": st.lists(
            st.fixed_dictionaries({"name": NAMES, "run": ANYTHING.map(lambda text: "x" + text)}),
            max_size=3,
            unique_by=lambda step: step["name"],
        ),
    }
)


def dollars(value: Any) -> Any:
    """With every dollar sign written so that it is none of a variable."""
    if isinstance(value, dict):
        return {key: dollars(item) for key, item in value.items()}
    if isinstance(value, list):
        return [dollars(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


@QUICK
@given(st.lists(LEVELS, min_size=1, max_size=4))
def test_valid_levels_resolve_to_what_was_written(levels: list[dict[str, Any]]) -> None:
    files: dict[str, bytes] = {}
    for index, level in enumerate(levels):
        last = index == len(levels) - 1
        content = {**level, **({"extends": f"./{index - 1}.yaml"} if index else {"base": {"image": "x"}})}
        escaped = {key: value if key == "steps" else dollars(value) for key, value in content.items()}
        text = as_yaml(escaped)
        files["robenv.yaml" if last else f"{index}.yaml"] = text.encode()
    resolved = resolve(files)
    assert isinstance(resolved, Resolved), resolved.problems
    packages = list(dict.fromkeys(name for level in levels for name in level["apt"]["packages"]))
    assert list(resolved.profile.apt.packages) == packages
    environment: dict[str, str] = {}
    for level in levels:
        environment |= level["environment"]
    assert resolved.profile.environment == environment
    assert [name for level in resolved.levels for name in level.part.packages] == packages
    for level, part in zip(levels, resolved.levels, strict=True):
        assert dict(part.part.environment) == level["environment"]
    wanted = {(step["name"], step["run"]) for level in levels for step in level["steps"]}
    assert {(step.name, step.run) for step in resolved.profile.steps} == wanted
