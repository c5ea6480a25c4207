from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from robenv.profile.merge.merge import Rule
from robenv.profile.merge.rules import PROFILE
from robenv.profile.schema.profile import Profile
from robenv.profile.yaml.nodes import to_python

if TYPE_CHECKING:
    from tests.support.projects.profiles import Project

# (key, the target's value, the project's value, what they come to); all as YAML
TABLE = [
    # mappings: deeply, key by key
    ("environment", "{A: 1, B: 2}", "{B: 3, C: 4}", "{A: 1, B: 3, C: 4}"),
    ("environment", "[A=1, B=2]", "{B: 3}", "{A: 1, B: 3}"),
    ("environment", "{A: 1}", "[A=2, B=]", "{A: 2, B: ''}"),
    ("image", "{args: {A: 1}, labels: {x: 1}}", "{args: {A: 2}, labels: [y=2]}",
     "{args: {A: 2}, labels: {x: 1, y: 2}}"),
    (
        "apt",
        "{repositories: {r: {url: http://a/, suite: s, components: [main]}}, packages: [aa]}",
        "{repositories: {r: {url: http://b/, components: [more, main]}}, packages: [bb, aa]}",
        "{repositories: {r: {url: http://b/, suite: s, components: [main, more]}}, packages: [aa, bb]}",
    ),
    ("stages", "{s: {apt: {packages: [aa]}}}", "{s: {apt: {packages: [bb]}}}", "{s: {apt: {packages: [aa, bb]}}}"),
    ("stages", "{s: {pip: [aa]}}", "{t: {pip: [bb]}}", "{s: {pip: [aa]}, t: {pip: [bb]}}"),
    ("run", "{labels: {a: 1}}", "{labels: [b=2]}", "{labels: {a: 1, b: 2}}"),
    ("run", "{ulimits: {nofile: 1}}", "{ulimits: {nofile: {soft: 2, hard: 3}, core: 0}}",
     "{ulimits: {nofile: {soft: 2, hard: 3}, core: 0}}"),
    ("run", "{sysctls: {net.a: 1}}", "{sysctls: [net.b=2]}", "{sysctls: {net.a: 1, net.b: 2}}"),
    ("run", "{logging: {driver: x, options: {a: 1}}}", "{logging: {options: {b: 2}}}",
     "{logging: {driver: x, options: {a: 1, b: 2}}}"),
    ("user", "{name: a, sudo: true}", "{name: b}", "{name: b, sudo: true}"),
    # lists: appended, without duplicates
    ("pip", "[aa, bb]", "[bb, cc, cc]", "[aa, bb, cc]"),
    ("setup", "[/a]", "[/b, /a]", "[/a, /b]"),
    ("steps", "[{name: a, run: b}]", "[{run: b, name: a}, {name: c, run: b}]",
     "[{name: a, run: b}, {name: c, run: b}]"),
    ("run", "{cap_add: [KILL]}", "{cap_add: [SYS_NICE, KILL]}", "{cap_add: [KILL, SYS_NICE]}"),
    ("run", "{dns: 1.1.1.1}", "{dns: [8.8.8.8, 1.1.1.1]}", "{dns: [1.1.1.1, 8.8.8.8]}"),
    ("run", "{extra_hosts: ['a:1.1.1.1']}", "{extra_hosts: {b: 1.1.1.2, c: [1.1.1.3]}}",
     "{extra_hosts: ['a:1.1.1.1', 'b:1.1.1.2', 'c:1.1.1.3']}"),
    ("run", "{ports: ['80:80']}", "{ports: ['80:80', 81]}", "{ports: ['80:80', 81]}"),
    # a container path is one mount
    ("run", "{volumes: ['one:/a', 'two:/b']}", "{volumes: ['three:/b/:ro']}",
     "{volumes: [{type: volume, source: one, target: /a},"
     " {type: volume, source: three, target: /b/, read_only: true}]}"),
    ("run", "{devices: [/dev/a]}", "{devices: ['/dev/b:/dev/a:r']}",
     "{devices: [{source: /dev/b, target: /dev/a, permissions: r}]}"),
    # replaced whole
    ("platforms", "[linux/amd64, linux/arm64]", "[linux/arm64]", "[linux/arm64]"),
    ("base", "{bootstrap: {suite: bookworm, include: [aa]}}", "{image: x}", "{image: x}"),
    ("base", "{bootstrap: {suite: bookworm, include: [aa]}}", "{bootstrap: {suite: noble}}",
     "{bootstrap: {suite: noble}}"),
    ("image", "{shell: [a, b], command: [a, b], entrypoint: x}", "{shell: [c], command: d, entrypoint: []}",
     "{shell: [c], command: d, entrypoint: []}"),
    ("image", "{healthcheck: {test: [CMD, a], retries: 3}}", "{healthcheck: {test: [CMD, b]}}",
     "{healthcheck: {test: [CMD, b], retries: 3}}"),
    ("run", "{command: [a, b], entrypoint: [c]}", "{command: d}", "{command: d, entrypoint: [c]}"),
    # arguments: one after the other, whatever stands there twice
    ("ros", "{colcon_defaults: {build: {cmake-args: [-D, A=1], mixin: [debug]}}}",
     "{colcon_defaults: {build: {cmake-args: [-D, B=1]}, test: {parallel-workers: 2}}}",
     "{colcon_defaults: {build: {cmake-args: [-D, A=1, -D, B=1], mixin: [debug]}, test: {parallel-workers: 2}}}"),
    ("ros", "{colcon_defaults: {build: {symlink-install: true, mixin: [debug]}}}",
     "{colcon_defaults: {build: {symlink-install: false, mixin: !override [release]}}}",
     "{colcon_defaults: {build: {symlink-install: false, mixin: [release]}}}"),
    ("ros", "{colcon_defaults: {build: {executor: [a]}}}", "{colcon_defaults: {build: {executor: b}}}",
     "{colcon_defaults: {build: {executor: b}}}"),
    # scalars
    ("run", "{init: true, shm_size: 1gb}", "{init: false}", "{init: false, shm_size: 1gb}"),
    # !override and !reset
    ("environment", "{A: 1, B: 2}", "!override {C: 3}", "{C: 3}"),
    ("environment", "{A: 1, B: 2}", "{A: !reset null, B: !override 5}", "{B: 5}"),
    ("apt", "{packages: [aa]}", "{packages: !override [bb]}", "{packages: [bb]}"),
    ("apt", "{packages: [aa]}", "{packages: !reset []}", "{}"),
    ("apt", "{packages: [aa], repositories: {r: {url: http://a/, suite: x/}}}", "!override {packages: [bb]}",
     "{packages: [bb]}"),
    ("pip", "[aa]", "!reset", None),
    ("pip", "[aa]", "!override", None),
    ("run", "{volumes: ['one:/a']}", "{volumes: !override ['two:/b']}",
     "{volumes: [{type: volume, source: two, target: /b}]}"),
    ("run", "{network_mode: host}", "{network_mode: !reset null}", "{}"),
    ("stages", "{s: {pip: [aa]}, t: {pip: [bb]}}", "{s: !reset }", "{t: {pip: [bb]}}"),
    ("user", "{name: a, sudo: true}", "!override {shell: /bin/sh, name: !reset x}", "{shell: /bin/sh}"),
    # a key with nothing behind it says nothing
    ("pip", "[aa]", "", "[aa]"),
    ("run", "{init: false}", "\n  init:\n  volumes:\n", "{init: false}"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "target", "own", "expected"), TABLE)
