"""Values of the schema: what each key takes, what it becomes, and how a refusal reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from robenv.profile.resolve.env_files import hidden_variables
from robenv.profile.resolve.provenance import provenance
from robenv.profile.schema.profile import json_schema
from robenv.profile.schema.run.short_syntax import PortMapping

if TYPE_CHECKING:
    from tests.support.projects.profiles import Project

BASE = "base: {image: x}\n"


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("shm_size", "1gb", 2**30),
        ("shm_size", "64m", 64 * 2**20),
        ("shm_size", "4096", 4096),
        ("shm_size", "1.5GiB", 3 * 2**29),
        ("shm_size", "'2 kb'", 2048),
        ("memswap_limit", "-1", -1),
        ("mem_limit", "8g", 8 * 2**30),
        ("stop_grace_period", "1m30s", 90.0),
        ("stop_grace_period", "1.5s", 1.5),
        ("stop_grace_period", "500ms", 0.5),
        ("stop_grace_period", "2h", 7200.0),
        ("stop_grace_period", "0", 0.0),
        ("cpus", "1.5", 1.5),
        ("cpus", "'2'", 2.0),
        ("cpuset", "0-3,6", "0-3,6"),
        ("cpuset", "1", "1"),
        ("cpu_quota", "50ms", 50_000),
        ("cpu_quota", "-1", -1),
        ("cpu_rt_runtime", "950000", 950_000),
        ("pids_limit", "-1", -1),
        ("oom_score_adj", "-500", -500),
        ("mem_swappiness", "0", 0),
        ("init", "false", False),
        ("init", "'true'", True),
        ("privileged", "TRUE", True),
        ("restart", "no", "no"),
        ("restart", "on-failure:3", "on-failure:3"),
        ("stop_signal", "SIGRTMIN+3", "SIGRTMIN+3"),
        ("cap_add", "[NET_ADMIN, cap_kill, all]", ("NET_ADMIN", "KILL", "ALL")),
        ("command", "a 'b c' d", ("a", "b c", "d")),
        ("command", "[sleep, 10, true]", ("sleep", "10", "true")),
        ("command", "[]", ()),
        ("entrypoint", "''", ()),
        ("network_mode", "container:other", "container:other"),
        ("ipc", "host", "host"),
        ("pid", "container:x", "container:x"),
        ("tmpfs", "/run", ("/run",)),
        ("dns", "::1", ("::1",)),
        ("group_add", "[video, 44]", ("video", "44")),
        (
            "extra_hosts",
            "[a=1.1.1.1, 'b:::1', 'c:[::1]', 'd:host-gateway']",
            ("a:1.1.1.1", "b:::1", "c:::1", "d:host-gateway"),
        ),
        ("expose", "[3000, 8000-8010/udp]", ("3000/tcp", "8000-8010/udp")),
        ("environment", "{A: 1.10, B: true, C: '', D: 0x1F}", {"A": "1.10", "B": "true", "C": "", "D": "0x1F"}),
        ("environment", "[A=1=2, B=]", {"A": "1=2", "B": ""}),
        ("labels", "[a.b=1, c]", {"a.b": "1", "c": ""}),
        ("sysctls", "{net.core.somaxconn: 1024}", {"net.core.somaxconn": "1024"}),
        (
            "security_opt",
            "['seccomp=unconfined', 'no-new-privileges:true']",
            ("seccomp=unconfined", "no-new-privileges:true"),
        ),
        ("hostname", "robot-1", "robot-1"),
        ("device_cgroup_rules", "['c 188:* rmw']", ("c 188:* rmw",)),
    ],
)
def test_run_keys(key: str, written: str, value: object, project: Project) -> None:
    run = project.resolve(f"{BASE}run:\n  {key}: {written}\n").profile.run
    assert getattr(run, key) == value


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ("8080", [("8080/tcp", "", "")]),
        ("'8080:80'", [("80/tcp", "", "8080")]),
        ("'127.0.0.1:8080:80/udp'", [("80/udp", "127.0.0.1", "8080")]),
        ("'127.0.0.1::80'", [("80/tcp", "127.0.0.1", "")]),
        ("'[::1]:80:81'", [("81/tcp", "::1", "80")]),
        ("3000-3002", [(f"{port}/tcp", "", "") for port in (3000, 3001, 3002)]),
        ("'9090-9091:8080-8081'", [("8080/tcp", "", "9090"), ("8081/tcp", "", "9091")]),
        ("'8000-8010:80'", [("80/tcp", "", "8000-8010")]),
        ("{target: 80, published: '8080', protocol: udp, host_ip: 127.0.0.1}", [("80/udp", "127.0.0.1", "8080")]),
        ("{target: 80}", [("80/tcp", "", "")]),
    ],
)
def test_ports(written: str, ports: list[tuple[str, str, str]], project: Project) -> None:
    run = project.resolve(f"{BASE}run: {{ports: [{written}]}}\n").profile.run
    assert run.ports == tuple(PortMapping(*port) for port in ports)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("./data:/data:ro", ("bind", "ROOT/data", "/data", True)),
        (".:/here", ("bind", "ROOT", "/here", False)),
        ("/dev:/dev", ("bind", "/dev", "/dev", False)),
        ("~/x:/x", ("bind", "/home/me/x", "/x", False)),
        ("cache:/c", ("volume", "cache", "/c", False)),
        ("/anonymous", ("volume", "", "/anonymous", False)),
        ("{type: bind, source: sub, target: /s, read_only: true}", ("bind", "ROOT/sub", "/s", True)),
        ("{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 0o1777}}", ("tmpfs", "", "/t", False)),
    ],
)
def test_volumes(written: str, expected: tuple[str, str, str, bool], project: Project) -> None:
    quoted = written if written.startswith("{") else f'"{written}"'
    resolved = project.resolve(f"{BASE}run: {{volumes: [{quoted}]}}\n", {"HOME": "/home/me"})
    (volume,) = resolved.profile.run.volumes
    kind, source, target, read_only = expected
    assert volume.type == kind
    assert volume.source == source.replace("ROOT", str(project.root))
    assert (volume.target, volume.read_only) == (target, read_only)


def test_volume_options(project: Project) -> None:
    tmpfs = '{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: "1777"}}'
    text = BASE + f'run: {{volumes: ["./a:/a:rshared,z", "b:/b:nocopy,ro", {tmpfs}]}}\n'
    bind, volume, memory = project.resolve(text).profile.run.volumes
    assert (bind.bind.propagation, bind.bind.selinux) == ("rshared", "z")
    assert (volume.volume.nocopy, volume.read_only) == (True, True)
    assert (memory.tmpfs.size, memory.tmpfs.mode) == (2**20, 0o1777)


def test_devices_ulimits_and_healthcheck(project: Project) -> None:
    text = BASE + "run:\n  devices: [/dev/a, '/dev/b:/dev/c', '/dev/d:rw', '/dev/e:/dev/f:r']\n"
    text += "  ulimits: {nofile: 1024, memlock: {soft: -1, hard: -1}}\n"
    text += "  healthcheck: {test: curl x, interval: 1m, retries: 3}\n"
    run = project.resolve(text).profile.run
    assert [(device.source, device.target, device.permissions) for device in run.devices] == [
        ("/dev/a", "/dev/a", "rwm"),
        ("/dev/b", "/dev/c", "rwm"),
        ("/dev/d", "/dev/d", "rw"),
        ("/dev/e", "/dev/f", "r"),
    ]
    assert (run.ulimits["nofile"].hard, run.ulimits["memlock"].soft) == (1024, -1)
    assert run.healthcheck is not None
    assert (run.healthcheck.test, run.healthcheck.interval) == (("CMD-SHELL", "curl x"), 60.0)


def test_steps_and_environment_may_hold_anything(project: Project) -> None:
    nasty = "a'b\"c `id` $(id) {{ x }} {% y %} \\ \n# RUN x\n\t-y \u2028 \\"
    text = f"{BASE}steps: [{{name: a, run: {json.dumps(nasty)}}}]\n"
    text += f"environment: {{A: {json.dumps(nasty.replace('$', '$$'))}}}\n"
    resolved = project.resolve(text)
    assert resolved.profile.steps[0].run == nasty
    assert resolved.profile.environment["A"] == nasty


def test_values_that_are_fine(project: Project) -> None:
    packages = [
        "g++",
        "libc6",
        "python3.11",
        "git=1:2.39*",
        "git/bookworm-backports",
        "libc6:arm64",
        "libc6:arm64=2.36-9",
        "x~y=1",
    ]
    packages.remove("x~y=1")
    pips = [
        "numpy",
        "numpy==2.1.3",
        "a[b,c]>=1,<2",
        "x @ https://h/x.whl",
        "git+https://h/x@v1#egg=x",
        'y>1; python_version < "3.12"',
        "z~=1.0",
    ]
    images = [
        "ubuntu",
        "ubuntu:24.04",
        "docker.io/library/ubuntu:24.04",
        "localhost:5000/a/b_c",
        "nvcr.io/nvidia/l4t-base:r32.7.1",
        "x@sha256:" + "a" * 64,
    ]
    resolved = project.resolve(f"{BASE}apt: {{packages: {json.dumps(packages)}}}\npip: {json.dumps(pips)}\n")
    assert list(resolved.profile.apt.packages) == packages
    assert list(resolved.profile.pip_packages) == pips
    for image in images:
        assert project.resolve(f"base: {{image: '{image}'}}\n").profile.base.image == image


def test_an_unset_variable_is_told_wherever_it_is_put_in(project: Project) -> None:
    project.write(".env", "FROM_DOTENV=a$IN_DOTENV\n")
    project.write("a.env", "OK='$literal'\nPASSWORD=abc$IN_FILE\nX=1 # $comment\nY=$X$IN_FILE\n")
    project.write("b.env", 'Z="\n${IN_OTHER}"\nW=${IN_DEFAULT:-w}\nV=$OK\n')
    text = "base: {image: x}\nrun: {env_file: [a.env, b.env], hostname: 'a$IN_YAML'}\n"
    warnings = project.resolve(text).warnings
    assert [(str(warning.location), warning.message.split("`")[1]) for warning in warnings] == [
        (".env:1:1", "IN_DOTENV"),
        ("robenv.yaml:2:43", "IN_YAML"),
        ("a.env:2:1", "IN_FILE"),
        ("b.env:1:1", "IN_OTHER"),
        ("b.env:4:1", "OK"),
    ]


def test_values_of_a_file_of_variables_are_not_shown(project: Project) -> None:
    project.write("a.env", "PASSWORD=sesame\nB=sesame\n")
    resolved = project.resolve("base: {image: x}\nrun: {env_file: a.env, environment: {B: plain}}\n")
    assert resolved.profile.run.environment == {"PASSWORD": "sesame", "B": "plain"}
    shown = {path: value for path, value, _, _ in provenance(resolved)}
    assert shown["run.environment.PASSWORD"] == "(hidden, from a.env)"
    assert shown["run.environment.B"] == "plain"
    assert hidden_variables(resolved) == {"PASSWORD": "(hidden, from a.env)"}


def test_env_file_goes_below_environment(project: Project) -> None:
    project.write("one.env", "A=1\nB='x # y'\nC=${HOST}\nPASSED\nGONE\n")
    project.write("sub/two.env", "A=$$2\nB=2\n")
    project.write("sub/t.yaml", "base: {image: x}\nrun: {env_file: two.env, environment: {D: target}}\n")
    text = "extends: ./sub/t.yaml\n"
    files = "[one.env, {path: gone.env, required: false}, {path: raw.env, format: raw}]"
    text += f"run: {{env_file: {files}, environment: {{B: own}}}}\n"
    project.write("raw.env", "R='$X' # all\n#no\n")
    resolved = project.resolve(text, {"HOST": "h", "PASSED": "p"})
    assert resolved.profile.run.environment == {
        "A": "1",
        "B": "own",
        "C": "h",
        "D": "target",
        "PASSED": "p",
        "R": "'$X' # all",
    }
    place = resolved.locate(("run", "environment", "A"))
    assert place is not None
    assert (place.file, place.line) == ("one.env", 1)


def test_seccomp_files_are_read(project: Project) -> None:
    project.write("p.json", '{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n')
    resolved = project.resolve(f"{BASE}run: {{security_opt: ['seccomp:p.json', apparmor=x]}}\n")
    assert resolved.profile.run.security_opt == ('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "apparmor=x")
    assert project.root / "p.json" in resolved.inputs.files


def test_the_json_schema_names_every_key_and_both_forms() -> None:
    schema = json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["additionalProperties"] is False
    json.dumps(schema)
    top = schema["properties"]
    assert {"name", "extends", "base", "apt", "pip", "files", "steps", "stages", "workspace", "user", "run"} <= set(top)
    assert {kind.get("type") for kind in top["extends"]["anyOf"]} == {"string", "array"}
    run = schema["$defs"]["Run"]["properties"]
    assert {kind.get("type") for kind in run["volumes"]["items"]["anyOf"]} >= {"string"}
    assert "from" in schema["$defs"]["FileCopy"]["properties"]
    assert {kind.get("type") for kind in run["environment"]["anyOf"]} == {"object", "array"}
    for section in ("Gpu", "DeviceRequirement", "UdevRules", "Ros", "Network", "Pool", "Ipam", "Attachment", "Blkio"):
        top |= schema["$defs"][section]["properties"]
    undescribed = [key for key, value in top.items() if not _described(value, schema)]
    assert undescribed == []


def _described(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    reference = value.get("$ref", "").rpartition("/")[2]
    return "description" in value or "description" in schema["$defs"].get(reference, {})
