"""What `init` makes of a folder and a machine: realistic files of each kind, and every proposal is a valid profile."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from robenv.host.recorded import RecordedHost
from robenv.profile.resolve.summary import find_summary
from robenv.profile.schema.profile import Profile
from robenv.project.init.findings import BUILT_IN, NOTE, InitFinding, given_by
from robenv.project.init.folder import read_folder
from robenv.project.init.machine import DetectedMachine, read_machine
from robenv.project.init.meaning import interpret
from robenv.project.init.propose import Proposal, propose
from robenv.project.init.readers.devcontainer import read_devcontainer
from robenv.project.init.readers.dockerfile import Dockerfile
from robenv.project.init.readers.options import docker_options, rocker_options
from robenv.project.init.readers.scripts import dua_lines, run_lines
from robenv.project.init.readers.workspace import in_package_xml, in_repos
from robenv.project.init.write import left_out, proposed_file
from robenv.project.planned import resolve
from tests.support.folders import MACHINES

KNOWN = cache(find_summary)

CATKIN = """\
<?xml version="1.0"?>
<package format="2">
  <name>arm</name>
  <buildtool_depend>catkin</buildtool_depend>
  <!-- <depend>rclcpp</depend> -->
  <build_depend version_gte="1.11">roscpp</build_depend>
</package>
"""
AMENT = """\
<package format="3">
  <name>arm</name>
  <exec_depend>rclpy</exec_depend>
  <export><build_type>ament_python</build_type></export>
