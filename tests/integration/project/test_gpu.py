"""What arrives of a profile's GPU in a real container. No GPU is at hand: NVIDIA's programs, CDI specs and nodes under
/dev/dri are stand-ins of the tests' own, and so are the facts of machines that this one is not."""

from __future__ import annotations

import json
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from robenv.engine.docker_engine import connect
from robenv.engine.protocol import Engine
from robenv.errors import HostRequirementMissing
from robenv.host.facts import DeviceNode, DrmCard, Facts, GpuFacts, NvidiaGpu, Tegra
from robenv.project.containers.container import ensure_container
from robenv.project.facts import engine_facts, facts_for
from robenv.project.gate import approve_container
from robenv.project.image.image import ensure_image
from robenv.project.planned import PlannedProject, plan_project, resolve
from tests.support.engines.newer_engine import NewerEngine
from tests.support.engines.second_engine import SecondEngine
from tests.support.images import prepared_image
from tests.support.machine import gpu_standins
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
USER = "user: {uid: 1234, gid: 1234}\n"


class Quiet:
    """A reporter that tells nobody."""

    def note(self, text: str) -> None: ...
    def event(self, event: object) -> None: ...
    def building(self, title: str, rendered: object, doing: str = "") -> None: ...
    def finished(self) -> None: ...


def planned(project: Project) -> PlannedProject:
    return plan_project(
        resolve(project.folder, None, {}), "linux/amd64" if os.uname().machine == "x86_64" else "linux/arm64"
    )


def come_up(engine: Engine, project: Project, gpu: GpuFacts, devices: tuple[DeviceNode, ...] = ()) -> str:
    """The project's container, made as `up` makes it, on a machine that has ``gpu``; its name."""
    mine = planned(project)
    known = engine_facts(engine.info())
    facts = Facts(0, 0, "root", mine.build.platform, engine=known, gpu=gpu, devices=devices)
    with patch("robenv.project.gate.facts_for", return_value=facts):
        approved = approve_container(engine, mine, None, lambda text: None)
    image = ensure_image(engine, approved, Quiet())
    ensure_container(engine, approved, image.image, lambda text: None)
    return approved.plan.name


class Standing(NamedTuple):
    """An engine of this machine's version that has both of NVIDIA's programs, or what stands in for them."""

    engine: Engine
    api: Any
    runtime: gpu_standins.StandIn
    hook: gpu_standins.StandIn


