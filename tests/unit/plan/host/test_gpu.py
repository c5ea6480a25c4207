"""What a profile's ``gpu`` comes to on machines of every kind; their facts are made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.errors import HostRequirementMissing
from robenv.host.facts import (
    DeviceNode,
    Distribution,
    DrmCard,
    EngineFacts,
    Facts,
    GpuFacts,
    NvidiaGpu,
    Tegra,
)
from robenv.host.probes.facts import read_facts
from robenv.host.recorded import RecordedHost
from robenv.plan.host.gpu import plan_gpu
from robenv.plan.host.gpu_nvidia import INSTALL_TOOLKIT, REGISTER_RUNTIME, WRITE_CDI_SPEC
from robenv.plan.host.requirements import Grant, MissingRequirement
from robenv.plan.models import Device, DeviceRequest, Mount
from robenv.profile.schema.profile import Profile
from robenv.project.planned import plan_project, resolve
from tests.support.folders import MACHINES

ENGINE = EngineFacts(api_version="1.41", runtimes=("runc",))
TOOLKIT_ENGINE = replace(ENGINE, runtimes=("nvidia", "runc"))
CDI_ENGINE = EngineFacts(api_version="1.51", runtimes=("runc",), cdi_spec_dirs=("/etc/cdi",))
NOTHING = Facts(1000, 1000, "dev", "linux/amd64", engine=ENGINE)
PARTS = (("NVIDIA_DRIVER_CAPABILITIES", "compute,utility,graphics,video,display"),)
ALL_GPUS = DeviceRequest("", count=-1, capabilities=(("gpu",),))

VIDEO, RENDER = 44, 109


def node(path: str, gid: int, minor: int = 0, mode: int = 0o660) -> DeviceNode:
    return DeviceNode(path, "char", 226, minor, gid, mode)


def card(number: int, vendor: str, *, renders: bool = True) -> DrmCard:
    render = (node(f"/dev/dri/renderD{128 + number}", RENDER, 128 + number),) if renders else ()
    return DrmCard(f"card{number}", vendor, (node(f"/dev/dri/card{number}", VIDEO, number), *render))


CARDS = (
    NvidiaGpu(0, "NVIDIA RTX A4000", "GPU-f15ae561-21b1-6003-c768-861fc285203b"),
    NvidiaGpu(1, "NVIDIA T4", "GPU-bf507abe-ec25-2053-5435-1c82511a3ae8"),
)
NVIDIA = GpuFacts("570.133.20", CARDS, nvidia_toolkit=True, nvidia_hook=True)
KFD = DeviceNode("/dev/kfd", "char", 234, 0, RENDER, 0o660)
WORKSTATION = replace(NOTHING, gpu=NVIDIA, engine=TOOLKIT_ENGINE)
AMD = replace(NOTHING, gpu=GpuFacts(cards=(card(1, "amd"),), kfd=KFD))
INTEL = replace(NOTHING, gpu=GpuFacts(cards=(card(0, "intel"),)))
HYBRID = replace(WORKSTATION, gpu=replace(NVIDIA, cards=(card(0, "intel"), card(1, "nvidia"))))
ORIN = replace(
    NOTHING,
    platform="linux/arm64",
    engine=TOOLKIT_ENGINE,
    gpu=GpuFacts(
        nvidia_toolkit=True,
        tegra=Tegra("36.4.0", "NVIDIA Jetson AGX Orin Developer Kit"),
        cards=(card(0, "other"),),
        jetson_files=("/tmp/argus_socket", "/etc/nv_tegra_release"),
    ),
    devices=(
        node("/dev/dri/card0", VIDEO),
        node("/dev/dri/renderD128", 104),
        node("/dev/gpiochip0", 999),
        node("/dev/i2c-1", 108),
        node("/dev/nvhost-ctrl-gpu", VIDEO),
        node("/dev/nvmap", VIDEO, mode=0o440),
        node("/dev/null", 0, mode=0o666),
        node("/dev/ttyTHS1", 20),
    ),
)


def plan(facts: Facts, gpu: Any) -> Grant:
    base = {"image": "debian:bookworm"}
    return plan_gpu(Profile.model_validate({"name": "picker", "base": base, "gpu": gpu}), facts)


def only_lack(grant: Grant) -> MissingRequirement:
    """The one Lack of a grant that gives nothing else away."""
    (requirement,) = grant.unmet
    return requirement


@pytest.mark.parametrize("facts", [NOTHING, WORKSTATION, AMD, ORIN])
def test_nothing_is_given_that_the_profile_does_not_ask_for(facts: Facts) -> None:
    assert plan(facts, "none") == Grant()
    assert plan_gpu(Profile.model_validate({"name": "picker"}), facts) == Grant()


def test_without_a_gpu_auto_says_so_in_one_note_and_required_in_one_lack() -> None:
    assert plan(NOTHING, "auto") == Grant(notes=("gpu: comes up without one: this machine has no GPU",))
    requirement = only_lack(plan(NOTHING, "required"))
    assert requirement == MissingRequirement(
        ("gpu",), "a GPU is required, and this machine has no GPU", "`gpu: auto` comes up without one"
    )


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_an_nvidia_card_with_the_toolkit_is_a_device_request(mode: str) -> None:
    assert plan(WORKSTATION, mode) == Grant(device_requests=(ALL_GPUS,), environment=PARTS)


@pytest.mark.parametrize(
    ("devices", "request_"),
    [
        ("0", replace(ALL_GPUS, count=0, device_ids=("0",))),
        (["1", CARDS[0].uuid], replace(ALL_GPUS, count=0, device_ids=("1", CARDS[0].uuid))),
        ("all", ALL_GPUS),
        ("MIG-GPU-b8ea3855-276c-c9cb-b366-c6fa655957c5", None),
    ],
)
def test_cards_are_asked_for_by_index_or_uuid(devices: Any, request_: DeviceRequest | None) -> None:
    expected = request_ or replace(ALL_GPUS, count=0, device_ids=(devices,))
    assert plan(WORKSTATION, {"mode": "required", "devices": devices}) == Grant(
        device_requests=(expected,), environment=PARTS
    )


def test_only_the_parts_of_the_driver_that_are_asked_for() -> None:
    grant = plan(WORKSTATION, {"capabilities": ["compute", "ngx"]})
    assert grant.environment == (("NVIDIA_DRIVER_CAPABILITIES", "compute,ngx"),)
    assert grant.device_requests == (ALL_GPUS,), "Docker Engine refuses capabilities that it does not know, as ngx"


def test_an_index_that_is_not_there_is_a_note_and_the_rest_is_met() -> None:
    grant = plan(WORKSTATION, {"devices": ["7", "1"]})
    assert grant.device_requests == (replace(ALL_GPUS, count=0, device_ids=("1",)),)
    (note,) = grant.notes
    assert "has no GPU 7" in note and CARDS[1].uuid in note
    assert not grant.unmet


def test_an_index_that_is_not_there_is_a_lack_where_it_is_required() -> None:
    requirement = only_lack(plan(WORKSTATION, {"mode": "required", "devices": ["1", "7"]}))
    assert requirement.path == ("gpu", "devices", 1)
    assert requirement.message.endswith("has no GPU 7")
    assert requirement.hint.startswith(f"there is: 0 ({CARDS[0].uuid})")


def test_none_of_the_cards_asked_for_gives_none_and_not_all() -> None:
    grant = plan(WORKSTATION, {"devices": "7"})
    assert grant == Grant(notes=grant.notes) and "no GPU 7" in grant.notes[0]
    required = plan(WORKSTATION, {"mode": "required", "devices": ["7", "8"]})
    assert required == Grant(unmet=required.unmet)
    assert only_lack(required).path == ("gpu", "devices")
    assert "7, 8" in only_lack(required).message


def test_the_toolkits_hook_does_without_its_runtime() -> None:
    assert plan(replace(WORKSTATION, engine=ENGINE), "required").device_requests == (ALL_GPUS,)


@pytest.mark.parametrize("toolkit", [True, False])
def test_a_registered_runtime_does_without_the_hook(toolkit: bool) -> None:
    """The package nvidia-container-toolkit-base has none; and the runtime's programs may be out of sight."""
    gpu = replace(NVIDIA, nvidia_hook=False, nvidia_toolkit=toolkit)
    grant = plan(replace(WORKSTATION, gpu=gpu), "required")
    assert grant == Grant(runtime="nvidia", environment=(("NVIDIA_VISIBLE_DEVICES", "all"), *PARTS))