</package>
"""
REPOS = """\
repositories:
  navigation2:
    type: git
    url: https://github.com/ros-navigation/navigation2.git
    version: humble
  slam_toolbox:
    type: git
    url: https://github.com/SteveMacenski/slam_toolbox.git
    version: humble-devel
  tools: {type: git, url: https://example.org/tools.git, version: main}
"""
DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO}-ros-core AS base
RUN echo first && apt-get install -y nothing
FROM base AS dev
# the tools
RUN apt-get update && apt-get install -y --no-install-recommends \\
      ros-jazzy-nav2-bringup \\
      # a comment between
      libeigen3-dev=3.4.0-4 \\
 && rm -rf /var/lib/apt/lists/*
RUN sudo apt install -y "$EXTRA" htop
"""
DEVCONTAINER = """\
// For format details, see https://aka.ms/devcontainer.json
{
  "name": "arm", /* a workspace */
  "image": "osrf/ros:humble-desktop",
  "features": { "ghcr.io/devcontainers/features/node:1": {}, },
  "runArgs": ["--network=host", "--ipc", "host", "--gpus", "all", "--privileged", "--device=/dev/ttyUSB0", "-e", "A=1"],
  "containerEnv": { "ROS_DOMAIN_ID": "42", "DISPLAY": "${localEnv:DISPLAY}", "URL": "http://x/ # no comment", },
  "mounts": [ "source=/dev/bus,target=/dev/bus,type=bind" ],
  "postCreateCommand": "rosdep update",
}
"""
ROCKER = """\
#!/bin/bash
# rocker --not this
exec rocker --nvidia --x11 --user \\
  --network host --devices /dev/dri -- ros:noetic-perception roslaunch arm arm.launch
"""
DUA = "#!/bin/sh\n./dua_setup.sh create -a arm x86-cudev secret\n"


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def kinds(findings: Iterable[InitFinding]) -> set[tuple[str, str]]:
    return {(finding.key, finding.value) for finding in findings if finding.key not in (NOTE, BUILT_IN)}


def test_package_xml_tells_ros_1_from_2() -> None:
    wanted = InitFinding("workspace.dependencies", "true", "p: what packages depend on, by rosdep")
    assert list(in_package_xml(CATKIN, "p")) == [InitFinding("ros", "1", "p: catkin"), wanted]
    assert list(in_package_xml(AMENT, "p")) == [InitFinding("ros", "2", "p: ament_python"), wanted]
    assert list(in_package_xml("<package><name>x</name></package>", "p")) == []
    assert list(in_package_xml("no xml", "p")) == []


def test_repos_are_of_the_distribution_that_most_versions_name() -> None:
    assert list(in_repos(REPOS, "a.repos")) == [InitFinding("distro", "humble", "a.repos: 2 of 3 versions")]
    assert list(in_repos("repositories: {}", "a.repos")) == []


def test_of_a_dockerfile_one_stage_counts_through_those_that_it_is_made_from() -> None:
    image = Dockerfile(DOCKERFILE, "D").image()
    assert (image.reference, image.line, image.stage) == ("ros:jazzy-ros-core", 3, "dev")
    assert [
        (finding.key, finding.value, finding.source)
        for finding in image.findings
        if finding.key not in (NOTE, BUILT_IN)
    ] == [
        ("apt.packages", "nothing", "D:4"),
        ("apt.packages", "ros-jazzy-nav2-bringup", "D:7"),
        ("apt.packages", "libeigen3-dev=3.4.0-4", "D:7"),
        ("apt.packages", "htop", "D:12"),
        ("distro", "jazzy", "D:3"),
    ]
    assert [finding.value for finding in image.findings if finding.key == NOTE] == [
        "not converted: RUN echo first (steps)",
        "not converted: apt-get install $EXTRA (apt.packages)",
    ]


def test_a_devcontainer_with_comments() -> None:
    said = read_devcontainer(DEVCONTAINER, "d")
    found = [*interpret(said.settings, str), *said.findings]
    assert said.image == "osrf/ros:humble-desktop"
    assert kinds(found) == {
        ("run.network_mode", "host"),
        ("run.ipc", "host"),
        ("gpu", "auto"),
        ("run.privileged", "true"),
        ("devices", '{"by": "/dev/ttyUSB0", "optional": true}'),
        ("environment", "A=1"),
        ("ros.domain_id", "42"),
        ("display", "auto"),
        ("environment", "URL=http://x/ # no comment"),
        ("run.volumes", "/dev/bus:/dev/bus"),
    }
    notes = [one.value for one in found if one.key == NOTE]
    assert [any(word in note for note in notes) for word in ("node:1", "rosdep")] == [True, True]
    assert [finding.key for finding in read_devcontainer("{", "d").findings] == [NOTE]
    assert read_devcontainer("[]", "d").findings == []


def test_rocker_and_dua() -> None:
    (line,) = run_lines(ROCKER, "run.sh")
    assert (line.options.image, line.options.command) == ("ros:noetic-perception", ("roslaunch", "arm", "arm.launch"))
    assert kinds([*line.options.findings, *interpret(line.options.settings, str)]) == {
        ("gpu", "auto"),
        ("display", "auto"),
        ("run.network_mode", "host"),
        ("devices", '{"by": "/dev/dri", "optional": true}'),
    }
    assert list(dua_lines(DUA, "s")) == [InitFinding("profile", "x86-cudev", "s:2: DUA")]
    assert list(run_lines("echo 'no rocker' \"", "s")) == []


CASES = [
    ({"src/arm/package.xml": AMENT}, DetectedMachine(), "ros/jazzy"),
    ({"src/arm/package.xml": AMENT}, DetectedMachine(ros=("humble",)), "ros/humble"),
    ({"src/arm/package.xml": CATKIN}, DetectedMachine(ros=("humble",)), "ros/debian-bookworm"),
    ({"src/arm/package.xml": CATKIN}, DetectedMachine(), "ros/debian-bookworm"),
    ({"src/arm/package.xml": AMENT, "arm.repos": REPOS}, DetectedMachine(ros=("jazzy",)), "ros/humble"),
    ({"Dockerfile": DOCKERFILE}, DetectedMachine(), "ros/jazzy-ros-core"),
    ({"Dockerfile": DOCKERFILE, "src/arm/package.xml": AMENT}, DetectedMachine(), "ros/jazzy"),
    ({".devcontainer/devcontainer.json": DEVCONTAINER}, DetectedMachine(), "ros/humble-desktop"),
    ({"run.sh": ROCKER}, DetectedMachine(), "ros/noetic-perception"),
    ({"setup.sh": DUA}, DetectedMachine(), "x86-cudev"),
    ({"docker/container-jetson6/Dockerfile": "FROM x\n"}, DetectedMachine(), "jetson6"),
    ({"Dockerfile": "FROM nvcr.io/nvidia/l4t-jetpack:r36.4.0\n"}, DetectedMachine(), "jetson/jp6"),
    ({}, DetectedMachine(l4t="35.4.1"), "jetson/jp5"),
    ({}, DetectedMachine(), "ros/jazzy"),
    (
        {"package.xml": "\0\xff<<", "Dockerfile": "FROM ${X\nFROM\nRUN \\", "a.sh": "rocker"},
        DetectedMachine(),
        "ros/jazzy",
    ),
    ({"Dockerfile": "FROM ubuntu:24.04\nRUN apt-get install -y git nano nano-\n"}, DetectedMachine(), ""),
]


@pytest.mark.parametrize(("files", "machine", "profile"), CASES)
def test_every_proposal_is_a_valid_profile(
    tmp_path: Path, files: dict[str, str], machine: DetectedMachine, profile: str
) -> None:
    lay(tmp_path, files)
    found = propose(read_folder(tmp_path), machine, KNOWN)
    assert found.profile == profile
    (tmp_path / "robenv.yaml").write_text(proposed_file("arm", found))
    resolved = resolve(tmp_path, None, {}).profile
    assert resolved.extends == ((profile,) if profile else ())
    wanted = [hint.value for hint in found.taken if hint.key == "apt.packages"]
    assert set(wanted) <= set(resolved.apt.packages)


def machine(name: str) -> DetectedMachine:
    return read_machine(RecordedHost.load(MACHINES / f"{name}.json"))


L4T = {"Dockerfile": "FROM nvcr.io/nvidia/l4t-jetpack:r36.4.0\n"}
DUA_OF_BOTH = {f"docker/container-{name}/x": "" for name in ("armv8-dev", "x86-dev", "x86-cudev")}
ON_MACHINES = [
    # a board's own profile, by its model and the JetPack that it has
    ({}, "jetson_orin_jp6", "jetson/orin-nx"),
    ({}, "jetson_orin_jp5", "jetson/jp5"),
    ({}, "jetson_thor_jp7", "jetson/thor"),
    ({}, "raspberry_pi_5", "rpi/bookworm"),
    ({}, "laptop_hybrid", "ros/jazzy"),
    # the folder's ROS, and the board beneath it
    ({"src/arm/package.xml": AMENT}, "jetson_orin_jp6", "ros/humble, jetson/orin-nx"),
    ({"src/arm/package.xml": CATKIN}, "jetson_orin_jp5", "ros/noetic, jetson/jp5"),
    ({"arm.repos": REPOS}, "jetson_orin_jp6", "ros/humble, jetson/orin-nx"),
    ({"arm.repos": REPOS}, "jetson_thor_jp7", "ros/humble"),
    ({"run.sh": ROCKER}, "jetson_orin_jp5", "ros/noetic-perception, jetson/jp5"),
    ({"src/arm/package.xml": AMENT}, "raspberry_pi_5", "ros/jazzy, mixins/rpi"),
    ({"src/arm/package.xml": CATKIN}, "raspberry_pi_5", "ros/debian-bookworm, mixins/rpi"),
    # of the folder's several those for this machine; a board's on a PC if there is no other; never a PC's on a board
    (DUA_OF_BOTH, "laptop_hybrid", "x86-cudev"),
    (DUA_OF_BOTH, "raspberry_pi_5", "armv8-dev, mixins/rpi"),
    ({"setup.sh": DUA}, "jetson_thor_jp7", "armv8-dev, jetson/thor"),
    ({**L4T, "docker/Dockerfile": "FROM ros:jazzy\n"}, "laptop_hybrid", "ros/jazzy"),
    (L4T, "workstation_nvidia_x11", "jetson/jp6"),
    (L4T, "raspberry_pi_5", "jetson/jp6"),
]


@pytest.mark.parametrize(("files", "where", "extends"), ON_MACHINES)
def test_it_is_for_the_machine_that_it_is_made_on(
    tmp_path: Path, files: dict[str, str], where: str, extends: str
) -> None:
    lay(tmp_path, files)
    here = machine(where)
    found = propose(read_folder(tmp_path), here, KNOWN)
    assert found.extends == extends
    (tmp_path / "robenv.yaml").write_text(proposed_file("arm", found))
    resolved = resolve(tmp_path, None, {}).profile
    emulated = here.platform not in resolved.platforms
    assert emulated == ("is emulated on this machine" in found.why)
    assert not emulated or here.platform == "linux/amd64"
    has_gpu = any(hint.source.startswith("this machine has a GPU") for hint in found.taken)
    assert has_gpu == (bool(here.gpu) and "jetson" not in extends), "a Jetson's is its target's own"


def test_what_is_for_other_machines_alone_is_told(tmp_path: Path) -> None:
    (tmp_path / "setup.sh").write_text(DUA)
    found = propose(read_folder(tmp_path), machine("raspberry_pi_5"), KNOWN)
    assert found.extends == "armv8-dev, mixins/rpi"
    (note,) = found.notes
    assert (note.value, note.source) == ("x86-cudev is for amd64 alone, and this machine is arm64", "setup.sh:2: DUA")
    (tmp_path / "setup.sh").unlink()
    (tmp_path / "a.repos").write_text(REPOS)
    found = propose(read_folder(tmp_path), machine("jetson_thor_jp7"), KNOWN)
    assert "without CUDA: the JetPack of this machine is for noble, and this is Ubuntu 22.04" in found.why


def test_each_line_says_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "devcontainer.json").write_text(DEVCONTAINER)
    text = proposed_file("arm", propose(read_folder(tmp_path), DetectedMachine(), KNOWN))
    assert "extends: [ros/humble-desktop]  # devcontainer.json: osrf/ros:humble-desktop\n" in text
    assert "  domain_id: 42  # devcontainer.json:7: ROS_DOMAIN_ID\n" in text
    assert "# gpu: auto  # devcontainer.json:6: gpus all; gives the GPU: uncomment to allow\n" in text
    assert "#   network_mode: host  # devcontainer.json:6; gives this machine's network: uncomment to allow\n" in text
    assert '#   devcontainer.json:9: not converted: postCreateCommand: "rosdep update"' in text


