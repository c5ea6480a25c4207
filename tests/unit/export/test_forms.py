"""Whole files, to read: ``ROBENV_UPDATE_GOLDEN=1 pytest tests/unit/export/test_forms.py`` writes them anew."""

from __future__ import annotations

import json
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from robenv.errors import ProfileError, UsageError
from tests.support.golden import check
from tests.support.projects.exports import Export, text_of

PICKER = """\
name: picker
base: {image: ubuntu:24.04}
apt: {packages: [git]}
setup: [install/setup.bash]
image: {shell: [/bin/bash, -ec]}
steps: [{name: tool, run: make -C /opt/tool, as: user}]
user: {name: jane, sudo: true}
gpu: auto
display: auto
git: true
devices: [/dev/ttyUSB0, {class: video, hotplug: true}, serial/by-id/usb-FTDI*]
realtime: true
ros: {rmw: rmw_cyclonedds_cpp, domain_id: 7}
networks: {lan: {driver: macvlan, driver_opts: {parent: eth0}, ipam: {config: [{subnet: 10.0.0.0/24}]}}}
run:
  networks: {lan: {ipv4_address: 10.0.0.7}}
  environment: [TOKEN, "PRICE=$$5", "GREETING=hello ${WHO}"]
  volumes: ["./data:/data:ro", "cache:/cache", "~/bags:/bags", "/opt/maps:/maps:ro"]
  tmpfs: "/scratch:size=64m"
  ports: ["8080:80", "127.0.0.1:9000-9001:9000-9001/udp"]
  mem_limit: 2gb
  cpus: 1.5
  ulimits: {nofile: 1024}
  security_opt: ["seccomp=unconfined"]
  extra_hosts: ["base:10.0.0.1"]
deploy:
  command: [ros2, launch, picker, all.launch.py, "rate:=$$(nproc)"]
  healthcheck: {test: ros2 node list, interval: 2s, start_period: 9s, retries: 4}
"""
ENVIRON = {"TOKEN": "s3cret-token", "WHO": "everybody"}
FILES = {
    "compose": ("compose.yaml", "compose.gpu.yaml", "compose.display.yaml"),
    "devcontainer": ("devcontainer.json",),
    "kubernetes": ("picker.yaml",),
}


@pytest.mark.parametrize("form", FILES)
def test_the_files_are_those_that_were_looked_at(form: str, export: Export, root: Path, tmp_path: Path) -> None:
    made = export(form, PICKER, ENVIRON, image="registry.example/picker:7" if form == "kubernetes" else "")
    for name in FILES[form]:
        check(root / "tests/golden/export" / name, text_of(made, name).replace(str(tmp_path), "/home/jane/picker"))
    for name in ("compose.yaml", "devcontainer.json"):
        assert str(tmp_path) not in (root / "tests/golden/export" / name).read_text()


def test_the_dockerfile_is_the_one_that_was_looked_at(export: Export, root: Path) -> None:
    check(root / "tests/golden/export/Dockerfile", text_of(export("dockerfile", PICKER, ENVIRON)))


@pytest.mark.parametrize("form", FILES)
def test_no_secret_of_the_environment_is_written_down(form: str, export: Export) -> None:
    made = export(form, PICKER, ENVIRON, image="registry.example/picker:7")
    assert not any(b"s3cret" in entry.data for entry in made.entries)
    assert "it holds what WHO of the environment said when it was exported" in made.notes


def test_what_stands_in_a_file_of_its_own_stays_there(export: Export, tmp_path: Path) -> None:
    (tmp_path / "secret.env").write_text("PASSWORD=open-sesame\nSHARED=of-the-file\n")
    files = "env_file: [secret.env, {path: other.env, required: false, format: raw}]"
    profile = (
        f"name: picker\nbase: {{image: x}}\nrun: {{{files}, environment: {{SHARED: mine}}}}\ndeploy: {{command: a}}\n"
    )
    made = {form: export(form, profile, image="x") for form in FILES}
    assert not any(b"sesame" in entry.data for one in made.values() for entry in one.entries)
    service = yaml.safe_load(text_of(made["compose"]))["services"]["picker"]
    assert service["env_file"] == [
        {"path": "../secret.env", "required": True},
        {"path": "../other.env", "required": False, "format": "raw"},
    ]
    assert service["environment"] == {"SHARED": "mine"}
    assert '"--env-file=${localWorkspaceFolder}/secret.env"' in text_of(made["devcontainer"])
    assert "other.env" not in text_of(made["devcontainer"])
    assert "key: PASSWORD" in text_of(made["kubernetes"])


def test_what_it_is_for_and_what_is_missing_stand_in_the_file(export: Export) -> None:
    made = export("compose", PICKER, ENVIRON)
    head = text_of(made).partition("\nname: ")[0]
    assert head.startswith("# Made by robenv, by `robenv export compose`. Change robenv.yaml, and export again.\n")
    assert all(note in head for note in made.notes)
    assert [note.partition(":")[0] for note in made.notes] == [
        "devices", "gpu", "display", "git", "volumes", "it holds what WHO of the environment said when it was exported",
    ]  # fmt: skip


def test_a_dev_containers_file_is_json_with_comments(export: Export) -> None:
    text = text_of(export("devcontainer", PICKER, ENVIRON))
    document = json.loads("".join(line for line in text.splitlines() if not line.startswith("//")))
    assert document["containerEnv"]["TOKEN"] == "${localEnv:TOKEN}"
    assert "mounts" in document and "networks" not in document