@pytest.mark.parametrize(
    ("gpu", "distribution", "why", "command"),
    [
        (replace(NVIDIA, nvidia_hook=False, nvidia_toolkit=False), Distribution(), "not installed", INSTALL_TOOLKIT),
        (replace(NVIDIA, nvidia_hook=False), Distribution(), "has no runtime `nvidia`", REGISTER_RUNTIME),
        (
            GpuFacts(cards=(card(0, "nvidia", renders=False),)),
            Distribution("ubuntu"),
            "driver",
            "ubuntu-drivers install",
        ),
        (GpuFacts(cards=(card(0, "nvidia", renders=False),)), Distribution("debian"), "driver", "nvidia-driver"),
        (
            GpuFacts(cards=(card(0, "nvidia", renders=False),)),
            Distribution("linuxmint", like=("ubuntu", "debian")),
            "NVIDIA's driver is not loaded",
            "sudo ubuntu-drivers install && sudo reboot",
        ),
    ],
)
def test_an_nvidia_card_that_cannot_be_used_says_what_mends_it(
    gpu: GpuFacts, distribution: Distribution, why: str, command: str
) -> None:
    facts = replace(NOTHING, gpu=gpu, distribution=distribution)
    requirement = only_lack(plan(facts, "required"))
    assert requirement.path == ("gpu",)
    assert why in requirement.message and command in requirement.hint
    (note,) = plan(facts, "auto").notes
    assert why in note and command in note


