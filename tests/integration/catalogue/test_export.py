"""What `robenv export` writes, in the hands of Compose, the dev containers' own command and `docker build`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.images.base_image import TAG
from tests.support.machine.desktop import Desktop
from tests.support.machine.other_tools import OtherTools
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]

_SETTINGS = """
user: {uid: 1000, gid: 1000}
setup: [/opt/robot/setup.bash]
steps: [{name: setup, run: "mkdir -p /opt/robot; echo 'export ROBOT=arm' > /opt/robot/setup.bash"}]
devices: [/dev/full, {class: input, hotplug: true}]
run:
  environment: {PLAIN: "a $$HOME b", QUOTED: 'it''s "x"'}
  labels: {org.example.arm: left}
  hostname: arm
  extra_hosts: ["base:10.0.0.1"]
  dns_search: [lab]
  shm_size: 128mb
  mem_limit: 1gb
  mem_reservation: 512mb
  cpus: 1.5
  pids_limit: 500
  oom_score_adj: 100
  cap_add: [NET_RAW]
  group_add: [video]
  sysctls: {net.core.somaxconn: 1024}
  ulimits: {nofile: {soft: 512, hard: 1024}}
  ports: ["127.0.0.1:38080:80", "9000/udp"]
  expose: ["7000"]
  tmpfs: [/scratch:size=64m]
  volumes: ["./data:/data:ro", "cache:/cache", {type: tmpfs, target: /small, tmpfs: {size: 1mb}}]
  stop_grace_period: 3s
  env_file: secret.env
  logging: {driver: json-file, options: {max-size: 1m}}
  restart: "on-failure:3"
"""

_LOOK = 'id -un; id -u; pwd; echo "$ROBOT|$PLAIN|$QUOTED|$PASSWORD"; cat /data/note; touch ~/mine && echo home'


@pytest.fixture
def tools(tmp_path: Path) -> OtherTools:
    return OtherTools(tmp_path / "tools")


@pytest.fixture
def own_container(project: Make, docker_api: Any) -> Iterator[Callable[[Project], dict[str, Any]]]:
    """What the engine says of the container that robenv itself would make of a project."""
    made = []

    def make(mine: Project) -> dict[str, Any]:
        mine.run("build")
        plan = mine.plan()
        made.append(docker_api.create_container_from_config(plan["create_request"], f"{mine.name}-compared")["Id"])
        found: dict[str, Any] = docker_api.inspect_container(made[-1])
        return found

    yield make
    for container in made:
        docker_api.remove_container(container, force=True, v=True)


def _with_a_note(project: Make) -> Project:
    mine = project(_SETTINGS)
    (mine.folder / "data").mkdir()
    (mine.folder / "data/note").write_text("a note\n")
    (mine.folder / "secret.env").write_text("PASSWORD=open-sesame\n")
    return mine


def _compared(container: dict[str, Any]) -> dict[str, Any]:
    """All that a container may do and has, but for the names of volumes, which are each tool's own."""
    host, config = dict(container["HostConfig"]), container["Config"]
    for name in ("Binds", "Mounts", "Tmpfs", "NetworkMode", "VolumesFrom", "ContainerIDFile", "ConsoleSize"):
        host.pop(name, None)
    host["PortBindings"] = {
        port: [(one["HostIp"], one["HostPort"] or "0") for one in bound] for port, bound in host["PortBindings"].items()
    }
    host["CapAdd"] = [name.removeprefix("CAP_") for name in host["CapAdd"] or ()]
    mounts = sorted(
        (one["Destination"], one["Type"], one["RW"], one["Source"] if one["Type"] == "bind" else "")
        for one in container["Mounts"]
        if one["Destination"] not in ("/home/dev", "/scratch", "/small")
    )
    own = {name: value for name, value in config["Labels"].items() if name.startswith("org.")}
    environment = sorted(one for one in config["Env"] if one.startswith(("PLAIN", "QUOTED")))
    said = {key: config.get(key) for key in ("Hostname", "StopTimeout", "WorkingDir", "ExposedPorts")}
    # An empty list and none at all are the same to the engine.
    return {
        "host": {key: value or None for key, value in host.items()},
        "mounts": mounts,
        "labels": own,
        "environment": environment,
        **said,
    }


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    first, second = _compared(one), _compared(other)
    hosts = [(key, first["host"].get(key), second["host"].get(key)) for key in {**first["host"], **second["host"]}]
    rest = [(key, first[key], second[key]) for key in first if key != "host"]
    return [found for found in [*hosts, *rest] if found[1] != found[2]]