ASKING = {
    ".devcontainer/devcontainer.json": DEVCONTAINER.replace('"-e"', '"--shm-size=1g", "--device", "/dev/sda", "-e"'),
    "run.sh": ROCKER.replace("--user", "--user --ssh --git --pulse"),
}


def test_what_a_folder_asks_of_the_host_is_left_in_comments(tmp_path: Path) -> None:
    lay(tmp_path, ASKING)
    proposal = propose(read_folder(tmp_path), DetectedMachine(), KNOWN)
    text = proposed_file("arm", proposal)
    (tmp_path / "robenv.yaml").write_text(text)
    profile = resolve(tmp_path, None, {}).profile
    run = profile.run
    assert (profile.gpu, profile.display, profile.audio, profile.ssh_agent) == (None, "none", "none", "none")
    assert (profile.git, profile.devices, run.network_mode, run.ipc) == (False, (), "", "")
    assert (run.privileged, run.volumes) == (False, ())
    assert (run.shm_size, profile.ros.domain_id) == (1 << 30, 42), "what is harmless is taken"
    assert sorted(one.key for one in left_out(proposal)) == [
        "devices", "devices", "display", "gpu", "run.ipc", "run.network_mode", "run.privileged", "run.volumes",
    ]  # fmt: skip
    (tmp_path / ".devcontainer/devcontainer.json").unlink()
    proposal = propose(read_folder(tmp_path), DetectedMachine(), KNOWN)
    assert sorted(one.key for one in left_out(proposal)) == [
        "audio", "devices", "display", "git", "gpu", "run.network_mode", "ssh_agent",
    ]  # fmt: skip


