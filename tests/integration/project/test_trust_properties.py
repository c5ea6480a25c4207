"""Whatever a stranger's file says: what the engine is told otherwise because of it is harmless, or was asked for.

By ``tests.support.engines.engine_differences``, which knows nothing of ``robenv.plan.trust``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robenv.errors import RobenvError
from robenv.plan.host.host import plan_host
from robenv.plan.models import RunPlan
from robenv.profile.chain.extends import ProfileSource, refuse_remote
from robenv.profile.chain.project import find_project
from robenv.profile.chain.reader import ChainReader
from robenv.profile.merge.variables import Variables
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.schema.trust import ENGINE, KEYS
from robenv.profile.yaml.nodes import Mapping as MappingNode
from robenv.profile.yaml.nodes import Node, Sequence, to_python
from robenv.project.planned import plan_project
from robenv.project.trust.judge import claims_of
from tests.support.engines.engine_differences import differences
from tests.support.projects.profile_examples import EXAMPLES, FACTS


class Project:
    """The user's own files, and a stranger's among them: anybody may write that one."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "picker"
        self.root.mkdir(0o700)
        self._alone: dict[str, RunPlan] = {}

    def plan(self, own: str, theirs: str | None) -> tuple[RunPlan, tuple[str, ...]]:
        """The container, and what the user is asked for. Raises RobenvError."""
        self.write("own.yaml", own)
        self.write("theirs.yaml", theirs or "", 0o666)
        chain = "[./own.yaml, ./theirs.yaml]" if theirs is not None else "[./own.yaml]"
        self.write("robenv.yaml", f"name: picker\nbase: {{image: debian}}\nextends: {chain}\n")
        planned = plan_project(resolve_project(find_project(self.root), {}), "linux/amd64")
        # Of no matter here, and what takes longest to work out.
        planned.__dict__["content_hash"] = "0" * 64
        plan = planned.container(FACTS, plan_host(planned.resolved.profile, FACTS))
        return plan, tuple(power for claim in claims_of(planned, FACTS, plan) for power in claim.powers)

    def compare(self, own: str, theirs: str) -> tuple[list[str], tuple[str, ...]] | None:
        """What the engine is told otherwise that is not harmless, and what is asked for; None where the files make no
        project."""
        try:
            if own not in self._alone:
                self._alone[own] = self.plan(own, None)[0]
            whole, asked = self.plan(own, theirs)
        except RobenvError:
            return None
        return list(differences(self._alone[own], whole)), asked

    def write(self, name: str, text: str, mode: int = 0o600) -> None:
        path = self.root / name
        path.write_text(text)
        path.chmod(mode)


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with tempfile.TemporaryDirectory() as folder:
        yield Project(Path(folder))


def check(project: Project, own: str, theirs: str) -> bool:
    """Whether the files make a project at all."""
    found = project.compare(own, theirs)
    if found is None:
        return False
    told, asked = found
    assert not told or asked, f"nobody is asked about {told}\nown: {own}\ntheirs: {theirs}"
    # What is no difference of one request, but of what the engine makes of two that go together.
    asked = tuple(one for one in asked if not one.startswith("any folder of the host in the place of "))
    assert told or not asked, f"asked for nothing: {asked}\nown: {own}\ntheirs: {theirs}"
    return True


# What the user's own files say: nothing; as strict as can be; and enough of each power for a stranger to widen it.
STRICT = """
run: {network_mode: none, read_only: true, ipc: none, cgroup_parent: /own, runtime: runsc, dns: [10.1.1.1],
  mem_limit: 512mb, pids_limit: 50, cpus: 0.5, cpu_shares: 100, oom_score_adj: 700, cpuset: '1', cpu_rt_runtime: 500us,
  volumes: ['./data:/data:ro', 'cache:/cache:ro'], devices: ['/dev/sda:/dev/sda:r'], labels: {mine: x},
  device_cgroup_rules: ['c 188:* r'], ulimits: {nofile: 50}, logging: {driver: local}, storage_opt: {size: 1G},
  healthcheck: {test: 'true'}, environment: {NVIDIA_VISIBLE_DEVICES: none}, security_opt: ['apparmor=own'],
  blkio_config: {weight: 50, device_read_bps: [{path: /dev/sda, rate: 10}]}}
"""
QUOTA = "run: {cpu_quota: 20ms, network_mode: 'container:vpn', ulimits: {rtprio: {soft: 1, hard: 1}}}"
ISOLATED = """
networks: {lan: {internal: true, driver_opts: {com.docker.network.bridge.enable_icc: 'false'}}}
run: {networks: [lan], devices: [/dev/dri/card0], security_opt: [seccomp=unconfined], cpu_shares: 4096}
"""
ON_THE_LAN = "{networks: {lan: {driver: macvlan, driver_opts: {parent: eth1}}}, run: {networks: [lan]}}"
WITH_OTHERS = "{networks: {lan: {external: true}}, run: {networks: [lan], blkio_config: {weight: 900}}}"
POWERFUL = """
{run: {privileged: true, network_mode: host, pid: host, ipc: host, restart: always}, user: {sudo: true}, gpu: auto}
"""