def test_compose_makes_the_same_container(
    project: Make, tools: OtherTools, docker_api: Any, own_container: Callable[[Project], dict[str, Any]]
) -> None:
    mine = _with_a_note(project)
    mine.run("export", "compose")
    compose = ("compose", "-f", str(mine.folder / "compose/compose.yaml"))
    try:
        tools.docker(*compose, "up", "--build", "--detach", "--quiet-pull")
        (identifier,) = tools.docker(*compose, "ps", "--quiet").split()
        assert _differences(docker_api.inspect_container(identifier), own_container(mine)) == []
        said = tools.docker(*compose, "exec", "-T", mine.name, "bash", "-ic", _LOOK)
        assert said == 'dev\n1000\n/workspace\narm|a $HOME b|it\'s "x"|open-sesame\na note\nhome\n'
    finally:
        tools.docker(*compose, "down", "--volumes", "--rmi", "all", "--timeout", "1")
    mine.run("export", "compose", "--check")


def test_a_dev_container_is_the_same_container(
    project: Make, tools: OtherTools, docker_api: Any, own_container: Callable[[Project], dict[str, Any]]
) -> None:
    mine = _with_a_note(project)
    mine.run("export", "devcontainer")
    where = ("--workspace-folder", str(mine.folder))
    containers: list[str] = []
    try:
        told = json.loads(tools.devcontainer("up", *where).splitlines()[-1])
        containers.append(told["containerId"])
        assert told["remoteUser"] == "dev"
        assert _differences(docker_api.inspect_container(told["containerId"]), own_container(mine)) == []
        said = tools.devcontainer("exec", *where, "bash", "-ic", _LOOK)
        assert said == 'dev\n1000\n/workspace\narm|a $HOME b|it\'s "x"|open-sesame\na note\nhome\n'
    finally:
        for container in containers:
            image = docker_api.inspect_container(container)["Image"]
            docker_api.remove_container(container, force=True, v=True)
            docker_api.remove_image(image, force=True)
        for image in docker_api.images():
            if any(f"vsc-{mine.folder.name}-" in tag for tag in image["RepoTags"] or ()):
                docker_api.remove_image(image["Id"], force=True)
        for volume in docker_api.volumes()["Volumes"] or []:
            if volume["Name"].startswith("cache-"):
                docker_api.remove_volume(volume["Name"])


def test_windows_by_composes_second_file(docker_api: Any, tmp_path: Path, tools: OtherTools) -> None:
    desktop = Desktop(4711)
    with ExitStack() as undo:
        undo.callback(desktop.close)
        desktop.start_x()
        mine = undo.enter_context(desktop.projects(docker_api, tmp_path))("display: auto\n")
        mine.environ["SUDO_UID"] = "4711"  # root exports the project of the one who called sudo
        mine.run("export", "compose")
        files = [word for name in ("compose", "compose.display") for word in ("-f", f"compose/{name}.yaml")]
        environ = {**tools.environ, "USER_UID": "4711", "USER_GID": "4711"}
        environ |= {name: desktop.environ[name] for name in ("DISPLAY", "XAUTHORITY")}
        where: dict[str, Any] = {"env": environ, "cwd": mine.folder}
        undo.callback(tools.docker, "compose", *files, "down", "-v", "--rmi", "all", "-t", "1", **where)
        look = ("sh", "-c", "timeout 2 xeyes; echo $?")
        told = tools.docker("compose", *files, "run", "--build", "--rm", mine.name, *look, **where)
        assert told.endswith("\n124\n"), "it was let in, and ended by its time alone"
        with pytest.raises(AssertionError, match="this is for a login with X11"):
            tools.docker("compose", *files, "run", "--rm", mine.name, "true", **{**where, "env": tools.environ})