def test_uncommented_it_is_what_was_asked_for(tmp_path: Path) -> None:
    lay(tmp_path, ASKING)
    text = proposed_file("arm", propose(read_folder(tmp_path), DetectedMachine(), KNOWN))
    lines = text.splitlines()
    headers = ("# devices:", "# run:", "#   volumes:", "  # volumes:")
    lines = [
        line.replace("# ", "", 1) if "uncomment to allow" in line or line in headers else line
        for line in lines
        if line not in ("#   - /dev/ttyUSB0", "#   - {class: video, optional: true}")
    ]
    (tmp_path / "robenv.yaml").write_text("\n".join(lines))
    profile = resolve(tmp_path, None, {}).profile
    assert profile.gpu is not None
    assert (profile.display, profile.run.privileged) == ("auto", True)
    assert {device.by for device in profile.devices} == {"/dev/ttyUSB0", "/dev/sda"}
    assert [(volume.source, volume.target) for volume in profile.run.volumes] == [("/dev/bus", "/dev/bus")]
    assert (profile.run.network_mode, profile.run.ipc) == ("host", "host")


def test_every_key_that_files_can_bring_is_judged() -> None:
    """Of a new one nobody has said that it is harmless."""
    words = [
        "--network=none",
        "--ipc=private",
        "--ipc=shareable",
        "--runtime=nvidia",
        "--device=/dev/kvm",
        "--pid=host",
    ]
    words += [
        "--privileged",
        "--cap-add=SYS_ADMIN",
        "--security-opt=seccomp=unconfined",
        "--group-add=video",
        "-v=/:/a",
    ]
    rocker = ["--x11", "--wayland", "--pulse", "--git", "--ssh", "--nvidia", "--privileged"]
    found = [*docker_options(words, "x").findings, *interpret(docker_options(words, "x").settings, str)]
    found += rocker_options(rocker, "x").findings
    harmless = {f"{one.key}: {one.value}" for one in found if not given_by(one)}
    assert (len(found), harmless) == (18, {"run.network_mode: none", "run.ipc: private"})
    assert given_by(InitFinding("run.anything", "true", "x")) and given_by(InitFinding("run.ipc", "shareable", "x"))
    assert not given_by(InitFinding("run.volumes", "cache:/var/cache", "x"))
    assert given_by(InitFinding("run.volumes", "./data:/data", "x")), "a link of the folder leads anywhere"
    assert given_by(InitFinding("environment", "KEY=${AWS_SECRET}", "x")) == "the value of your variable AWS_SECRET"


