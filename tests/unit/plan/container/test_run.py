"""From a robenv.yaml to a RunPlan: profiles are really resolved."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from robenv import __version__
from robenv.errors import UsageError
from robenv.host.facts import EngineFacts, Facts
from robenv.host.project_folder import project_id
from robenv.plan.container.create_request import create_request
from robenv.plan.container.diff import diff_plans
from robenv.plan.container.run import plan_digest, plan_run
from robenv.plan.models import Device, DiskLimit, Healthcheck, Mount, Port, RunPlan, Ulimit, User
from robenv.plan.names import container_name, home_volume
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_builtin, resolve_project
from robenv.profile.schema.run.keys import Run

FACTS = Facts(uid=1234, gid=100, user_name="LAB\\jane.doe@example", platform="linux/amd64", timezone="Europe/Berlin")
HOST_ROOT = replace(FACTS, uid=0, gid=0)
DEV = User("dev", 1234, 100, "/home/dev", "/bin/bash", sudo=False)
LOCAL = "127.0.0.1"
NNP = "no-new-privileges"
HASH = "0123456789abcdef" * 4
IMAGE = "robenv/picker:0123456789ab"


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = container_name("picker", project_id(root))

    def plan(self, yaml: str = "", facts: Facts = FACTS, **options: Any) -> RunPlan:
        (self.root / "robenv.yaml").write_text("name: picker\nbase: {image: debian:bookworm}\n" + yaml)
        resolved = resolve_project(find_project(self.root), {"SECRET": "s3cret"})
        return plan_run(resolved, IMAGE, facts, content_hash=HASH, **options)

    def run(self, yaml: str) -> RunPlan:
        """The plan of a profile with these lines under ``run:``."""
        return self.plan("run:\n" + "".join(f"  {line}\n" for line in yaml.splitlines()))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_qemu_is_set_for_a_container_of_another_architecture(project: Project) -> None:
    assert project.plan(platform="linux/arm64").environment == (("QEMU_CPU", "max,pauth-impdef=on"),)
    own = project.plan("run: {environment: {QEMU_CPU: cortex-a57}}", platform="linux/arm64")
    assert own.environment == (("QEMU_CPU", "cortex-a57"),)
    on_a_robot = project.plan(facts=replace(FACTS, platform="linux/arm64"), platform="linux/arm64")
    assert on_a_robot.environment == ()


def test_a_profile_that_says_nothing_of_running(project: Project) -> None:
    plan = project.plan()
    home = home_volume(project.name, 1234)
    assert plan == RunPlan(
        project="picker",
        directory=str(project.root),
        name=project.name,
        image=IMAGE,
        platform="linux/amd64",
        user=DEV,
        working_dir="/workspace",
        entrypoint=(),
        command=("sleep", "infinity"),
        environment=(),
        mounts=(Mount("volume", home, "/home/dev"), Mount("bind", str(project.root), "/workspace")),
        home_volume=home,
        labels=plan.labels,
        prefix=project.name,
        cap_drop=("ALL",),
        security_opt=("no-new-privileges",),
    )
    stored = dict(plan.labels)
    assert json.loads(stored.pop("robenv.plan.json")) == json.loads(json.dumps(replace(plan, labels=()).to_json()))
    assert stored == {
        "robenv.project": "picker",
        "robenv.directory": str(project.root),
        "robenv.place": project_id(project.root),
        "robenv.uid": "1234",
        "robenv.role": "environment",
        "robenv.hash": HASH,
        "robenv.version": __version__,
        "robenv.main": "sleep",
        "robenv.plan": plan_digest(plan),
    }


@pytest.mark.parametrize(
    ("yaml", "field", "value"),
    [
        ("hostname: arm", "hostname", "arm"),
        ("domainname: lab.example", "domainname", "lab.example"),
        ("network_mode: host", "network_mode", "host"),
        ("ipc: host", "ipc", "host"),
        ("pid: host", "pid", "host"),
        ("uts: host", "uts", "host"),
        ("userns_mode: host", "userns_mode", "host"),
        ("cgroup: private", "cgroup", "private"),
        ("cgroup_parent: /robots", "cgroup_parent", "/robots"),
        ("runtime: nvidia", "runtime", "nvidia"),
        ("init: false", "init", False),
        ("privileged: true", "privileged", True),
        ("read_only: true", "read_only", True),
        ("restart: on-failure:3", "restart", "on-failure:3"),
        ("stop_signal: SIGINT", "stop_signal", "SIGINT"),
        ("stop_grace_period: 1m30s", "stop_grace_period", 90.0),
        ("shm_size: 1gb", "shm_size", 1 << 30),
        ("mem_limit: 8gb", "mem_limit", 8 << 30),
        ("mem_reservation: 512m", "mem_reservation", 512 << 20),
        ("memswap_limit: -1", "memswap_limit", -1),
        ("mem_swappiness: 0", "mem_swappiness", 0),
        ("oom_kill_disable: false", "oom_kill_disable", False),
        ("oom_score_adj: -500", "oom_score_adj", -500),
        ("cpus: 1.5", "cpus", 1.5),
        ("cpu_shares: 512", "cpu_shares", 512),
        ("cpu_period: 100ms", "cpu_period", 100_000),
        ("cpu_quota: 50000", "cpu_quota", 50_000),
        ("cpu_rt_runtime: 400ms", "cpu_rt_runtime", 400_000),
        ("cpu_rt_period: 1400us", "cpu_rt_period", 1400),
        ("cpuset: 0-3,6", "cpuset", "0-3,6"),
        ("pids_limit: 100", "pids_limit", 100),
        ("blkio_config: {weight: 300}", "blkio_weight", 300),
        (
            "blkio_config: {device_write_bps: [{path: /dev/sda, rate: 1kb}]}",
            "blkio_limits", (DiskLimit("/dev/sda", "write_bps", 1024),),
        ),
        ("cap_add: [NET_ADMIN, CAP_SYS_NICE]", "cap_add", ("NET_ADMIN", "SYS_NICE")),
        ("cap_drop: [ALL]", "cap_drop", ("ALL",)),
        ("security_opt: [seccomp=unconfined]", "security_opt", ("seccomp=unconfined", NNP)),
        ("group_add: [dialout, 44]", "group_add", ("dialout", "44")),
        ("device_cgroup_rules: ['c 188:* rmw']", "device_cgroup_rules", ("c 188:* rmw",)),
        ("dns: 10.0.0.1", "dns", ("10.0.0.1",)),
        ("dns_search: [lab.example]", "dns_search", ("lab.example",)),
        ("dns_opt: ['ndots:1']", "dns_opt", ("ndots:1",)),
        ("extra_hosts: ['robot:10.0.0.7']", "extra_hosts", ("robot:10.0.0.7",)),
        ("expose: [3000, 8000-8001/udp]", "expose", ("3000/tcp", "8000-8001/udp")),
        ("working_dir: /data", "working_dir", "/data"),
        ("environment: {A: '1', B: ''}", "environment", (("A", "1"), ("B", ""))),
        ("environment: ['A=1=2']", "environment", (("A", "1=2"),)),
        ("devices: ['/dev/ttyUSB0']", "devices", (Device("/dev/ttyUSB0", "/dev/ttyUSB0"),)),
        ("devices: ['/dev/ttyUSB0:/dev/arm:rw']", "devices", (Device("/dev/ttyUSB0", "/dev/arm", "rw"),)),
        ("ports: ['8080:80']", "ports", (Port("80/tcp", "", "8080"),)),
        ("ports: ['127.0.0.1:5-6:80-81/udp']", "ports", (Port("80/udp", LOCAL, "5"), Port("81/udp", LOCAL, "6"))),
        ("ulimits: {rtprio: 99}", "ulimits", (Ulimit("rtprio", 99, 99),)),
        ("ulimits: {nofile: {soft: 1024, hard: 4096}}", "ulimits", (Ulimit("nofile", 1024, 4096),)),
        ("sysctls: {net.core.somaxconn: 1024}", "sysctls", (("net.core.somaxconn", "1024"),)),
        ("storage_opt: {size: 10G}", "storage_opt", (("size", "10G"),)),
        ("logging: {driver: local}", "logging_driver", "local"),
        ("logging: {options: {max-size: 1m}}", "logging_options", (("max-size", "1m"),)),
        ("healthcheck: {test: [CMD, a], retries: 5}", "healthcheck", Healthcheck(("CMD", "a"), retries=5)),
        ("healthcheck: {test: rosnode ping -c1 /p}", "healthcheck", Healthcheck(("CMD-SHELL", "rosnode ping -c1 /p"))),
        ("healthcheck: {interval: 500ms}", "healthcheck", Healthcheck((), 0.5)),
        ("healthcheck: {disable: true}", "healthcheck", Healthcheck(("NONE",))),
    ],
)  # fmt: skip
def test_composes_keys(project: Project, yaml: str, field: str, value: Any) -> None:
    plan = project.run(yaml)
    assert getattr(plan, field) == value
    usual = project.plan()
    follow = {"init": {"stop_signal"}, "read_only": {"environment"}, "privileged": {"cap_drop", "security_opt"}}
    consequences = {"labels", field} | follow.get(field, set())
    for other in fields(RunPlan):
        if other.name not in consequences:
            assert getattr(plan, other.name) == getattr(usual, other.name), other.name
    json.dumps(create_request(plan))


@pytest.mark.parametrize(
    ("engine", "yaml", "options"),
    [
        ("json-file", "", {"max-size": "10m", "max-file": "5"}),
        ("local", "", {"max-size": "10m", "max-file": "5"}),
        ("journald", "", {}),
        ("", "", {}),
        ("json-file", "run: {logging: {options: {max-size: 1g}}}", {"max-size": "1g"}),
        ("json-file", "run: {logging: {driver: json-file}}", {}),
        ("json-file", "run: {logging: {driver: syslog}}", {}),
    ],
)
def test_logs_have_a_limit_where_nobody_says_otherwise(
    project: Project, engine: str, yaml: str, options: dict[str, str]
) -> None:
    facts = replace(FACTS, engine=EngineFacts(logging_driver=engine))
    assert dict(project.plan(yaml, facts).logging_options) == options


def test_every_key_of_run_is_tried_here() -> None:
    """A key added to the schema has to reach the plan, and get a row above."""
    marks = test_composes_keys.pytestmark
    tried = {row[0].partition(":")[0] for mark in marks for row in mark.args[1]}
    elsewhere = {"command", "entrypoint", "labels", "volumes", "tmpfs", "env_file", "networks"}
    assert set(Run.model_fields) == tried | elsewhere


@pytest.mark.parametrize(
    ("yaml", "entrypoint", "command", "main"),
    [
        ("", (), ("sleep", "infinity"), "sleep"),
        ("command: roscore -p 11311", None, ("roscore", "-p", "11311"), "command"),
        ("command: []", (), ("sleep", "infinity"), "sleep"),
        ("entrypoint: [/entry]", ("/entry",), (), "command"),
        ("entrypoint: []", (), ("sleep", "infinity"), "sleep"),
        ("entrypoint: [/entry]\ncommand: [a, b c]", ("/entry",), ("a", "b c"), "command"),
        ("entrypoint: []\ncommand: [a]", (), ("a",), "command"),
    ],
)
def test_the_main_process(
    project: Project, yaml: str, entrypoint: tuple[str, ...] | None, command: tuple[str, ...], main: str
) -> None:
    plan = project.run(yaml) if yaml else project.plan()
    assert (plan.entrypoint, plan.command, dict(plan.labels)["robenv.main"]) == (entrypoint, command, main)


def test_a_command_of_the_callers_goes_through_the_entrypoint(project: Project) -> None:
    plan = project.plan(command=("ls", "-l"))
    assert (plan.entrypoint, plan.command) == (None, ("ls", "-l"))
    plan = project.plan("run: {entrypoint: [/entry], command: [roscore]}", command=("ls",))
    assert (plan.entrypoint, plan.command) == (("/entry",), ("ls",))


def test_without_an_init_the_container_still_ends_at_once(project: Project) -> None:
    assert project.run("init: false").stop_signal == "SIGKILL"
    assert project.run("init: false\nstop_signal: SIGINT").stop_signal == "SIGINT"
    assert project.run("init: false\ncommand: roscore").stop_signal == ""


def _added(plan: RunPlan) -> tuple[Mount, ...]:
    return plan.mounts[2:]


def test_volumes(project: Project) -> None:
    (project.root / "data").mkdir()
    plan = project.run(
        "volumes:\n"
        "  - ./data:/data:ro\n"
        "  - cache:/var/cache/thing\n"
        "  - /anonymous\n"
        "  - /srv:/srv:rslave,z\n"
        "  - {type: bind, source: /etc/hosts, target: /hosts, read_only: true, bind: {create_host_path: false}}\n"
        "  - {type: volume, source: cache, target: /c, volume: {nocopy: true, subpath: a/b}}\n"
        "  - {type: tmpfs, target: /scratch, tmpfs: {size: 1m, mode: 0o1777}}\n"
        "tmpfs: ['/run', '/tmp:size=64m,mode=1777']\n"
    )
    assert _added(plan) == (
        Mount("bind", str(project.root / "data"), "/data", True, (("create_host_path", True),)),
        Mount("volume", f"{project.name}_cache", "/var/cache/thing"),
        Mount("volume", "", "/anonymous"),
        Mount("bind", "/srv", "/srv", False, (("propagation", "rslave"), ("create_host_path", True), ("selinux", "z"))),
        Mount("bind", "/etc/hosts", "/hosts", True),
        Mount("volume", f"{project.name}_cache", "/c", False, (("nocopy", True), ("subpath", "a/b"))),
        Mount("tmpfs", "", "/scratch", False, (("size", 1 << 20), ("mode", 0o1777))),
        Mount("tmpfs", "", "/run", False, (("options", ""),)),
        Mount("tmpfs", "", "/tmp", False, (("options", "size=64m,mode=1777"),)),
    )


def test_the_same_volume_of_two_projects_is_two(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Project(tmp_path_factory.mktemp("other"))
    yaml = "volumes: ['cache:/cache']"
    assert _added(project.run(yaml))[0].source != _added(other.run(yaml))[0].source
    assert project.plan().home_volume != other.plan().home_volume


def test_the_profiles_own_mount_at_the_home_replaces_it(project: Project) -> None:
    plan = project.run("volumes: ['/srv/home:/home/dev/']")
    sources = [(mount.kind, mount.source) for mount in plan.mounts]
    assert sources == [("bind", "/srv/home"), ("bind", str(project.root))]
    assert plan.home_volume == ""


def test_the_home_may_be_the_workspace(project: Project) -> None:
    plan = project.plan("workspace: {target: /home/dev}")
    assert plan.mounts == (Mount("bind", str(project.root), "/home/dev"),)
    assert plan.home_volume == ""


def test_the_workspace_may_be_elsewhere(project: Project) -> None:
    (project.root / "src").mkdir()
    plan = project.plan("workspace: {source: src, target: /home/dev/ros/src}")
    assert plan.mounts[1] == Mount("bind", str(project.root / "src"), "/home/dev/ros/src")
    assert plan.working_dir == "/home/dev/ros/src"


@pytest.mark.parametrize(
    ("yaml", "facts", "user"),
    [
        ("", FACTS, DEV),
        (
            "user: {name: jane, shell: /usr/bin/zsh, sudo: true}",
            FACTS,
            User("jane", 1234, 100, "/home/jane", "/usr/bin/zsh", sudo=True),
        ),
        ("user: {uid: 1500, gid: 1600}", FACTS, replace(DEV, uid=1500, gid=1600)),
        ("user: {uid: 1500}", FACTS, replace(DEV, uid=1500)),
        ("user: {sudo: true}", HOST_ROOT, User("root", 0, 0, "/root", "/bin/bash", sudo=False)),
        ("user: {uid: 1500, gid: 1500}", HOST_ROOT, replace(DEV, uid=1500, gid=1500)),
        ("", replace(FACTS, uid=3_111_222_333, gid=3_111_222_334), replace(DEV, uid=3_111_222_333, gid=3_111_222_334)),
    ],
)  # fmt: skip
def test_who_works_inside(project: Project, yaml: str, facts: Facts, user: User) -> None:
    plan = project.plan(yaml, facts)
    assert plan.user == user
    assert plan.mounts[0].target == user.home
    assert plan.home_volume.endswith(f"-{user.uid}")


def test_a_home_in_a_read_only_container_is_named_in_its_environment(project: Project) -> None:
    assert project.run("read_only: true").environment == (("HOME", "/home/dev"),)
    assert project.run("read_only: true\nenvironment: {HOME: /data}").environment == (("HOME", "/data"),)


def test_the_users_labels_come_first(project: Project) -> None:
    assert project.run("labels: {org.example.team: arm}").labels[0] == ("org.example.team", "arm")


def test_env_files_and_the_hosts_variables_are_in_the_environment(project: Project) -> None:
    (project.root / "robot.env").write_text("ROS_DOMAIN_ID=3\nRMW=cyclone\n")
    plan = project.run("env_file: robot.env\nenvironment: {ROS_DOMAIN_ID: '7', TOKEN: '${SECRET}'}")
    assert dict(plan.environment) == {"ROS_DOMAIN_ID": "7", "RMW": "cyclone", "TOKEN": "s3cret"}


def test_the_digest_changes_with_the_plan_and_with_nothing_else(project: Project) -> None:
    plan = project.plan()
    assert plan == project.plan()
    newer = tuple((name, "9.9" if name == "robenv.version" else value) for name, value in plan.labels)
    assert plan_digest(replace(plan, labels=newer)) == plan_digest(plan)
    assert plan_digest(project.run("environment: {A: '1'}")) != plan_digest(plan)
    assert plan_digest(project.run("labels: {team: arm}")) != plan_digest(plan)
    assert plan_digest(replace(plan, image="robenv/picker:other")) != plan_digest(plan)


def test_what_is_stored_tells_what_has_changed(project: Project) -> None:
    stored = json.loads(dict(project.run("environment: {A: '1'}").labels)["robenv.plan.json"])
    assert diff_plans(stored, project.run("environment: {A: '1'}").to_json()) == ()
    changes = diff_plans(stored, project.run("environment: {A: '2'}\nmem_limit: 1gb").to_json())
    assert [change.path for change in changes] == ["environment.A", "mem_limit"]


def test_the_platform_is_the_images(project: Project) -> None:
    assert project.plan(platform="linux/arm64").platform == "linux/arm64"


def test_a_built_in_profile_has_no_container() -> None:
    with pytest.raises(UsageError, match="no project"):
        plan_run(resolve_builtin("ros/debian-bookworm"), IMAGE, FACTS, content_hash=HASH)


def test_planning_reads_and_writes_nothing(project: Project) -> None:
    resolved_twice = [project.plan(), project.plan()]
    for path in project.root.iterdir():
        path.unlink()
    assert resolved_twice[0] == resolved_twice[1]