def test_what_a_robot_runs_is_healthy_by_compose(project: Make, tools: OtherTools, docker_api: Any) -> None:
    mine = project(
        "setup: [install/setup.bash]\n"
        "run_image:\n"
        "  build: mkdir -p install; cp src/talk install/; echo export ROBOT=arm > install/setup.bash\n"
        "  install: [/workspace/install]\n"
        "deploy:\n"
        "  command: /workspace/install/talk\n"
        "  healthcheck: {test: 'test $$ROBOT = arm -a -e ~/up', interval: 1s}\n"
    )
    (mine.folder / "src").mkdir()
    (mine.folder / "src/talk").write_text('#!/bin/sh\necho "I am $ROBOT"; touch ~/up; exec sleep 600\n')
    (mine.folder / "src/talk").chmod(0o755)
    mine.run("export", "compose", "--stage", "run", "-o", "out")
    (mine.folder / "src/talk").rename(mine.folder / "talk")
    compose = ("compose", "-f", str(mine.folder / "out/compose.yaml"))
    try:
        tools.docker(*compose, "up", "--build", "--wait", "--wait-timeout", "60")
        assert "I am arm" in tools.docker(*compose, "logs")
        (identifier,) = tools.docker(*compose, "ps", "--quiet").split()
        there = docker_api.inspect_container(identifier)
        assert there["State"]["Health"]["Status"] == "healthy"
        assert [one["Destination"] for one in there["Mounts"]] == ["/home/dev"]
    finally:
        tools.docker(*compose, "down", "--volumes", "--rmi", "all", "--timeout", "1")


@pytest.fixture
def built(tools: OtherTools, docker_api: Any, tmp_path: Path) -> Iterator[Callable[..., Callable[[str], str]]]:
    """Builds a folder with `docker build`, and runs commands in what came of it: ``built(folder, "--build-arg=…")``."""
    name = "robenvtest-exported"

    def build(folder: Path, *options: str) -> Callable[[str], str]:
        tools.docker("build", "--progress=plain", "--tag", name, *options, str(folder))
        return lambda command: tools.docker("run", "--rm", name, "bash", "-c", command)

    yield build
    with suppress(docker.errors.ImageNotFound):
        docker_api.remove_image(name, force=True)


def test_accounts_that_are_in_the_way_give_way(project: Make, built: Callable[..., Callable[[str], str]]) -> None:
    """As Ubuntu 24.04 has its ``ubuntu`` at 1000; and the profile's own user, whom a step has needed before."""
    mine = project("extends: ./target.yaml\nuser: {sudo: true}\nsteps: [{name: mine, run: touch ~/made, as: user}]\n")
    (mine.folder / "target.yaml").write_text("steps: [{name: ubuntu, run: useradd -m -u 1000 ubuntu}]\n")
    mine.run("export", "dockerfile", "-o", "there")
    run = built(mine.folder / "there")
    assert run("id; sudo id -u; stat -c %U ~/made; id -u ubuntu; stat -c %U /home/ubuntu; pwd").splitlines() == [
        "uid=1000(dev) gid=1000(ubuntu) groups=1000(ubuntu)", "0", "dev", "59999", "ubuntu", "/workspace",
    ]  # fmt: skip
    with pytest.raises(AssertionError, match="numbers from 1 on"):
        built(mine.folder / "there", "--build-arg=USER_UID=0")
    run = built(mine.folder / "there", "--build-arg=USER_UID=4712", "--build-arg=USER_GID=20")
    assert run("id -u; id -gn; id -u ubuntu; touch ~/x; stat -c %u:%g ~ ~/made ~/x").split() == [
        "4712", "dialout", "1000", "4712:20", "4712:20", "4712:20",
    ]  # fmt: skip