def test_merging(key: str, target: str, own: str, expected: str | None, project: Project) -> None:
    base = "" if key == "base" else "base: {image: x}\n"
    project.write("target.yaml", f"{base}{key}: {target}\n")
    resolved = project.resolve(f"extends: ./target.yaml\n{key}: {own}\n")
    merged = to_python(resolved.root).get(key)
    project.write("target.yaml", f"{base or 'base: {image: x}'}\n")
    alone = project.resolve(f"extends: ./target.yaml\n{key}: {expected}\n" if expected else "extends: ./target.yaml\n")
    assert merged == to_python(alone.root).get(key)
    assert getattr(resolved.profile, key) == getattr(alone.profile, key)


def test_name_and_description_are_never_inherited(project: Project) -> None:
    project.write("target.yaml", "name: target\ndescription: of the target\nbase: {image: x}\n")
    profile = project.resolve("name: own\nextends: ./target.yaml\n").profile
    assert (profile.name, profile.description) == ("own", "")


def test_the_overlay_goes_last_and_may_name(project: Project) -> None:
    project.write("robenv.local.yaml", "name: here\nrun: {network_mode: none}\napt: {packages: [gdb]}\n")
    resolved = project.resolve("name: own\nbase: {image: x}\napt: {packages: [git]}\nrun: {network_mode: host}\n")
    assert resolved.profile.name == "here"
    assert resolved.profile.run.network_mode == "none"
    assert resolved.profile.apt.packages == ("git", "gdb")
    assert [level.name for level in resolved.levels] == ["robenv.yaml", "robenv.local.yaml"]
    assert [level.origin for level in resolved.levels] == ["project", "local"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_overlay_is_fine(text: str, project: Project) -> None:
    project.write("robenv.local.yaml", text)
    assert project.resolve("name: own\nbase: {image: x}\n").profile.name == "own"


def test_every_key_of_the_schema_has_a_rule() -> None:
    assert sorted(_without_rule(Profile, PROFILE, "")) == []


def _without_rule(annotation: Any, rule: Rule | None, path: str) -> list[str]:
    """The schema's keys that the table of rules does not know. The entries of lists need none."""
    if rule is None:
        return [path]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and rule.how != "replace":
        keys = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        extra = [f"{path}.{key} (not in the schema)" for key in rule.keys if key not in keys]
        return extra + [
            one for key, below in keys.items() for one in _without_rule(below, rule.below(key), f"{path}.{key}")
        ]
    if get_origin(annotation) is dict:
        assert rule.how == "mapping", path
        return _without_rule(get_args(annotation)[1], rule.below("any"), path + ".*")
    if get_origin(annotation) is tuple:
        assert rule.how in ("append", "arguments", "replace", "own"), path
        return []
    return [one for part in get_args(annotation) for one in _without_rule(part, rule, path)]