CDI_NAMES = ("nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all")


def by_cdi(*names: str, engine: EngineFacts = CDI_ENGINE, toolkit: bool = False) -> Facts:
    return replace(
        NOTHING, engine=engine, gpu=replace(NVIDIA, nvidia_toolkit=toolkit, nvidia_hook=toolkit, cdi_devices=names)
    )


@pytest.mark.parametrize(
    ("devices", "names"),
    [
        ([], ("nvidia.com/gpu=all",)),
        (["1"], ("nvidia.com/gpu=1",)),
        (["1", "0"], ("nvidia.com/gpu=1", "nvidia.com/gpu=0")),
        (CARDS[1].uuid, ("nvidia.com/gpu=1",)),
        ("all", ("nvidia.com/gpu=all",)),
        ("nvidia.com/gpu=0", ("nvidia.com/gpu=0",)),
    ],
)
def test_cdi_where_a_spec_names_the_devices(devices: Any, names: tuple[str, ...]) -> None:
    """No count, no capabilities and no variables: Docker Engine refuses the first, and a spec has all the rest."""
    grant = plan(by_cdi(*CDI_NAMES), {"mode": "required", "devices": devices})
    assert grant == Grant(device_requests=(DeviceRequest("cdi", device_ids=names),))


def test_cdi_by_uuid_and_without_a_name_for_all() -> None:
    specs = tuple(f"nvidia.com/gpu={one.uuid}" for one in CARDS)
    assert plan(by_cdi(*specs), "auto").device_requests == (DeviceRequest("cdi", device_ids=specs),)
    assert plan(by_cdi(*specs), {"devices": "1"}).device_requests == (DeviceRequest("cdi", device_ids=specs[1:]),)


def test_the_engines_own_word_on_cdi_goes_before_the_specs_that_lie_here() -> None:
    engine = replace(CDI_ENGINE, cdi_devices=("nvidia.com/gpu=0",))
    grant = plan(by_cdi(*CDI_NAMES, engine=engine), "auto")
    assert grant.device_requests == (DeviceRequest("cdi", device_ids=("nvidia.com/gpu=0",)),)


def test_cdi_goes_before_a_toolkit_whose_runtime_is_not_registered() -> None:
    assert plan(by_cdi(*CDI_NAMES, toolkit=True), "auto").device_requests[0].driver == "cdi"
    registered = replace(CDI_ENGINE, runtimes=("nvidia", "runc"))
    assert plan(by_cdi(*CDI_NAMES, engine=registered, toolkit=True), "auto").device_requests == (ALL_GPUS,)


@pytest.mark.parametrize(
    ("facts", "device", "why", "hint"),
    [
        (by_cdi(), "nvidia.com/gpu=0", "no CDI spec names a device", WRITE_CDI_SPEC),
        (by_cdi(*CDI_NAMES), "nvidia.com/gpu=9", "has no GPU nvidia.com/gpu=9", "there is: nvidia.com/gpu=0, "),
        (by_cdi(*CDI_NAMES, engine=ENGINE), "nvidia.com/gpu=0", "the engine does not do CDI", "Docker Engine 25"),
        (
            by_cdi(*CDI_NAMES, engine=replace(CDI_ENGINE, cdi_spec_dirs=())),
            "nvidia.com/gpu=0",
            "the engine does not do CDI",
            "sudo nvidia-ctk runtime configure --runtime=docker --cdi.enabled && sudo systemctl restart docker",
        ),
    ],
)
def test_cdi_devices_that_cannot_be_had(facts: Facts, device: str, why: str, hint: str) -> None:
    requirement = only_lack(plan(facts, {"mode": "required", "devices": device}))
    assert why in requirement.message and requirement.hint.startswith(hint)
    (note,) = plan(facts, {"devices": device}).notes
    assert why in note