def test_an_official_image_stands_in_for_a_base_of_robenvs_own(
    project: Make, built: Callable[..., Callable[[str], str]], docker_api: Any
) -> None:
    """Of which a local image has the name here."""
    mine = project()
    (mine.folder / "robenv.yaml").write_text(
        f"name: {mine.name}\nbase: {{bootstrap: {{suite: bookworm, include: [less]}}}}\n"
    )
    said = mine.run("export", "dockerfile").stderr
    assert "debian:bookworm of Docker Hub stands in" in said
    docker_api.tag(TAG, "debian", "bookworm")
    try:
        assert built(mine.folder / "docker")("id -un; command -v less; pwd").split() == [
            "dev",
            "/usr/bin/less",
            "/workspace",
        ]
    finally:
        docker_api.remove_image("debian:bookworm")


def test_an_image_that_is_there_is_taken(project: Make, built: Callable[..., Callable[[str], str]]) -> None:
    mine = project("setup: [/opt/setup.bash]\n")
    mine.run("export", "dockerfile", "--image", mine.base_image)
    text = (mine.folder / "docker/Dockerfile").read_text()
    assert f"FROM {mine.base_image}\n" in text and "apt-get" not in text
    assert built(mine.folder / "docker")("id -un").strip() == "dev"


_DOLLARS = ("$", "$X", "${X}", "$${X}", "${localEnv:TOKEN}", "$(X)", "${TOKEN:-b}")


def test_compose_itself_takes_every_text_as_it_stands(project: Make, tools: OtherTools) -> None:
    texts = {f"A{number}": text for number, text in enumerate(_DOLLARS)}
    doubled = {name: text.replace("$", "$$") for name, text in texts.items()}
    run = {
        "environment": doubled,
        "labels": {f"org.example.{name.lower()}": text for name, text in doubled.items()},
        "working_dir": "/w$${TOKEN}",
        "tmpfs": ["/t$${TOKEN}:size=1m"],
        "volumes": ["./d$${TOKEN}:/d$${TOKEN}", "cache:/c$${TOKEN}"],
        "command": ["echo", *doubled.values()],
        "healthcheck": {"test": ["CMD", "echo", *doubled.values()]},
    }
    mine = project(f"run: {json.dumps(run)}\n")
    mine.run("export", "compose")
    tools.environ |= {"TOKEN": "leaked", "X": "leaked"}
    said = tools.docker("compose", "-f", str(mine.folder / "compose/compose.yaml"), "config", "--format", "json")
    assert "leaked" not in said
    service = json.loads(said.replace("$$", "$"))["services"][mine.name]  # which is how it writes a dollar sign again
    assert {name: service["environment"][name] for name in texts} == texts
    assert sorted(service["labels"].values()) == sorted(_DOLLARS)
    assert service["working_dir"] == "/w${TOKEN}" and service["tmpfs"] == ["/t${TOKEN}:size=1m"]
    assert {"/d${TOKEN}", "/c${TOKEN}"} <= {one["target"] for one in service["volumes"]}
    assert service["command"] == ["echo", *_DOLLARS]
    assert service["healthcheck"]["test"] == ["CMD", "echo", *_DOLLARS]


def test_the_dev_containers_own_command_puts_nothing_into_a_text(project: Make, tools: OtherTools) -> None:
    mine = project("run: {environment: {A: '$$TOKEN', B: '$$(X)', C: 'a$${localEnv:TOKEN}'}, labels: {org.a: '$$X'}}\n")
    tools.environ |= {"TOKEN": "leaked", "X": "leaked", "PASSED": "as meant"}
    assert "robenv.yaml:3:" in mine.run("export", "devcontainer", check=3).stderr
    profile = mine.folder / "robenv.yaml"
    profile.write_text(profile.read_text().replace("C: 'a$${localEnv:TOKEN}'", "PASSED: "))
    mine.environ["PASSED"] = "as meant"
    mine.run("export", "devcontainer")
    said = tools.devcontainer("read-configuration", "--workspace-folder", str(mine.folder))
    assert "leaked" not in said
    read = json.loads(said.splitlines()[-1])["configuration"]
    assert read["containerEnv"] == {"A": "$TOKEN", "B": "$(X)", "PASSED": "as meant"}
    assert "--label=org.a=$X" in read["runArgs"]