@pytest.fixture(scope="module")
def standing(docker_api: Any, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("nvidia")
    runtime, hook = gpu_standins.runtime(folder / "runtime"), gpu_standins.hook(folder / "hook")
    second = SecondEngine(options=("--add-runtime", f"nvidia={runtime.program}"), programs=hook.folder)
    try:
        prepared_image.lay_down(docker_api, base_image, second)
        second.start()
        engine = connect(second.environment)
        yield Standing(engine, second.api(), runtime, hook)
        engine.close()
    finally:
        second.close()


def run_in(api: Any, container: str, script: str, user: str = "1234") -> tuple[int, str]:
    execution = api.exec_create(container, ["sh", "-c", script], user=user)
    output: bytes = api.exec_start(execution)
    return api.exec_inspect(execution)["ExitCode"], output.decode()


def test_a_jetson_s_container_reaches_the_runtime_nvidia(standing: Standing, project: Make, tmp_path: Path) -> None:
    argus = tmp_path / "argus_socket"
    argus.write_text("stand-in")
    devices = (
        DeviceNode("/dev/nvmap", "char", 10, 1, 1044, 0o660),
        DeviceNode("/dev/i2c-1", "char", 89, 1, 1108, 0o660),
    )
    jetson = GpuFacts(tegra=Tegra("36.4.0"), jetson_files=(str(argus),))
    mine = project(f"{USER}gpu: {{mode: required, capabilities: [compute, video]}}")
    name = come_up(standing.engine, mine, jetson, devices)

    spec, environment = standing.runtime.spec, standing.runtime.environment
    assert standing.api.inspect_container(name)["HostConfig"]["Runtime"] == "nvidia"
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environment["NVIDIA_DRIVER_CAPABILITIES"] == "compute,video"
    mount = next(one for one in spec["mounts"] if one["destination"] == str(argus))
    assert mount["source"] == str(argus) and "ro" in mount["options"]
    assert {1044, 1108} <= set(spec["process"]["user"]["additionalGids"])
    assert not standing.hook.called, "a Jetson's toolkit refuses the hook"
    code, output = run_in(standing.api, name, f"cat {argus}; id -G", user="dev")
    assert code == 0 and output.startswith("stand-in")
    assert {"1044", "1108"} <= set(output.removeprefix("stand-in").split()), "exec knows the groups too"


@pytest.mark.parametrize(
    ("gpu", "visible", "parts"),
    [
        ("{mode: required, devices: 1}", "1", "compute,utility,graphics,video,display"),
        ("{capabilities: [compute, compat32, ngx]}", "all", "compute,compat32,ngx"),
    ],
)
def test_a_device_request_reaches_nvidia_s_hook(
    gpu: str, visible: str, parts: str, standing: Standing, project: Make
) -> None:
    cards = GpuFacts("570.133.20", (NvidiaGpu(0), NvidiaGpu(1)), nvidia_toolkit=True, nvidia_hook=True)
    name = come_up(standing.engine, project(f"gpu: {gpu}"), cards)
    assert standing.api.inspect_container(name)["HostConfig"]["Runtime"] == "runc"
    assert standing.hook.arguments == "prestart"
    assert standing.hook.environment["NVIDIA_VISIBLE_DEVICES"] == visible
    assert standing.hook.environment["NVIDIA_DRIVER_CAPABILITIES"] == parts


def test_an_engine_that_has_not_seen_the_toolkit_yet_says_so(project: Make, engine: Engine) -> None:
    """The toolkit was put in, and the engine was not started again since."""
    with pytest.raises(HostRequirementMissing, match="cannot give it a GPU") as caught:
        come_up(engine, project("gpu: required"), GpuFacts("570.133.20", nvidia_toolkit=True, nvidia_hook=True))
    assert "restart the engine" in caught.value.hint


SPEC: dict[str, Any] = {
    "cdiVersion": "0.5.0",
    "devices": [
        {
            "name": "0",
            "containerEdits": {
                "deviceNodes": [{"path": "/dev/standin0", "hostPath": "/dev/fuse", "permissions": "rw"}],
                "env": ["STANDIN_ZERO=there"],
            },
        },
        {"name": "1", "containerEdits": {"env": ["STANDIN_ONE=there"]}},
    ],
    "containerEdits": {"env": ["STANDIN=any"]},
}


@pytest.fixture
def cdi(newer_engine: NewerEngine, project: Make) -> Iterator[Callable[..., tuple[Project, Any]]]:
    """Writes the spec under a kind and makes a project on the newer engine; gives it and the engine's API."""
    api = newer_engine.api()
    written: list[Path] = []
    made: list[Project] = []

    def make(profile: str, kind: str = "robenv.test/gpu") -> tuple[Project, Any]:
        written.append(newer_engine.cdi / f"{uuid.uuid4().hex}.json")
        written[-1].write_text(json.dumps({**SPEC, "kind": kind}))
        made.append(project(profile))
        made[-1].environ["DOCKER_HOST"] = newer_engine.url
        return made[-1], api

    yield make
    for one in made:
        one.close(api)
    for path in written:
        path.unlink()


def test_cdi_devices_by_the_command_line(cdi: Callable[..., tuple[Project, Any]]) -> None:
    mine, api = cdi("gpu: {mode: required, devices: [robenv.test/gpu=0]}")
    done = mine.run("up", "-q", "--", "sh", "-c", ": </dev/standin0 && stat -c %t:%T /dev/standin0")
    fuse = Path("/dev/fuse").stat().st_rdev
    assert done.stdout == f"{os.major(fuse):x}:{os.minor(fuse):x}\n"
    (request,) = api.inspect_container(mine.plan()["container"])["HostConfig"]["DeviceRequests"]
    assert (request["Driver"], request["DeviceIDs"]) == ("cdi", ["robenv.test/gpu=0"])


def test_a_cdi_device_that_no_spec_names_is_missed_before_the_build(cdi: Callable[..., tuple[Project, Any]]) -> None:
    mine, api = cdi("gpu:\n  mode: required\n  devices:\n    - robenv.test/gpu=0\n    - robenv.test/gpu=7\n")
    done = mine.run("up", "--", "true", check=6)
    assert "robenv.test/gpu=7" in done.stderr and "robenv.yaml:7:7" in done.stderr
    assert "there is: robenv.test/gpu=0, robenv.test/gpu=1" in done.stderr
    assert not api.images(filters={"label": f"robenv.project={mine.name}"}), "nothing was built"


def test_an_nvidia_card_by_cdi(cdi: Callable[..., tuple[Project, Any]], newer_engine: NewerEngine) -> None:
    """The card is made up, and so is its spec; the engine's work on it is real."""
    mine, api = cdi("gpu: {mode: required, devices: 0}", kind="nvidia.com/gpu")
    engine = connect(newer_engine.environment)
    try:
        name = come_up(engine, mine, GpuFacts("570.133.20", (NvidiaGpu(0), NvidiaGpu(1))))
    finally:
        engine.close()
    script = "ls /dev/standin*; tr '\\0' '\\n' </proc/1/environ | grep ^STANDIN | sort"
    there = "/dev/standin0\nSTANDIN=any\nSTANDIN_ZERO=there\n"
    assert run_in(api, name, script, user="root") == (0, there), "variables are the main process's alone"


def test_doctor_sees_a_container_that_has_lost_its_gpu(cdi: Callable[..., tuple[Project, Any]]) -> None:
    """What nvidia-smi says is a stand-in's; that it is asked inside, and only where a GPU was given, is real."""
    loses = "echo 'Failed to initialize NVML: Unknown Error'; exit 255"
    step = f"printf '#!/bin/sh\\n%s\\n' \"{loses}\" >/usr/bin/nvidia-smi; chmod +x /usr/bin/nvidia-smi"
    steps = f"\nsteps:\n  - name: stand-in\n    run: {json.dumps(step)}\n"
    mine, _ = cdi(f"gpu: {{devices: [robenv.test/gpu=0]}}{steps}")
    other, _ = cdi(f"gpu: none{steps}", kind="robenv.test/other")
    for one in (mine, other):
        one.run("up", "-d")
    findings = json.loads(mine.run("doctor", "--json").stdout)
    (lost,) = [finding for finding in findings if finding["check"] == "GPU in containers"]
    assert mine.name in lost["message"] and "issues/48" in lost["message"]
    assert lost["fix"] == f"robenv -C {mine.folder} down && robenv -C {mine.folder} up -d"


@pytest.fixture
def dri() -> Iterator[tuple[DeviceNode, DeviceNode]]:
    """Two nodes under /dev/dri, both stand-ins: by their numbers they are /dev/fuse, which no container has."""
    folder = Path("/dev/dri")
    was_there = folder.exists()
    folder.mkdir(exist_ok=True)
    fuse = Path("/dev/fuse").stat().st_rdev
    nodes = []
    for name, gid in (("card250", 1044), ("renderD250", 1109)):
        path = folder / name
        os.mknod(path, stat.S_IFCHR | 0o600, fuse)
        os.chown(path, 0, gid)
        path.chmod(0o660)
        nodes.append(DeviceNode(str(path), "char", os.major(fuse), os.minor(fuse), gid, 0o660))
    yield nodes[0], nodes[1]
    for node in nodes:
        Path(node.path).unlink()
    if not was_there:
        folder.rmdir()


@pytest.mark.parametrize("vendor", ["amd", "intel", "other"])
def test_a_card_s_nodes_open_for_an_unprivileged_user(
    vendor: str, engine: Engine, docker_api: Any, project: Make, dri: tuple[DeviceNode, DeviceNode]
) -> None:
    name = come_up(engine, project(f"{USER}gpu: required"), GpuFacts(cards=(DrmCard("card250", vendor, dri),)))
    script = ": </dev/dri/card250 && : </dev/dri/renderD250 && id -u && ls /dev/dri && id -G"
    code, output = run_in(docker_api, name, script, user="dev")
    assert code == 0, output
    assert output.startswith("1234\ncard250\nrenderD250\n")
    assert {"1044", "1109"} <= set(output.split())


def test_the_render_node_s_group_is_what_opens_it(
    engine: Engine, docker_api: Any, project: Make, dri: tuple[DeviceNode, DeviceNode]
) -> None:
    """Without the groups the same user is refused, and without the grant there is no such node."""
    closed = tuple(replace(node, gid=0) for node in dri)
    name = come_up(engine, project(f"{USER}gpu: required"), GpuFacts(cards=(DrmCard("card250", "amd", closed),)))
    code, output = run_in(docker_api, name, ": </dev/dri/renderD250", user="dev")
    assert code != 0 and "Permission denied" in output
    other = come_up(engine, project(f"{USER}gpu: none"), GpuFacts(cards=(DrmCard("card250", "amd", dri),)))
    assert run_in(docker_api, other, "test -e /dev/dri", user="dev")[0] == 1


def has_gpu(project: Project) -> bool:
    """Whether this machine really has one, which the tests below are not made for."""
    gpu = facts_for(None, planned(project)).gpu
    return bool(gpu.nvidia_driver or gpu.cards or gpu.dxg or gpu.tegra)


def test_required_without_a_gpu_fails_before_any_build(project: Make, docker_api: Any) -> None:
    mine = project("gpu: required\n")
    assert not has_gpu(mine)
    done = mine.run("up", "--", "true", check=6)
    assert "robenv.yaml:3:6" in done.stderr
    assert "this machine has no GPU" in done.stderr and "`gpu: auto`" in done.stderr
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"}), "nothing was built"
    assert "robenv.yaml:3:6" in mine.run("plan", check=6).stderr


def test_auto_without_a_gpu_comes_up_with_one_note(project: Make) -> None:
    mine = project("gpu: auto\n")
    done = mine.run("up", "--", "echo", "here")
    assert done.stdout == "here\n"
    assert done.stderr.count("gpu:") == 1 and "comes up without one: this machine has no GPU" in done.stderr
    assert mine.plan()["notes"] == ["gpu: comes up without one: this machine has no GPU"]


def test_planned_for_a_gpu_the_request_says_so(cdi: Callable[..., tuple[Project, Any]]) -> None:
    mine, _ = cdi("gpu: {devices: [robenv.test/gpu=1]}")
    document = mine.plan()
    assert document["create_request"]["HostConfig"]["DeviceRequests"] == [
        {"Driver": "cdi", "Count": 0, "DeviceIDs": ["robenv.test/gpu=1"], "Capabilities": None, "Options": None}
    ]
    assert document["notes"] == []


def test_a_newer_engine_does_not_disturb_the_system_s(newer_engine: NewerEngine, docker_api: Any) -> None:
    assert newer_engine.running
    major = int(newer_engine.api().version()["Version"].partition(".")[0])
    assert major >= 28
    assert docker_api.ping()