def test_a_cdi_device_of_any_vendor_by_its_whole_name() -> None:
    facts = replace(NOTHING, engine=replace(CDI_ENGINE, cdi_devices=("example.org/npu=edge0",)))
    grant = plan(facts, {"mode": "required", "devices": ["example.org/npu=edge0"]})
    assert grant == Grant(device_requests=(DeviceRequest("cdi", device_ids=("example.org/npu=edge0",)),))


@pytest.mark.parametrize("gpu", ["auto", "required", {"vendor": "jetson"}, {"vendor": "nvidia"}])
def test_a_jetson_runs_by_its_runtime(gpu: Any) -> None:
    assert plan(ORIN, gpu) == Grant(
        runtime="nvidia",
        environment=(("NVIDIA_VISIBLE_DEVICES", "all"), *PARTS),
        groups=(VIDEO, 104, 108, 999),
        mounts=(
            Mount("bind", "/tmp/argus_socket", "/tmp/argus_socket", True),
            Mount("bind", "/etc/nv_tegra_release", "/etc/nv_tegra_release", True),
        ),
    )


def test_a_jetson_whose_engine_has_no_runtime_says_which_command_registers_it() -> None:
    facts = replace(ORIN, engine=ENGINE)
    assert only_lack(plan(facts, "required")).hint == REGISTER_RUNTIME
    without = replace(facts, gpu=replace(ORIN.gpu, nvidia_toolkit=False))
    assert only_lack(plan(without, "required")).hint == INSTALL_TOOLKIT
    (note,) = plan(facts, "auto").notes
    assert "L4T 36.4.0" in note and REGISTER_RUNTIME in note


def test_a_jetson_by_cdi_gets_its_files_and_groups_too() -> None:
    facts = replace(ORIN, engine=CDI_ENGINE, gpu=replace(ORIN.gpu, cdi_devices=CDI_NAMES))
    grant = plan(facts, "required")
    assert grant.device_requests == (DeviceRequest("cdi", device_ids=("nvidia.com/gpu=all",)),)
    assert grant.groups == (VIDEO, 104, 108, 999) and len(grant.mounts) == 2 and not grant.runtime


def test_a_jetson_planned_without_an_engine_is_planned_for_its_runtime() -> None:
    assert plan(replace(ORIN, engine=EngineFacts()), "required").runtime == "nvidia"


def test_amd_gets_its_nodes_and_groups_by_number() -> None:
    assert plan(AMD, "required") == Grant(
        devices=(
            Device("/dev/kfd", "/dev/kfd", "rw"),
            Device("/dev/dri/card1", "/dev/dri/card1", "rw"),
            Device("/dev/dri/renderD129", "/dev/dri/renderD129", "rw"),
        ),
        groups=(VIDEO, RENDER),
    )


def test_amd_computes_only_where_that_is_asked_for_and_can_be() -> None:
    drawing = plan(AMD, {"capabilities": "graphics"})
    assert [device.host for device in drawing.devices] == ["/dev/dri/card1", "/dev/dri/renderD129"]
    without = replace(AMD, gpu=replace(AMD.gpu, kfd=None))
    assert not plan(without, "required").unmet
    requirement = only_lack(plan(without, {"mode": "required", "capabilities": ["graphics", "compute"]}))
    assert requirement.path == ("gpu", "capabilities", 1) and "/dev/kfd" in requirement.message


def test_intel_gets_the_nodes_of_its_card_alone() -> None:
    two = replace(INTEL, gpu=GpuFacts(cards=(card(0, "intel"), card(1, "amd"))))
    grant = plan(two, {"vendor": "intel"})
    assert [device.host for device in grant.devices] == ["/dev/dri/card0", "/dev/dri/renderD128"]
    assert grant.groups == (VIDEO, RENDER) and not grant.notes


@pytest.mark.parametrize("device", ["1", "card1", "renderD129", "/dev/dri/renderD129"])
def test_one_card_of_two_by_number_name_or_node(device: str) -> None:
    facts = replace(NOTHING, gpu=GpuFacts(cards=(card(0, "intel"), card(1, "intel"))))
    grant = plan(facts, {"mode": "required", "devices": device})
    assert [device.host for device in grant.devices] == ["/dev/dri/card1", "/dev/dri/renderD129"]
    assert not grant.unmet


