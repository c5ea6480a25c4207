"""Nothing that a folder's files say is passed over in silence: each is in the proposal, or in a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.project.init.findings import BUILT_IN, InitFinding
from tests.support.init_losses import lost

COMPOSE = """\
services:
  dev:
    image: example.org/dev:1
    build:
      context: .
      dockerfile: Dockerfile
      args: {VARIANT: full, EMPTY: }
      network: host
      cache_from: [example.org/dev:cache]
    command: [sleep, infinity]
    cap_add: [SYS_NICE, NET_ADMIN]
    ulimits: {rtprio: 99, nofile: {soft: 1024, hard: 4096}}
    environment:
      - DISPLAY=$DISPLAY
      - ROBOT=arm
      - PASSED
    volumes:
      - .:/ws
      - /tmp/.X11-unix:/tmp/.X11-unix
      - {type: bind, source: ./data, target: /data, bind: {create_host_path: false}}
    devices: [/dev/ttyUSB0:/dev/arm]
    depends_on: {db: {condition: service_healthy}}
    x-own: 7
    deploy: {resources: {limits: {cpus: "2"}}}
    unheard_of: {a: [1, {b: c}]}
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: secret}
    ports: ["5432:5432"]
volumes: {pg: {}}
"""
DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG ROS_DISTRO=jazzy
ARG VARIANT
FROM ros:${ROS_DISTRO}-ros-base AS tools
RUN make everything
FROM ros:${ROS_DISTRO}-ros-base AS dev
ARG EMPTY
SHELL ["/bin/bash", "-c"]
ENV A=1 B="two words"
ENV OLD form
LABEL org.example=1
COPY --from=tools /opt/tools /opt/tools
ADD https://example.org/x.tar.gz /opt
RUN apt-get update && apt-get install -y ros-${ROS_DISTRO}-nav2-bringup htop \\
 && pip install transforms3d -r requirements.txt \\
 && git clone https://example.org/lib.git && cmake lib
RUN if [ -n "$X" ]; then apt-get install -y tree; fi
RUN <<EOT
echo "source /opt/x/setup.bash" >> ~/.bashrc
usermod -aG dialout dev
EOT
EXPOSE 9090
VOLUME /data
USER dev
WORKDIR /ws
HEALTHCHECK CMD ros2 topic list
STOPSIGNAL SIGINT
ONBUILD RUN x
ENTRYPOINT ["/entry"]
CMD ["bash"]
"""
DEVCONTAINER = """\
{
  // of a team
  "name": "arm",
  "build": {"dockerfile": "Dockerfile", "args": {"VARIANT": "full"}, "target": "dev", "options": ["--pull"]},
  "features": {"ghcr.io/devcontainers/features/node:1": {"version": "20"}, "ghcr.io/x/y": {}},
  "runArgs": ["--network=host", "--name=arm", "--cap-add=SYS_PTRACE", "--unheard-of", "x", "-it", "-v", "a:/a"],
  "mounts": ["source=/dev,target=/dev,type=bind",
    {"source": "cache-${devcontainerId}", "target": "/c", "type": "volume"}],
  "containerEnv": {"ROS_DOMAIN_ID": "42", "TOKEN": "${localEnv:TOKEN}"},
  "remoteEnv": {"PATH": "${containerEnv:PATH}:/x"},
  "remoteUser": "dev",
  "workspaceFolder": "/ws/src/arm",
  "workspaceMount": "source=${localWorkspaceFolder},target=/ws/src/arm,type=bind",
  "forwardPorts": [8765, "db:5432"],
  "hostRequirements": {"gpu": "optional", "cpus": 8},
  "initializeCommand": "docker network create x",
  "onCreateCommand": {"a": "make a", "b": ["make", "b"]},
  "postCreateCommand": "rosdep update",
  "customizations": {"vscode": {"extensions": ["ms-iot.vscode-ros"]}},
  "unheardOf": {"a": 1}
}
"""
LINE = """\
#!/bin/sh
docker run -it --rm --gpus all --net=host -e ROBOT=arm --env-file x.env -v $PWD:/ws --device /dev/ttyACM0 \\
  --ulimit rtprio=99 --group-add dialout --unheard-of=1 --mac-address 00:00:00:00:00:01 ros:humble ros2 launch x y
"""


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"compose.yaml": COMPOSE, "Dockerfile": DOCKERFILE, "requirements.txt": "numpy\n"}, 40),
        ({"Dockerfile": DOCKERFILE, "requirements.txt": "numpy\n"}, 20),
        ({".devcontainer/devcontainer.json": DEVCONTAINER, ".devcontainer/Dockerfile": DOCKERFILE}, 40),
        ({"run.sh": LINE.replace("--unheard-of=1 ", "")}, 12),
        ({"run.sh": "rocker --x11 --nvidia --env A=b --volume ./d:/d --devices /dev/video0 -- ros:jazzy bash\n"}, 7),
        (
            {
                ".devcontainer/devcontainer.json": '{"dockerComposeFile": ["../compose.yaml"], "service": "dev"}',
                "compose.yaml": COMPOSE,
                "Dockerfile": DOCKERFILE,
            },
            40,
        ),
    ],
    ids=["compose", "dockerfile", "devcontainer", "docker run", "rocker", "devcontainer of compose"],
)
def test_each_key_entry_and_instruction_is_proposed_or_noted(tmp_path: Path, files: dict[str, str], said: int) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    proposal, count, missing = lost(tmp_path)
    assert set(proposal.sources) >= {name for name in files if name != "requirements.txt"}
    assert count >= said
    assert [str(atom) for atom in missing] == []