DRI = ["--device=/dev/dri:/dev/dri:rw", "--group-add=44"]


@pytest.mark.parametrize(("gpu", "flags"), [
    ("required", ["--gpus=all"]),
    ("{vendor: nvidia, mode: required, devices: ['0', '2']}", ['--gpus="device=0,2"']),
    ("{vendor: jetson, mode: required}", ["--runtime=nvidia"]),
    ("{vendor: amd, mode: required}", ["--device=/dev/kfd:/dev/kfd:rw", *DRI]),
    ("{vendor: intel, mode: required}", DRI),
    ("auto", []),
    ("none", []),
])  # fmt: skip
def test_a_gpu_in_a_dev_container(gpu: str, flags: list[str], export: Export) -> None:
    text = text_of(export("devcontainer", f"name: picker\nbase: {{image: x}}\ngpu: {gpu}\n"))
    document = json.loads(re.sub("(?m)^//.*$", "", text))
    said = [flag for flag in document["runArgs"] if flag.startswith(("--gpus", "--runtime", "--device", "--group-add"))]
    assert said == flags
    assert document.get("hostRequirements") == ({"gpu": "optional"} if gpu == "auto" else None)


NVIDIA = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}


@pytest.mark.parametrize(("gpu", "service"), [
    ("required", {"deploy": {"resources": {"reservations": {"devices": [NVIDIA]}}}}),
    ("{vendor: jetson, mode: required}", {"runtime": "nvidia"}),
    ("{vendor: intel, mode: required}", {"devices": ["/dev/dri:/dev/dri:rw"], "group_add": ["44"]}),
])  # fmt: skip
def test_a_gpu_in_compose(gpu: str, service: dict[str, object], export: Export) -> None:
    made = yaml.safe_load(text_of(export("compose", f"name: picker\nbase: {{image: x}}\ngpu: {gpu}\n")))
    found = made["services"]["picker"]
    assert {key: found.get(key) for key in service} == service


def test_a_cluster_takes_the_teams_image_by_its_name(export: Export) -> None:
    profile = "name: picker\nbase: {image: x}\ndeploy: {command: talk}\n"
    made = text_of(
        export("kubernetes", profile, registry_name="registry.example/team/picker:0123456789ab", platform="linux/arm64")
    )
    pod = list(yaml.safe_load_all(made))[-1]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example/team/picker:0123456789ab"
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "arm64"}
    for one in yaml.safe_load_all(made):
        kubernetes_validate.validate(one, "1.32", strict=True)


def test_names_are_such_as_each_takes(export: Export) -> None:
    profile = "name: a.b_c-d\nbase: {image: x}\nrun: {volumes: ['my_cache.1:/c'], environment: [TOKEN]}\n"
    compose = yaml.safe_load(text_of(export("compose", profile)))
    assert (compose["name"], list(compose["services"])) == ("a-b_c-d", ["a.b_c-d"])
    text = text_of(export("kubernetes", f"{profile}deploy: {{command: talk}}\n", {"TOKEN": "t"}, image="x"))
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(text)]
    assert names == ["a-b-c-d-home", "a-b-c-d-my-cache-1", "a-b-c-d"]
    assert "name: a-b-c-d\n                  key: TOKEN" in text
    for one in yaml.safe_load_all(text):
        kubernetes_validate.validate(one, "1.32", strict=True)


def test_what_cannot_be_exported_is_refused(export: Export) -> None:
    small = "name: picker\nbase: {image: x}\n"
    with pytest.raises(UsageError, match="a cluster takes images from a registry"):
        export("kubernetes", small)
    with pytest.raises(UsageError, match="nothing says what a pod is to run"):
        export("kubernetes", small, image="x")
    with pytest.raises(ProfileError, match="nobody publishes an image of lab"):
        export("compose", "name: picker\nbase: {bootstrap: {suite: lab, mirror: 'http://lab/debian'}}\n")


def test_of_a_base_of_robenvs_own_the_moment_and_the_packages_stay(export: Export) -> None:
    base = "{bootstrap: {suite: bookworm, include: [less], components: [main, contrib]}}"
    made = export("dockerfile", f"name: picker\nbase: {base}\napt: {{snapshot: 2026-11-01}}\n")
    text = text_of(made)
    assert "FROM debian:bookworm AS image\n" in text
    assert "20261101T000000Z" in text
    assert re.search(r"\n +less;", text)
    assert "base: debian:bookworm does not have the components contrib in its sources" in made.notes


def test_the_network_of_steps_is_said_to_who_builds(export: Export) -> None:
    profile = "name: picker\nbase: {image: debian:bookworm}\nbuild: {network: host}\n"
    assert "docker build -t NAME --network=host {folder}" in export("dockerfile", profile).next
    document = yaml.safe_load(text_of(export("compose", profile)))
    assert document["services"]["picker"]["build"]["network"] == "host"
    assert '"--network=host"' in text_of(export("devcontainer", profile))
    usual = profile.replace("host", "default")
    assert "network" not in export("dockerfile", usual).next
    assert "network" not in text_of(export("compose", usual))
    assert "--network" not in text_of(export("devcontainer", profile, image="x"))