def test_nodes_that_everybody_may_open_need_no_group_and_root_s_group_is_never_given() -> None:
    nodes = (node("/dev/dri/card0", 0), node("/dev/dri/renderD128", RENDER, mode=0o666))
    facts = replace(NOTHING, gpu=GpuFacts(cards=(DrmCard("card0", "intel", nodes),)))
    assert plan(facts, "auto").groups == ()


def test_links_to_a_node_are_another_name_for_it() -> None:
    link = replace(node("/dev/dri/by-path/pci-0000:00:02.0-render", RENDER, 128), target="/dev/dri/renderD128")
    one = card(0, "intel")
    facts = replace(INTEL, gpu=GpuFacts(cards=(replace(one, nodes=(*one.nodes, link)),)))
    grant = plan(facts, {"devices": link.path})
    assert [device.host for device in grant.devices] == ["/dev/dri/card0", "/dev/dri/renderD128"]


def test_what_else_renders_is_a_gpu_and_a_server_s_console_is_none() -> None:
    pi = replace(NOTHING, gpu=GpuFacts(cards=(card(0, "other"), card(1, "other", renders=False))))
    assert [device.host for device in plan(pi, "required").devices] == ["/dev/dri/card0", "/dev/dri/renderD128"]
    server = replace(NOTHING, gpu=GpuFacts(cards=(card(0, "other", renders=False),)))
    assert plan(server, "required").unmet


WSL = replace(NOTHING, gpu=GpuFacts(dxg=True))


def test_wsl2_gets_the_node_and_windows_libraries() -> None:
    assert plan(WSL, "required") == Grant(
        devices=(Device("/dev/dxg", "/dev/dxg", "rw"),),
        mounts=(Mount("bind", "/usr/lib/wsl", "/usr/lib/wsl", True),),
        environment=(("LD_LIBRARY_PATH", "/usr/lib/wsl/lib"),),
    )
    assert only_lack(plan(WSL, {"mode": "required", "devices": "0"})).path == ("gpu", "devices")


def test_wsl2_with_the_toolkit_is_an_nvidia_machine() -> None:
    facts = replace(WSL, engine=TOOLKIT_ENGINE, gpu=GpuFacts(dxg=True, nvidia_toolkit=True, nvidia_hook=True))
    grant = plan(facts, {"mode": "required", "devices": "0"})
    assert grant.device_requests == (replace(ALL_GPUS, count=0, device_ids=("0",)),)
    assert "Toolkit" in only_lack(plan(WSL, {"mode": "required", "vendor": "nvidia"})).message


def test_a_hybrid_laptop_takes_nvidia_and_says_so() -> None:
    grant = plan(HYBRID, "auto")
    assert grant.device_requests == (ALL_GPUS,) and not grant.devices
    (note,) = grant.notes
    assert "takes NVIDIA" in note and "before Intel (card0)" in note


def test_a_hybrid_laptop_takes_the_next_where_nvidia_cannot_be_used_and_says_why() -> None:
    facts = replace(HYBRID, gpu=replace(HYBRID.gpu, nvidia_hook=False, nvidia_toolkit=False), engine=ENGINE)
    grant = plan(facts, "required")
    assert [device.host for device in grant.devices] == ["/dev/dri/card0", "/dev/dri/renderD128"]
    (note,) = grant.notes
    assert note.startswith("gpu: takes Intel (card0), since NVIDIA") and INSTALL_TOOLKIT in note


def test_the_vendor_chooses_on_a_hybrid_laptop() -> None:
    intel = plan(HYBRID, {"vendor": "intel"})
    assert len(intel.devices) == 2 and not intel.device_requests and not intel.notes
    assert plan(HYBRID, {"vendor": "nvidia"}).device_requests == (ALL_GPUS,)
    requirement = only_lack(plan(HYBRID, {"mode": "required", "vendor": "amd"}))
    assert requirement.path == ("gpu", "vendor") and "amd" in requirement.message


def test_a_device_chooses_on_a_hybrid_laptop() -> None:
    grant = plan(HYBRID, {"devices": "renderD128"})
    assert [device.host for device in grant.devices] == ["/dev/dri/card0", "/dev/dri/renderD128"]
    assert "no GPU renderD128" in grant.notes[0]


