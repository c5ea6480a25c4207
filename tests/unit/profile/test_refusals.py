"""How each wrong value is refused: one plain sentence, at its exact place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.profile.conftest import Project

BASE = "base: {image: x}\n"

# every value, what its refusal says
REFUSED = [
    ("name: Picker", "is not a project's name"),
    ("name: a--b", "is not a project's name"),
    ("name: " + "a" * 64, "is not a project's"),
    ("name: 12", "put it in quotes"),
    ("name: [a]", "not a list"),
    ("name: '../x'", "is not a project's name"),
    ('description: "a\\nb"', "line break"),
    ("base: x", "expected a mapping"),
    ("base: {image: Ubuntu}", "`ubuntu`"),
    ("base: {image: 'a b'}", "is not an image"),
    ('base: {image: "x\\nRUN y"}', "line break"),
    ("base: {image: scratch}", "is empty"),
    ("base: {image: '-x'}", "is not an image"),
    ("base: {image: 'x:$$(id)'}", "is not an image"),
    ("base: {imge: x}", "did you mean `image`"),
    ("base: {bootstrap: {suite: '../x'}}", "is not a suite"),
    ("base: {bootstrap: {}}", "`suite` is missing"),
    ("base: {bootstrap: {suite: x, mirror: ftp://x}}", "begins with http"),
    ("base: {bootstrap: {suite: x, variant: minbas}}", "did you mean `minbase`"),
    ("base: {bootstrap: {suite: x, include: [--x]}}", "options of apt-get"),
    ("apt: [git]", "expected a mapping"),
    ("apt: {packages: git}", "expected a list"),
    ("apt: {packges: [git]}", "did you mean `packages`"),
    ("apt: {packages: ['-y']}", "options of apt-get"),
    ("apt: {packages: ['git; id']}", "one package an entry"),
    ("apt: {packages: ['git;id']}", "is not a package"),
    ("apt: {packages: ['git$$(id)']}", "is not a package"),
    ("apt: {packages: ['git`id`']}", "is not a package"),
    ("apt: {packages: ['git{{ x }}']}", "is not a package"),
    ("apt: {packages: ['git\\']}", "is not a package"),
    ('apt: {packages: ["git\\n"]}', "line break"),
    ("apt: {packages: [\"'git'\"]}", "is not a package"),
    ("apt: {packages: ['\"git\"']}", "is not a package"),
    ("apt: {packages: [git-]}", "would remove one"),
    ("apt: {packages: [Git]}", "did you mean `git`"),
    ("apt: {packages: ['git==1.2']}", "did you mean `git=1.2`"),
    ("apt: {packages: [g]}", "is not a package"),
    ("apt: {packages: [5]}", "put it in quotes"),
    ("apt: {packages: [null]}", "not nothing"),
    ("apt: {packages: ['']}", "empty text"),
    ('apt: {packages: ["a\\0b"]}', "NUL"),
    ("apt: {packages: ['git=1 2']}", "one package an entry"),
    ("apt: {repositories: {'a/b': {url: http://x/, suite: ./}}}", "is not a name of letters"),
    ("apt: {repositories: {a: {url: 'http://x/ y', suite: ./}}}", "begins with http"),
    ('apt: {repositories: {a: {url: "http://x/\\ndeb", suite: ./}}}', "line break"),
    ("apt: {repositories: {a: {url: http://x/, suite: 'a b', components: [main]}}}", "is not a suite"),
    ("apt: {repositories: {a: {url: http://x/, suite: ./, key_checksum: md5:x}}}", "is not a checksum"),
    ("pip: numpy", "expected a list"),
    ("pip: ['-r x']", "options of pip"),
    ("pip: ['--index-url=http://x']", "options of pip"),
    ("pip: ['./x']", "a package from a folder"),
    ("pip: ['numpy=1']", "`==`"),
    ('pip: ["a\\nb"]', "line break"),
    ("pip: ['a b']", "is not a requirement"),
    ("pip: ['$$(id)']", "is not a requirement"),
    ("pip: ['a\\']", "is not a requirement"),
    ("environment: {'A B': x}", "is not a variable's name"),
    ("environment: {A: [1]}", "not a list"),
    ('environment: {"A\\nB": x}', "line break"),
    ('environment: {A: "\\0"}', "NUL"),
    ("environment: ['A-B=1']", "is not a variable's name"),
    ("environment: [A=1, A=2]", "set twice"),
    ("environment: [[A]]", "expected NAME=value"),
    ("environment: x", "expected a mapping"),
    ("files: [x]", "expected a mapping"),
    ("files: [{source: x}]", "`target` is missing"),
    ("files: [{source: robenv.yaml, target: x}]", "is not an absolute path"),
    ("files: [{source: robenv.yaml, target: /a/../b}]", "without `..`"),
    ("files: [{source: robenv.yaml, target: /x, mode: '999'}]", "is not a mode"),
    ('files: [{source: robenv.yaml, target: "/x\\ny"}]', "line break"),
    ("files: [{source: robenv.yaml, target: /x, owner: 'a b'}]", "is not a user"),
    ("files: [{source: none, target: /x}]", "there is no file"),
    ("steps: [make]", "expected a mapping"),
    ("steps: [{run: make}]", "`name` is missing"),
    ('steps: [{name: "a\\nb", run: x}]', "line break"),
    ("steps: [{name: a, run: x, as: rot}]", "did you mean `root`"),
    ("steps: [{name: a, run: ' '}]", "runs nothing"),
    ("steps: [{name: a, run: [x]}]", "not a list"),
    ("image: {shell: []}", "at least one entry"),
    ("image: {shell: bash}", "expected a list"),
    ("image: {labels: {'a b': x}}", "is not a label"),
    ("image: {labels: {robenv.hash: x}}", "robenv's own"),
    ('image: {labels: {a: "x\\ny"}}', "line break"),
    ('image: {args: {A: "x\\ny"}}', "line break"),
    ("image: {working_dir: opt}", "is not an absolute path"),
    ("image: {user: 'a b'}", "is not a user"),
    ("image: {healthcheck: {test: [curl]}}", "begins with `CMD`"),
    ("image: {healthcheck: {test: [CMD]}}", "CMD takes a command"),
    ('image: {command: "a \'b"}', "cannot be split"),
    ("setup: [setup.bash]", "is not an absolute path"),
    ("stages: {Builder: {}}", "is not a stage's name"),
    ("stages: {s: {run: {}}}", "unknown key `run`"),
    ("platforms: [amd64]", "did you mean `linux/amd64`"),
    ("platforms: [linux/aarch64]", "did you mean `linux/arm64`"),
    ("platforms: linux/amd64", "expected a list"),
    ("workspace: {target: work}", "is not an absolute path"),
    ("workspace: {target: /usr/}", "would hide"),
    ("workspace: {repos: [x]}", "does not have `workspace.repos` yet"),
    ("user: {name: Me}", "is not a user's name"),
    ("user: {name: root}", "cannot be `root`"),
    ("user: {uid: -1}", "`host` or a number"),
    ("user: {sudo: yes}", "write true or false"),
    ("user: {shell: bash}", "is not an absolute path"),
    ("run: {init: on}", "write true or false"),
    ("run: {shm_size: lots}", "expected a size"),
    ("run: {shm_size: 99999999pb}", "more bytes than"),
    ("run: {stop_grace_period: 10}", "expected a duration"),
    ("run: {cpus: 0}", "above 0"),
    ("run: {mem_swappiness: 101}", "from 0 to 100"),
    ("run: {restart: false}", "put it in quotes"),
    ("run: {restart: sometimes}", "is not no, always"),
    ("run: {cap_add: [NET_ADMN]}", "did you mean `NET_ADMIN`"),
    ("run: {ports: ['99999']}", "no range between"),
    ("run: {ports: ['a:b']}", "is not a port"),
    ("run: {ports: ['1-2:3-6']}", "same length"),
    ("run: {ports: ['80/icmp']}", "expected tcp, udp or sctp"),
    ("run: {ports: [{published: 1}]}", "`target` is missing"),
    ("run: {ports: [{target: 1, foo: 2}]}", "unknown key `foo`"),
    ("run: {volumes: ['a:b:c:d']}", "is not a volume"),
    ("run: {volumes: ['a:/b:rx']}", "is not a mode"),
    ("run: {volumes: ['a:b']}", "is not an absolute path"),
    ("run: {volumes: ['data/x:/x']}", "`./data/x`"),
    ("run: {volumes: [{type: bnd, target: /x}]}", "did you mean `bind`"),
    ("run: {volumes: [{type: bind, target: /x}]}", "needs a `source`"),
    ("run: {devices: ['dev/x']}", "is not an absolute path"),
    ("run: {devices: ['/dev/x:/dev/y:q']}", "not permissions"),
    ("run: {ulimits: {nofiles: 1}}", "the name of a limit"),
    ("run: {ulimits: {nofile: many}}", "expected a whole number"),
    ("run: {sysctls: {a: 1}}", "is not a kernel setting"),
    ("run: {sysctls: [net.a]}", "has no value"),
    ("run: {dns: [x]}", "is not an IP address"),
    ("run: {extra_hosts: [x]}", "is not HOST:ADDRESS"),
    ("run: {network_mode: 'service:x'}", "there is none"),
    ("run: {ipc: shared}", "`shareable`"),
    ("run: {hostname: a_b}", "is not a host's name"),
    ("run: {device_cgroup_rules: [x]}", "is not a rule"),
    ("run: {env_file: none}", "there is no such file"),
    ("run: {security_opt: ['seccomp=none.json']}", "there is no such file"),
    ("run: {security_opt: ['seccomp=robenv.yaml']}", "is not JSON"),
    ("run: {volumes: x}", "expected a list"),
    ("run: x", "expected a mapping"),
    ("run: {tmpfs: [run]}", "is not an absolute path"),
    ("run: {volums: [x]}", "did you mean `volumes`"),
    ("volumes: [x]", "write it as run.volumes"),
    ("packages: [x]", "write it as apt.packages"),
    ("shm_size: 1gb", "belongs under `run`"),
    ("run: {image: x}", "write it as base.image"),
    ("run: {gpus: all}", "write it as `gpu: required`"),
    ("gpu: any", "expected `auto`, `none`, `required` or a mapping"),
    ("gpu: true", "write `auto`"),
    ("gpu: {mode: false}", "write `none`"),
    ("display: true", "write `auto`"),
    ("ssh_agent: false", "write `none`"),
    ("audio: pulse", "did you mean `pulseaudio`?"),
    ("audio: 1", "not the number `1`"),
    ("ros: {distro: jazzy}", "does not have `ros.distro` yet"),
    ("extends: [5]", "put it in quotes"),
    ("extends: {a: b}", "expected a list"),
    ("nme: x", "did you mean `name`"),
    ("'{{ x }}': y", "unknown key"),
    ('"a\\e[31mb": y', "unknown key `a\\x1b[31mb`"),
]


@pytest.mark.parametrize(("written", "words"), REFUSED)
def test_refusals(written: str, words: str, project: Project) -> None:
    key = written.partition(":")[0]
    problems = project.problems(("" if key == "base" else BASE) + written + "\n")
    said = "\n".join(f"{one.message} {one.hint}" for one in problems)
    assert len(problems) == 1, said
    assert words in said
    assert "Value error" not in said
    assert "Input should" not in said
    location = problems[0].location
    assert location is not None
    assert location.line == (1 if key == "base" else 2)
    assert "^" in location.excerpt
    assert said.isprintable()


def test_positions_are_those_of_the_wrong_value(project: Project) -> None:
    text = "base:\n  image: ubuntu:24.04\napt:\n  packages:\n    - git\n    - 'a b'\n"
    text += "run:\n  volumes:\n    - ./x:/x\n    - y:z\n"
    text += "  ports: [1, x]\n  ulimits:\n    nofile: x\nuser: {nam: x, uid: y}\nenvironment:\n  A: 1\n  'B C': 2\n"
    found = {(one.location.line, one.location.column) for one in project.problems(text) if one.location}
    assert found == {(6, 7), (10, 7), (11, 14), (13, 13), (14, 8), (14, 21), (17, 3)}
