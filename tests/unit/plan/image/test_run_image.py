"""The run image: built on top of the dev image, of it only what was installed, with a hash of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.plan.image.build import plan_build
from robenv.plan.image.run_image import deploy_purpose, lacks_python
from robenv.plan.models import DEV, RUN
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.project.planned import PlannedProject, plan_project

TARGET = """\
base: {image: debian:bookworm}
apt:
  packages: [g++, make]
  repositories: {vendor: {url: http://vendor.example/, suite: ./}}
pip: [six]
environment: {A: theirs, B: both}
files: [{source: cyclone.xml, target: /etc/cyclone.xml}]
steps: [{name: tool, run: make tool}]
setup: [/opt/ros/jazzy/setup.bash, /workspace/install/setup.bash]
run_image: {apt: {packages: [python3]}}
"""
OWN = """\
name: p
extends: ./target/target.yaml
run_image:
  build: colcon build --install-base /opt/p $FLAGS
  install: /opt/p
  environment: {A: slim}
  image: {working_dir: /opt/p}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "target/target.yaml": TARGET,
        "target/cyclone.xml": "<CycloneDDS/>",
        "robenv.yaml": OWN,
        "src/node/node.py": "print()",
        "README.md": "words",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def resolve(root: Path) -> Resolved:
    return resolve_project(find_project(root), {})


def planned(root: Path, purpose: str = RUN) -> PlannedProject:
    return plan_project(resolve(root), "linux/amd64", purpose)


def problems(root: Path, text: str) -> list[str]:
    (root / "robenv.yaml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        resolve(root)
    return [problem.message for problem in caught.value.problems]


def test_what_the_workspace_depends_on_is_for_building_alone(root: Path) -> None:
    (root / "robenv.yaml").write_text(OWN + "workspace: {dependencies: true}\n")
    (root / "src/node/package.xml").write_text(
        "<package><name>node</name><version>1.0.0</version><description>x</description>"
        '<maintainer email="a@example.org">A</maintainer><license>MIT</license><depend>eigen</depend></package>'
    )
    stages = {stage.name: stage for stage in plan_build(resolve(root), "linux/amd64", RUN).stages}
    assert list(stages) == ["workspace-base", "workspace-rosdep", "image", "build", "run"]
    assert stages["image"].base.stage == "workspace-base"
    assert stages["build"].base.stage == "image"
    assert stages["run"].base == stages["workspace-base"].base
    assert stages["run"].base.image == "debian:bookworm"


PACKAGE = (
    "<package><name>node</name><version>1.0.0</version><description>x</description>"
    '<maintainer email="a@example.org">A</maintainer><license>MIT</license>'
    "<build_depend>eigen</build_depend><run_depend>zlib</run_depend><run_depend>bc</run_depend></package>"
)


def test_what_the_packages_need_to_run_is_resolved_by_the_dev_image_and_is_in_this_one(root: Path) -> None:
    (root / "src/node/package.xml").write_text(PACKAGE)
    (root / "robenv.yaml").write_text(OWN + "  dependencies: {skip_keys: [bc]}\nimage: {shell: [/bin/bash, -c]}\n")
    made = planned(root)
    dev, build, aside, slim = made.build.stages
    assert (aside.name, aside.base.stage) == ("run-rosdep", dev.name)
    (wanted,) = aside.groups
    assert wanted.rosdep_keys
    assert [key for key, _ in wanted.rosdep_keys.keys] == ["zlib"]
    assert str(wanted.rosdep_keys.keys[0][1]) == "src/node/package.xml:1:183"
    assert [group.dependencies.stage for group in slim.groups if group.dependencies] == ["run-rosdep"]
    assert not any(group.dependencies for stage in (dev, build) for group in stage.groups)
    text = made.rendered.dockerfile
    assert 'AS run-rosdep\nUSER root\nSHELL ["/bin/sh", "-c"]\n' in text
    assert 'COPY --from=run-rosdep ["/opt/robenv/dependencies/found/", "/opt/robenv/dependencies/"]' in text
    before = made.content_hash
    (root / "robenv.yaml").write_text(OWN + "  dependencies: {types: [build]}\nimage: {shell: [/bin/bash, -c]}\n")
    assert planned(root).content_hash != before
    assert planned(root, DEV).rendered.dockerfile == text[: text.index("\nFROM image AS build")]


def test_both_images_may_have_dependencies_and_nothing_is_resolved_where_there_are_none(root: Path) -> None:
    (root / "robenv.yaml").write_text(OWN + "  dependencies: true\nworkspace: {dependencies: true}\n")
    assert [stage.name for stage in planned(root).build.stages] == ["image", "build", "run"]
    (root / "src/node/package.xml").write_text(PACKAGE)
    names = [stage.name for stage in planned(root).build.stages]
    assert names == ["workspace-base", "workspace-rosdep", "image", "build", "run-rosdep", "run"]


def test_it_stands_on_the_base_and_has_no_packages_or_steps_of_the_dev_image(root: Path) -> None:
    dev, build, slim = planned(root).build.stages
    assert (dev.name, build.base.stage, slim.base) == ("image", "image", dev.base)
    target, own, built = slim.groups
    assert (target.packages, target.pip, target.steps) == (("python3",), (), ())
    assert [repository.name for repository in target.repositories] == ["vendor"]
    assert [file.target for file in target.files] == ["/etc/cyclone.xml"]
    assert (target.environment, own.environment) == ((("A", "theirs"), ("B", "both")), (("A", "slim"),))
    assert [(file.stage, file.source, file.target) for file in built.files] == [("build", "/opt/p", "/opt/p")]
    assert slim.settings.working_dir == "/opt/p"
    assert slim.settings.setup_scripts == ("/opt/ros/jazzy/setup.bash", "/opt/p/setup.bash")


def test_the_workspace_is_built_where_it_is_in_the_dev_image_with_its_setup_sourced(root: Path) -> None:
    _, build, _ = planned(root).build.stages
    (group,) = build.groups
    assert [(file.host_path, file.target) for file in group.files] == [(str(root / "src"), "/workspace/src")]
    step, look = group.steps
    assert look.run.startswith("test -e /opt/p/setup.bash || ")
    assert step.run == "colcon build --install-base /opt/p $FLAGS"
    assert step.front[-2:] == ("/workspace", "/usr/local/lib/robenv/entrypoint")


@pytest.mark.parametrize(
    ("build", "looked_for"),
    [
        ("build: make install, install: /opt/p", []),
        ("build: catkin_make install, install: [/opt/p, /opt/q/]", ["/opt/p/setup.bash", "/opt/q/setup.bash"]),
        ("build: colcon build, install: /opt/p, setup: [/opt/other.sh, '/opt/p/it''s.sh']", ["'/opt/p/it'\"'\"'s.sh'"]),
        ("build: make install, install: /opt/p, setup: /opt/p/env.sh", ["/opt/p/env.sh"]),
    ],
)
def test_setup_scripts_that_the_build_is_to_leave_are_looked_for(root: Path, build: str, looked_for: list[str]) -> None:
    (root / "robenv.yaml").write_text(f"name: p\nextends: ./target/target.yaml\nrun_image: {{{build}}}\n")
    _, *looks = planned(root).build.stages[1].groups[0].steps
    assert [line.split(" || ")[0] for look in looks for line in look.run.splitlines()] == [
        f"test -e {script}" for script in looked_for
    ]


def test_the_dev_image_is_the_same_with_and_without_one(root: Path) -> None:
    before = planned(root, DEV).content_hash
    (root / "robenv.yaml").write_text("name: p\nextends: ./target/target.yaml\n")
    assert planned(root, DEV).content_hash == before


def test_its_hash_follows_the_sources_and_nothing_that_tools_leave_there(root: Path) -> None:
    before = planned(root).content_hash
    assert before != planned(root, DEV).content_hash
    for name in (
        "src/.git/HEAD",
        "src/node/.git",
        "src/node/__pycache__/node.pyc",
        "README.md",
        "build/x",
        ".git/HEAD",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("something")
    (root / "src/CMakeLists.txt").symlink_to("/usr/share/catkin/cmake/toplevel.cmake")
    assert planned(root).content_hash == before
    (root / ".dockerignore").write_text("**/*.md\n")
    (root / "src/node/notes.md").write_text("words")
    assert planned(root).content_hash == before
    (root / "src/node/node.py").write_text("print(1)")
    assert planned(root).content_hash != before


def test_links_of_the_workspace_go_as_they_are(root: Path) -> None:
    (root / "src/data").symlink_to("/opt/data")
    entries = {entry.name.rpartition("/")[2]: entry.link for entry in planned(root).rendered.context}
    assert entries["data"] == "/opt/data"


def test_a_base_of_its_own_and_stages_that_have_its_names(root: Path) -> None:
    (root / "robenv.yaml").write_text(
        OWN + "  base: {image: 'ros:jazzy-ros-core'}\n  sources: [src/node, colcon.meta]\n"
        "stages: {build: {}, run: {}, image: {}}\n"
    )
    made = plan_build(resolve(root), "linux/arm64", RUN)
    assert [stage.name for stage in made.stages][3:] == ["image-last", "build-last", "run-last"]
    assert made.stages[-1].base.image == "ros:jazzy-ros-core"
    assert [file.target for file in made.stages[-2].groups[0].files] == [
        "/workspace/src/node",
        "/workspace/colcon.meta",
    ]


CORE = "ros:jazzy-ros-core"


@pytest.mark.parametrize(
    ("text", "base", "packages"),
    [
        ("extends: ros/jazzy", CORE, ()),
        ("extends: ros/jazzy-desktop-full", CORE, ()),
        ("extends: ros/jazzy-perception", CORE, ()),
        ("extends: ros/jazzy-ros-core", CORE, ()),
        ("extends: [ros/jazzy, mixins/cyclonedds]", CORE, ("ros-jazzy-rmw-cyclonedds-cpp",)),
        ("extends: ros/noetic", "ros:noetic-ros-core", ()),
        ("extends: [ros/humble, jetson/orin-nano]", "nvcr.io/nvidia/l4t-jetpack:r36.4.0", ("ros-humble-ros-core",)),
        ("extends: x86-base", "ubuntu:24.04", ("ros-jazzy-ros-core",)),
        ("extends: ros/jazzy\nbase: {image: 'ubuntu:24.04'}", "ubuntu:24.04", ("ros-jazzy-ros-core",)),
        ("extends: [ros/humble, jetson/jp6]\nrun_image: {base: {image: 'ros:humble'}}", "ros:humble", ()),
        (
            "base: {image: 'ubuntu:24.04'}\nros: {distro: jazzy, variant: desktop}",
            "ubuntu:24.04",
            ("ros-jazzy-ros-core",),
        ),
        ("extends: debian/bookworm", "", ()),
    ],
)
def test_ros_is_in_it_by_the_smallest_image_of_it_or_on_another_base_by_its_smallest_package(
    tmp_path: Path, text: str, base: str, packages: tuple[str, ...]
) -> None:
    built = "{build: x, install: /opt/p}"
    (tmp_path / "src").mkdir()
    more = f"{text[:-1]}, {built[1:]}" if "run_image" in text else f"{text}\nrun_image: {built}"
    (tmp_path / "robenv.yaml").write_text(f"name: p\n{more}\n")
    resolved = resolve(tmp_path)
    slim = plan_build(resolved, (resolved.profile.platforms or ("linux/amd64",))[0], RUN).stages[-1]
    assert slim.base.image == base
    assert tuple(name for group in slim.groups for name in group.ros.packages) == packages


def test_sources_that_are_not_there_are_told_at_their_place(root: Path) -> None:
    (root / "robenv.yaml").write_text(OWN + "  sources: [nowhere]\n")
    with pytest.raises(ProfileError) as caught:
        _ = planned(root).rendered
    (problem,) = caught.value.problems
    assert (problem.message, str(problem.location)) == (f"there is no {root}/nowhere", "robenv.yaml:8:13")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run_image: {build: make}", "nothing says what of the build goes into the run image"),
        ("run_image: {install: /opt/p}", "nothing says how what the run image installs is built"),
        ("run_image: {build: make, install: /workspace}", "`/workspace` is more than what was built"),
        ("run_image: {build: make, install: /}", "`/` is more than what was built"),
        ("deploy: {stage: run}", "there is no run image"),
        ("run_image: {build: make, install: /p, base: {stage: x}}", "there is no stage `x`"),
        ("run_image: {build: make, install: /p, apt: {snapshot: 2026-01-01}}", "a stage has no snapshot of its own"),
        ("run_image: {build: make, install: /p, files: [{source: nix, target: /x}]}", "there is no file or folder"),
    ],
)
def test_what_is_wrong_is_told(root: Path, text: str, message: str) -> None:
    (found,) = problems(root, f"base: {{image: x}}\n{text}\n")
    assert message in found


@pytest.mark.parametrize("path", ["/src", "../src", "src/../.."])
def test_sources_are_of_the_workspace(root: Path, path: str) -> None:
    (found,) = problems(root, f"base: {{image: x}}\nrun_image: {{build: make, install: /p, sources: [{path}]}}\n")
    assert "is not a path in the workspace" in found


def test_a_profile_without_one_says_so(root: Path) -> None:
    (root / "robenv.yaml").write_text("base: {image: x}\n")
    with pytest.raises(ProfileError, match="has no run image"):
        planned(root)


def test_robots_run_it_unless_the_profile_says_otherwise(root: Path) -> None:
    profile = resolve(root).profile
    assert deploy_purpose(profile) == RUN
    assert deploy_purpose(profile.model_copy(update={"run_image": type(profile.run_image)()})) == DEV
    (root / "robenv.yaml").write_text(OWN + "deploy: {stage: dev}\n")
    assert deploy_purpose(resolve(root).profile) == DEV


def test_no_commit_is_part_of_it(root: Path) -> None:
    assert "org.opencontainers" not in planned(root).rendered.dockerfile


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("base: {image: debian:bookworm-slim}\nrun_image: {%s}\n", True),
        ("base: {image: r.example.org/ubuntu}\nrun_image: {%s}\n", True),
        ("base: {bootstrap: {suite: bookworm}}\nrun_image: {%s}\n", True),
        ("base: {image: x}\nrun_image: {base: {image: ubuntu:24.04}, %s}\n", True),
        ("base: {image: ubuntu:24.04}\nrun_image: {base: {image: x}, %s}\n", False),
        ("base: {image: ubuntu:24.04}\nrun_image: {apt: {packages: [python3-minimal]}, %s}\n", False),
        ("base: {image: ubuntu:24.04}\nrun_image: {apt: {packages: [ros-jazzy-ros-core]}, %s}\n", False),
        ("base: {image: ubuntu:24.04}\nrun_image: {dependencies: true, %s}\n", False),
        ("base: {image: ubuntu:24.04}\nrun_image: {steps: [{name: a, run: b}], %s}\n", False),
        ("extends: [ros/debian-bookworm]\nrun_image: {%s}\n", False),
        ("extends: [ros/jazzy]\nrun_image: {%s}\n", False),
        ("extends: [x86-base]\nrun_image: {%s}\n", False),
    ],
)
@pytest.mark.parametrize("build", ["colcon build --install-base /opt/p", "make install"])
def test_colcons_setup_needs_python_there(root: Path, text: str, warned: bool, build: str) -> None:
    (root / "robenv.yaml").write_text(f"name: p\n{text % f'build: {build}, install: /opt/p'}")
    problems = lacks_python(resolve(root))
    assert bool(problems) == (warned and "colcon" in build)
    assert all(problem.location is not None and "python3-minimal" in problem.hint for problem in problems)