def test_an_nvidia_card_without_its_driver_still_draws_by_mesa() -> None:
    facts = replace(NOTHING, gpu=GpuFacts(cards=(card(0, "nvidia"),)))
    grant = plan(facts, "auto")
    assert len(grant.devices) == 2 and "driver is not loaded" in grant.notes[0]
    assert plan(facts, {"mode": "required", "vendor": "nvidia"}).unmet, "who names NVIDIA means its driver"


@pytest.mark.parametrize(
    ("machine", "engine", "ways", "notes"),
    [
        ("jetson_orin_jp5", TOOLKIT_ENGINE, ["runtime"], 0),
        ("jetson_orin_jp6", TOOLKIT_ENGINE, ["runtime"], 0),
        ("jetson_orin_jp6", ENGINE, [], 1),
        ("jetson_thor_jp7", TOOLKIT_ENGINE, ["runtime"], 0),
        ("laptop_intel_wayland", ENGINE, ["devices"], 0),
        ("laptop_hybrid", TOOLKIT_ENGINE, ["runtime"], 1),
        ("laptop_hybrid", ENGINE, ["devices"], 1),
        ("raspberry_pi_5", ENGINE, ["devices"], 0),
        ("workstation_amd", ENGINE, ["devices"], 0),
        ("workstation_nvidia_x11", TOOLKIT_ENGINE, ["device_requests"], 0),
        ("workstation_nvidia_x11", ENGINE, ["device_requests"], 0),
        ("wsl2_gpu", TOOLKIT_ENGINE, ["device_requests"], 0),
        ("server_headless_ssh", ENGINE, [], 1),
    ],
)
def test_one_profile_comes_up_on_machines_of_every_kind(
    machine: str, engine: EngineFacts, ways: list[str], notes: int
) -> None:
    """The machines are descriptions, read by the real probes."""
    host = RecordedHost.load(MACHINES / f"{machine}.json")
    wanted = frozenset(("gpu", "engine", "devices", "distribution"))
    grant = plan(read_facts("linux/amd64", wanted=wanted, engine=engine, host=host), "auto")
    assert [way for way in ("runtime", "devices", "device_requests") if getattr(grant, way)] == ways
    assert len(grant.notes) == notes and not grant.unmet


REMOTE = replace(WORKSTATION, engine=replace(ENGINE, local=False))


@pytest.mark.parametrize("facts", [REMOTE, replace(AMD, engine=REMOTE.engine), replace(ORIN, engine=REMOTE.engine)])
def test_what_is_here_is_not_there(facts: Facts) -> None:
    """A local spec, card or index is nothing to an engine on another machine."""
    facts = replace(facts, gpu=replace(facts.gpu, cdi_devices=CDI_NAMES))
    grant = plan(facts, "auto")
    assert grant == Grant(notes=grant.notes) and "another machine" in grant.notes[0]
    assert "another machine" in only_lack(plan(facts, "required")).message


def test_a_remote_engine_s_own_word_is_taken() -> None:
    runtime = replace(REMOTE, engine=replace(REMOTE.engine, runtimes=("nvidia", "runc")))
    grant = plan(runtime, {"mode": "required", "devices": "7"})
    assert grant == Grant(runtime="nvidia", environment=(("NVIDIA_VISIBLE_DEVICES", "7"), *PARTS))
    specs = replace(REMOTE, engine=replace(CDI_ENGINE, local=False, cdi_devices=("amd.com/gpu=all",)))
    assert plan(specs, "required").device_requests == (DeviceRequest("cdi", device_ids=("amd.com/gpu=all",)),)


@pytest.mark.parametrize(
    ("yaml", "line", "column"),
    [
        ("gpu: required", 3, 6),
        ("gpu: {mode: required}", 3, 6),
        ("gpu:\n  mode: required\n  vendor: amd", 5, 11),
        ("gpu:\n  mode: required\n  devices: [0, renderD200]", 5, 16),
        ("gpu: {mode: required, devices: renderD200}", 3, 32),
    ],
)
def test_a_lack_is_shown_at_its_place_in_the_yaml(tmp_path: Path, yaml: str, line: int, column: int) -> None:
    (tmp_path / "robenv.yaml").write_text(f"name: picker\nbase: {{image: debian:bookworm}}\n{yaml}\n")
    planned = plan_project(resolve(tmp_path, None, {}), "linux/amd64")
    with pytest.raises(HostRequirementMissing) as caught:
        planned.grant(INTEL if "devices" in yaml else NOTHING)
    location = caught.value.problems[0].location
    assert location is not None
    assert (location.line, location.column) == (line, column)