def test_the_count_itself_finds_a_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    monkeypatch.setattr("robenv.project.init.readers.compose._rest_of_build", lambda value, made: ())
    empty = "robenv.project.init.readers.dockerfile.built_in"
    monkeypatch.setattr(empty, lambda what, source: InitFinding(BUILT_IN, "", source))
    missing = [str(atom) for atom in lost(tmp_path)[2]]
    assert "compose.yaml:2: dev.build.network: host" in missing
    assert "Dockerfile:9: ENV: A" not in missing
    assert "Dockerfile:24: USER: dev" in missing


def test_every_option_of_a_command_line_is_proposed_or_noted(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(LINE)
    proposal = lost(tmp_path)[0]
    text = " ".join(f"{one.key} {one.value} {one.source}" for one in
                    (*proposal.taken, *proposal.asked, *proposal.notes, *proposal.built_in))  # fmt: skip
    for word in ("gpu auto", "run.network_mode host", "ROBOT=arm", "x.env", "workspace.target /ws", "/dev/ttyACM0",
                 "realtime true", "run.group_add dialout", "--unheard-of=1", "00:00:00:00:00:01", "ros2 launch x y",
                 "--rm", "-it"):  # fmt: skip
        assert word in text, word


def test_a_server_that_a_readme_runs_is_not_the_environment(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Run\n\n    docker run -p 8000:8000 example.org/web/api-server:jazzy-nightly\n")
    proposal = lost(tmp_path)[0]
    assert (proposal.image, proposal.sources) == ("", ())
    assert any("README.md (example.org/web/api-server:jazzy-nightly)" in note.source for note in proposal.notes)
    assert lost(tmp_path, "README.md")[0].image == "example.org/web/api-server:jazzy-nightly"
    (tmp_path / "README.md").write_text("Run\n\n    docker run -v $PWD:/ws example.org/tools:jazzy\n")
    assert lost(tmp_path)[0].image == "example.org/tools:jazzy"


RUNS = """\
image=example.org/x
run_quiet docker run -it --rm "$IMAGE" bash
docker run --gpus all -v $PWD:/ws $IMAGE make
"""


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"Dockerfile": "FROM ros:jazzy\n", "run.sh": RUNS},
            ["run.sh:3: docker run: the image $IMAGE is built from Dockerfile",
             "run.sh:2: another docker run line, not used: $IMAGE bash"],
        ),
        ({"compose.yaml": "services:\n  a: {image: x}\n", "tools/run.sh": RUNS}, ["tools/run.sh (no image): not used"]),
        (
            {"compose.yaml": "services:\n dev: {build: .}\n s:\n  build: {context: sim, args: {A: b}}\n  extends: c\n"},
            ["build.context: sim", "build.args A=b", 'extends: "c"'],
        ),
        ({"compose.yaml": "services:\n  dev: {image: x}\n  l:\n"}, ["compose.yaml:3: service l is not converted"]),
        (
            {".devcontainer.json": '{"dockerFile": "D", "context": "..", "build":\n{"options": ["--network=x"]}}'},
            ["dockerFile: D", "context: ..", 'not converted: build.options: ["--network=x"]'],
        ),
        (
            {"requirements.txt": "numpy", "tools/requirements-dev.txt": "scipy"},
            ["tools/requirements-dev.txt: a list for pip, not used"],
        ),
        (
            {"empty.repos": "repositories:\n", "src/arm/up.repos": "repositories:\n  a: {type: git, url: x}\n"},
            ["empty.repos: a list without repositories", "src/arm/up.repos: a .repos file for workspace"],
        ),
    ],
    ids=["lines of a Dockerfile's script", "a script with a variable", "a service not taken", "an empty service",
         "an older devcontainer", "lists for pip", "repositories"],
)  # fmt: skip
def test_what_is_not_taken_is_named(tmp_path: Path, files: dict[str, str], said: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    proposal, _, missing = lost(tmp_path)
    assert [str(atom) for atom in missing] == []
    notes = " ".join(f"{one.source}: {one.value}" for one in (*proposal.notes, *proposal.built_in))
    assert [one for one in said if one not in notes] == []


def test_a_script_with_a_variable_for_its_image_is_taken_by_name(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(RUNS)
    assert lost(tmp_path)[0].sources == ()
    proposal, _, missing = lost(tmp_path, "run.sh")
    assert (proposal.sources, missing) == (("run.sh",), [])