@pytest.mark.parametrize("own", ["{}", STRICT, QUOTA, ISOLATED, ON_THE_LAN, WITH_OTHERS, POWERFUL])
def test_each_key_and_value_changes_only_what_is_harmless_or_asked_for(project: Project, own: str) -> None:
    checked = [check(project, own, theirs) for theirs in EXAMPLES]
    assert sum(checked) > len(EXAMPLES) * 3 // 4


def test_a_user_of_the_users_own_choice_is_not_taken_back_unasked(project: Project) -> None:
    told, asked = project.compare("user: {uid: 4322}", "user: !reset null") or ([], ())
    assert told
    assert asked


def test_the_same_for_one_platform_is_judged_the_same(project: Project) -> None:
    for theirs in EXAMPLES[::3]:
        for_one = f"per_platform: {{linux/amd64: {as_yaml(yaml.load(theirs, _Loader))}}}"
        assert project.compare("{}", for_one) == project.compare("{}", theirs), theirs


def test_the_examples_have_two_values_of_every_key_that_the_engine_is_told(project: Project) -> None:
    """So that a key that is added to the schema is tried by the tests above."""
    wanted = [key for key, judge in KEYS.items() if judge == ENGINE and not key.startswith("per_platform.")]
    values: dict[str, set[str]] = {}
    for text in EXAMPLES:
        project.write("said.yaml", text)
        reader = ChainReader(project.root, Variables({}), refuse_remote)
        reader.follow(ProfileSource(project.root / "said.yaml", "project", "said", project.root))
        assert reader.problems == [], text
        for path, value in said(reader.documents[-1].root, ()):
            for key in wanted:
                if _is_of(path, key):
                    values.setdefault(key, set()).add(value)
    missing = [key for key in wanted if len(values.get(key, ())) < 2]
    assert not missing, missing


def said(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every place in a file and what stands there; those in a list have the list's own."""
    yield path, repr(to_python(node))
    if isinstance(node, Sequence):
        for item in node.items:
            yield from said(item, path)
    elif isinstance(node, MappingNode):
        for key, value in node.values():
            yield from said(value, (*path, key))


def _is_of(path: tuple[str, ...], key: str) -> bool:
    steps = key.split(".")
    return len(steps) == len(path) and all(step in ("*", name) for step, name in zip(steps, path, strict=True))


class _Loader(yaml.SafeLoader):
    """Keeps ``!reset`` and ``!override``."""


class Tagged(list):  # type: ignore[type-arg]
    """A tag, and what stands behind it."""


_Loader.add_constructor("!reset", lambda loader, node: Tagged(["!reset", None]))


def as_yaml(value: Any) -> str:
    if isinstance(value, Tagged):
        return f"{value[0]} {as_yaml(value[1])}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {as_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    return json.dumps(value)


def merged(texts: list[str]) -> dict[str, Any]:
    """One file with all that several say; what comes later goes before."""
    whole: dict[str, Any] = {}
    for text in texts:
        _merge(whole, yaml.load(text, _Loader))
    return whole


def _merge(whole: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        known = whole.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif type(known) is type(value) is list:
            whole[key] = [*known, *(one for one in value if one not in known)]
        else:
            whole[key] = value


OWN = st.lists(st.sampled_from(EXAMPLES), max_size=5).map(merged)


@st.composite
def theirs_upon(draw: st.DrawFn, own: dict[str, Any]) -> dict[str, Any]:
    """A stranger's file, that may also take away what the user's own says."""
    whole = merged(draw(st.lists(st.sampled_from(EXAMPLES), max_size=3)))
    sections = [(key,) for key in own] + [
        (key, below) for key in own if isinstance(own[key], dict) for below in own[key]
    ]
    for path in draw(st.lists(st.sampled_from(sections), max_size=2)) if sections else []:
        level = whole
        for key in path[:-1]:
            level = level.setdefault(key, {})
            level = level if isinstance(level, dict) else {}
        said = level.get(path[-1])
        level[path[-1]] = Tagged(["!reset", None] if said is None else ["!override", said])
    return {"per_platform": {"linux/amd64": whole}} if draw(st.integers(0, 4)) == 0 else whole


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_is_gained_or_taken_away_by_any_files_together_that_nobody_asked_for(
    project: Project, data: st.DataObject
) -> None:
    own = data.draw(OWN, "own")
    theirs = data.draw(theirs_upon(own), "theirs")
    check(project, as_yaml(own), as_yaml(theirs))