def test_what_only_a_scripts_shell_knows_is_a_note(tmp_path: Path) -> None:
    """Uncommented, or allowed on the terminal, all else has to be valid."""
    make = "tag=example.org/x:1\nshell:\n\tdocker run -v $(PWD)/src:/src -v $(HERE):/h $(tag) bash\n"
    script = (
        "data=$(realpath ..)\nempty=\ndocker run -v $data:/d -v $empty:/e -v $1:/one -v $MINE:/m -v `x`:/x ros:jazzy\n"
    )
    for name, text, asked, notes in (
        ("Makefile", make, ["./src:/src", "${HERE}:/h"], 1),
        ("run.sh", script, ["$MINE:/m"], 4),
    ):
        folder = tmp_path / name.lower()
        lay(folder, {name: text})
        proposal = propose(read_folder(folder), DetectedMachine(), KNOWN)
        assert [one.value for one in proposal.asked] == asked
        assert len(proposal.notes) == notes, proposal.notes
        allowed = replace(proposal, taken=(*proposal.taken, *proposal.asked), asked=())
        (folder / "robenv.yaml").write_text(proposed_file("arm", allowed))
        environ = {"HERE": "/here", "MINE": "/mine"}
        assert len(resolve(folder, None, environ).profile.run.volumes) == len(asked)


def test_a_link_that_leaves_the_folder_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("-r my secret\n")
    folder = tmp_path / "cloned"
    folder.mkdir()
    (folder / "requirements.txt").symlink_to("../mine")
    assert read_folder(folder).files == []
    (folder / "real.txt").write_text("numpy\n")
    (folder / "requirements.txt").unlink()
    (folder / "requirements.txt").symlink_to("real.txt")
    assert [file.text for file in read_folder(folder).files] == ["numpy\n"]


def test_a_gpu_of_this_machine_is_for_this_profile(tmp_path: Path) -> None:
    (tmp_path / "robenv.yaml").write_text(
        proposed_file("arm", propose(read_folder(tmp_path), DetectedMachine(gpu="NVIDIA's"), KNOWN))
    )
    gpu = resolve(tmp_path, None, {}).profile.gpu
    assert gpu is not None
    assert gpu.mode == "auto"
    assert propose(read_folder(tmp_path / "none"), DetectedMachine(), KNOWN).taken == ()


def test_a_profile_that_does_not_exist_is_never_proposed(tmp_path: Path) -> None:
    lay(tmp_path, {"package.xml": AMENT, "a.repos": REPOS.replace("humble", "jazzy")})
    two = {name: KNOWN(name) for name in ("ros/humble", "ros/debian-bookworm")}
    assert propose(read_folder(tmp_path), DetectedMachine(), two.get).profile == "ros/humble"
    assert propose(read_folder(tmp_path), DetectedMachine(l4t="36.4"), lambda name: None).profile == "ros/jazzy"


def test_what_others_wrote_cannot_leave_its_comment(tmp_path: Path) -> None:
    evil = "x\nrun: {privileged: true}"
    proposal = Proposal(
        "ros/debian-bookworm",
        "",
        evil,
        (InitFinding("environment", f"A={evil}", evil),),
        (InitFinding("note", evil, evil),),
    )
    (tmp_path / "robenv.yaml").write_text(proposed_file("arm", proposal))
    profile = resolve(tmp_path, None, {}).profile
    assert (profile.run.privileged, profile.environment["A"]) == (False, evil)


GOOD = "repositories:\n  arm:\n    {type: git, url: 'https://example.org/arm.git', version: jazzy}\n"


def proposed(folder: Path, files: dict[str, str]) -> tuple[str, Profile]:
    """The text for these files, and the profile that it comes to."""
    lay(folder, files)
    text = proposed_file("arm", propose(read_folder(folder), DetectedMachine(), KNOWN))
    (folder / "robenv.yaml").write_text(text)
    return text, resolve(folder, None, {}).profile


def test_the_workspace_is_brought_with_what_its_packages_depend_on(tmp_path: Path) -> None:
    inside = {"src/arm/upstream.repos": GOOD, "src/arm/package.xml": AMENT}
    text, profile = proposed(tmp_path, {"arm.repos": GOOD, **inside})
    assert [Path(repo).name for repo in profile.workspace.repos] == ["arm.repos"]
    assert profile.workspace.dependencies is not None
    assert "  dependencies: true  # src/arm/package.xml: what packages depend on, by rosdep\n" in text
    assert "    - arm.repos  # arm.repos: `up` clones what is missing in src\n" in text
    assert text.count("workspace:\n") == 1


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {"a.repos": GOOD, "b.repos": GOOD},
            "#   a.repos, b.repos: a .repos file for workspace: {repos: [FILE]}, if it is for this environment\n",
        ),
        ({"a.rosinstall": GOOD}, "#   a.rosinstall: `vcs import src` takes it; as a .repos file, `up` does\n"),
        ({"a.repos": GOOD.replace("git,", "svn,")}, "#   a.repos: `up` cannot clone it: `arm` is of the type `svn`\n"),
        ({"a.repos": "]"}, "#   a.repos: `up` cannot clone it: "),
    ],
)
def test_repositories_that_up_does_not_clone_as_they_are(tmp_path: Path, files: dict[str, str], note: str) -> None:
    text, profile = proposed(tmp_path, files)
    assert note in text
    assert (profile.workspace.repos, profile.workspace.dependencies) == ((), None)


def test_what_pip_installs_is_proposed(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/requirements.txt").write_text("scipy\n")
    text = proposed_file("picker", propose(read_folder(tmp_path), DetectedMachine(), KNOWN))
    (tmp_path / "robenv.yaml").write_text(text)
    (install,) = resolve(tmp_path, None, {}).profile.pip
    assert install.requirements == str(tmp_path / "requirements.txt")
    (tmp_path / "requirements.txt").write_text("numpy\n-r more.txt\n")
    text = proposed_file("picker", propose(read_folder(tmp_path), DetectedMachine(), KNOWN))
    assert "#   requirements.txt: not converted: for pip, which cannot take it as it is: -r more.txt" in text


def test_a_link_to_a_file_elsewhere_says_nothing(tmp_path: Path) -> None:
    """What it has would get into robenv.yaml, which the container reads."""
    (tmp_path / "secret.env").write_text("rocker --env TOKEN=1234 -- x\n")
    folder = tmp_path / "ws"
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/real.sh").write_text("rocker --env LEVEL=5 -- x\n")
    (folder / "linked.sh").symlink_to("scripts/real.sh")
    (folder / "planted.sh").symlink_to(tmp_path / "secret.env")
    (folder / "away").symlink_to(tmp_path)
    os.mkfifo(folder / "Dockerfile")
    found = {file.source: file.text for file in read_folder(folder).files}
    line = "rocker --env LEVEL=5 -- x\n"
    assert found == {"linked.sh": line, "scripts/real.sh": line, "Dockerfile": ""}
