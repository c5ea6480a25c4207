"""What the renderer writes is what real builders make of it: BuildKit and the classic one read the same values."""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import BuildRequest, Engine, StepEvent
from robenv.errors import BuildFailed
from robenv.plan.models import Base, BuildPlan, FileCopy, Group, Healthcheck, ImageSettings, Stage, Step
from robenv.plan.packages import AptRepository
from robenv.render import Rendered, context_stream, find_instruction, render
from tests.support.projects.plans import at, plan_of
from tests.support.servers.site.packages import module

pytestmark = pytest.mark.engine

TAG = "robenvtest-render:1"
MARK = "ROBENVTEST_RENDER"
NASTY = (
    "it's",
    'say "hi"',
    "$HOME ${HOME:-x} $(id) `id`",
    "a;b && c | d > e",
    "{{ user }} {% raw %}",
    "-rf",
    "--mount=type=bind",
    "[1, 2]",
    "# no comment",
    "cat <<EOF",
    "trailing\\",
    "two\\\\",
    "C:\\new\\table",
    "*?[a-z]",
    "tab\tand\rreturn \x01\x7f",
    "naïve 日本語 🤖 \u2028 \u0085 \ufeff",
    "  spaces  ",
    "word " * 20_000,
)
ARGS = NASTY[1:17:3]
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

Build = Callable[..., Rendered]


@pytest.fixture(params=[True, False], ids=lambda value: "buildkit" if value else "classic")
def buildkit(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def build(engine: Engine, docker_api: Any, buildkit: bool) -> Iterator[Build]:
    """Builds a plan as ``TAG`` and gives back what was rendered; the image goes away with the test."""

    def run(plan: BuildPlan, network_mode: str = "") -> Rendered:
        rendered = render(marked(plan), buildkit)
        request = replace(request_for(plan, buildkit), network_mode=network_mode)
        list(engine.build(request, context_stream(rendered)))
        return rendered

    yield run
    for image in docker_api.images(name="robenvtest-render"):
        docker_api.remove_image(image["Id"], force=True)
    # The classic builder keeps the stages that an image is not made of, and what it had when a step failed.
    for image in docker_api.images(filters={"dangling": True}):
        if any(MARK in layer["CreatedBy"] for layer in docker_api.history(image["Id"])):
            docker_api.remove_image(image["Id"])


def marked(plan: BuildPlan) -> BuildPlan:
    """The plan with a build argument in each stage, by which its images are known."""
    first = Group("mark", args=((MARK, "1"),))
    return replace(plan, stages=tuple(replace(stage, groups=(first, *stage.groups)) for stage in plan.stages))


def request_for(plan: BuildPlan, buildkit: bool) -> BuildRequest:
    return BuildRequest(TAG, plan.platform, {}, buildkit=buildkit)


@pytest.fixture
def run(docker_api: Any) -> Iterator[Callable[..., tuple[str, int]]]:
    """Runs a command in the image; (what it wrote to stdout, exit code)."""
    made: list[str] = []

    def start(*command: str, **settings: Any) -> tuple[str, int]:
        host = docker_api.create_host_config(network_mode="none")
        container = docker_api.create_container(TAG, list(command), host_config=host, **settings)["Id"]
        made.append(container)
        docker_api.start(container)
        code = docker_api.wait(container)["StatusCode"]
        return docker_api.logs(container, stdout=True, stderr=False).decode(), code

    yield start
    for container in made:
        docker_api.remove_container(container, force=True)


@pytest.fixture
def on(base_image: str) -> Callable[..., BuildPlan]:
    """A plan on the tests' own base."""
    return partial(plan_of, base=Base(base_image, image=base_image))


def test_nasty_values_arrive_as_they_are(
    build: Build,
    run: Callable[..., tuple[str, int]],
    on: Callable[..., BuildPlan],
    docker_api: Any,
) -> None:
    environment = tuple((f"V{index}", value) for index, value in enumerate(NASTY))
    labels = tuple((f"robenvtest.label {index}", value) for index, value in enumerate(NASTY[:-1]))
    group = Group(
        "nasty\nRUN touch /escaped",
        args=tuple((f"A{index}", value) for index, value in enumerate(ARGS)),
        environment=environment,
        steps=(
            Step("write\nRUN touch /escaped", "cat > /made <<'EOF'\n$HOME \\\n# a comment\n\n{{ x }}\nEOF\n", False),
            Step("args", f'for i in $(seq 0 {len(ARGS) - 1}); do eval "printf %s \\"\\$A$i\\"" > /arg$i; done', False),
        ),
    )
    test = ("CMD", "true", *NASTY[:-1], "a\nb")
    settings = ImageSettings(
        working_dir="/work $x 'y' \"z\" \\w",
        labels=labels,
        command=("printf", r"%s\0", *NASTY[:-1], "a\nb"),
        healthcheck=Healthcheck(test, 2.5, 1, 0.5, 7),
    )
    build(on(group, settings=settings))

    config = docker_api.inspect_image(TAG)["Config"]
    got = dict(entry.split("=", 1) for entry in config["Env"])
    assert {name: got[name] for name, _ in environment} == dict(environment)
    assert {name: value for name, value in config["Labels"].items() if name.startswith("robenvtest.label")} == dict(
        labels
    )
    assert config["WorkingDir"] == settings.working_dir
    assert config["Cmd"] == list(settings.command or ())
    assert config["Healthcheck"] == {
        "Test": list(test), "Interval": 2_500_000_000, "Timeout": 10**9, "StartPeriod": 5 * 10**8, "Retries": 7,
    }  # fmt: skip

    assert run()[0] == "".join(f"{value}\0" for value in (*NASTY[:-1], "a\nb"))
    assert run("cat", "/made")[0] == "$HOME \\\n# a comment\n\n{{ x }}\n"
    assert run("sh", "-c", 'for i in /arg?*; do cat $i; printf "\\0"; done | sort -z')[0] == "".join(
        f"{value}\0" for value in sorted(ARGS, key=str.encode)
    )
    assert run("test", "-e", "/escaped")[1] == 1


def test_files_keep_their_bytes_names_and_modes(
    build: Build,
    run: Callable[..., tuple[str, int]],
    on: Callable[..., BuildPlan],
    tmp_path: Path,
    base_image: str,
) -> None:
    folder = tmp_path / "config"
    (folder / "sub").mkdir(parents=True)
    names = ("plain", "two words", "$HOME", "quo\"te's", "back\\slash", "st*r?[x]", "日本語", "x" * 200, "line\nbreak")
    for name in names:
        (folder / "sub" / name).write_text(name)
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("sub/plain")
    (folder / ".dockerignore").write_text("*.secret\n.dockerignore\n")
    (folder / "a.secret").write_text("no")
    tool = tmp_path / "the tool"
    tool.write_text("#!/bin/sh\necho ran\n")
    tool.chmod(0o700)
    builder = Stage(
        "builder",
        Base(base_image, image=base_image),
        (Group("p", steps=(Step("make", "mkdir /out && echo built > '/out/a b$c'", False),)),),
    )
    files = (
        FileCopy("files/1", str(folder), "/opt/con fig$x"),
        FileCopy("files/2", str(tool), "/usr/local/bin/"),
        FileCopy("files/3", str(tool), "/opt/tool", mode="0640", owner="games:games"),
        FileCopy("/out/a b$c", "", "/opt/'built'", stage="builder", mode="0604", owner="games"),
    )
    build(on(Group("p", files=files), stages=(builder,), directory=str(tmp_path)))

    found = run(
        "sh", "-c", 'cd "/opt/con fig\\$x/sub" && for f in *; do printf "%s\\0" "$f"; cat "$f"; printf "\\0"; done'
    )
    parts = found[0].split("\0")[:-1]
    assert dict(zip(parts[::2], parts[1::2], strict=True)) == {name: name for name in names}
    listing = run("sh", "-c", 'cd "/opt/con fig\\$x" && ls -A && readlink link && stat -c "%a %U %Y" empty sub/plain')[
        0
    ]
    assert listing.split("\n")[:4] == ["empty", "link", "sub", "sub/plain"]
    assert listing.split("\n")[4:6] == ["755 root 315532800", "644 root 315532800"]
    assert run("/usr/local/bin/the tool") == ("ran\n", 0)
    stat = run("stat", "-c", "%a %U %G", "/opt/tool", "/opt/'built'")[0]
    assert stat == "640 games games\n604 games root\n" or stat == "640 games games\n604 games games\n"
    assert run("cat", "/opt/'built'")[0] == "built\n"


def test_steps_run_as_the_user_with_a_home_of_their_own(
    build: Build,
    run: Callable[..., tuple[str, int]],
    on: Callable[..., BuildPlan],
) -> None:
    steps = (
        Step("root", "id -un > /tmp/1", False),
        Step("user", 'id -un > /tmp/2; echo "$HOME" >> /tmp/2; touch ~/made', True),
        Step("root again", "id -un > /tmp/3", False),
    )
    build(on(Group("p", steps=steps), Group("q", steps=steps[1:2])))
    assert run("cat", "/tmp/1", "/tmp/2", "/tmp/3")[0] == "root\ndev\n/home/dev\nroot\n"
    assert run("stat", "-c", "%U %G", "/home/dev", "/home/dev/made")[0] == "dev dev\n" * 2
    assert run("id", "-un")[0] == "root\n"


def test_setup_scripts_are_sourced_before_every_command(
    build: Build,
    run: Callable[..., tuple[str, int]],
    on: Callable[..., BuildPlan],
    tmp_path: Path,
) -> None:
    (tmp_path / "setup.bash").write_text("export FOUND=$UNSET_BEFORE$1-yes; echo noise; false; set -eu\n")
    files = (FileCopy("files/1", str(tmp_path / "setup.bash"), "/opt/a b/setup.bash"),)
    setup = ("/not/there.bash", "/opt/a b/setup.bash")
    settings = ImageSettings(setup_scripts=setup, entrypoint=("env", "LAST=1"))
    build(on(Group("p", files=files), settings=settings))
    assert run("sh", "-c", 'echo "$FOUND $LAST $0 $1"; exit 7', "x y", "$z") == ("-yes 1 x y $z\n", 7)


def test_each_step_of_the_engine_leads_back_to_its_instruction(
    engine: Engine, build: Build, on: Callable[..., BuildPlan], buildkit: bool, base_image: str
) -> None:
    builder = Stage("builder", Base(base_image, image=base_image), (Group("p", steps=(Step("b", "true", False),)),))
    steps = tuple(Step(f"number {index}", f"echo {index} of many", False, at(index)) for index in range(1, 12))
    broken = Step("broken", "echo it breaks\nexit 3", False, at(50))
    group = Group(
        "p",
        args=(("A", "1"),),
        environment=(("B", "2"),),
        files=(FileCopy("/etc/hostname", "", "/tmp/h", stage="builder"),),
        steps=(*steps, broken),
    )
    plan = marked(on(group, stages=(builder,)))
    rendered = render(plan, buildkit)
    names: dict[str, None] = {}
    with pytest.raises(BuildFailed):
        for event in engine.build(request_for(plan, buildkit), context_stream(rendered)):
            if isinstance(event, StepEvent):
                names[event.name] = None
    found = {name: find_instruction(rendered, name) for name in names}
    titles = [instruction.title for instruction in found.values() if instruction]
    assert {step.name for step in (*steps, broken)} <= set(titles)
    for name, instruction in found.items():
        if instruction is not None and (kind := re.search(r"\b(FROM|RUN|COPY|ARG|ENV|USER)\b", name)):
            assert instruction.kind == kind[1], name
    (last,) = [instruction for instruction in found.values() if instruction and instruction.title == "broken"]
    assert str(last.location) == "robenv.yaml:50:3"
    assert "it breaks" in rendered.dockerfile.split("\n")[last.line_start - 1]


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder over HTTP; its address, for a build on the host's network."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ExitStack() as stack:

        def start(folder: Path) -> str:
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


def armored(binary: bytes) -> bytes:
    """An OpenPGP key in its text form (RFC 4880, 6)."""
    crc = 0xB704CE
    for byte in binary:
        crc ^= byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    body = base64.encodebytes(binary).decode()
    check = base64.b64encode((crc & 0xFFFFFF).to_bytes(3, "big")).decode()
    name = "PGP PUBLIC KEY BLOCK"
    return f"-----BEGIN {name}-----\n\n{body}={check}\n-----END {name}-----\n".encode()


def test_packages_leave_nothing_but_themselves(
    build: Build,
    run: Callable[..., tuple[str, int]],
    on: Callable[..., BuildPlan],
    serve: Callable[[Path], str],
    tmp_path: Path,
    docker_api: Any,
    buildkit: bool,
) -> None:
    archive = "http://deb.debian.org/debian"
    (tmp_path / "key").write_bytes(armored(KEYRING.read_bytes()))
    digests = [f"sha256:{sha256(path.read_bytes()).hexdigest()}" for path in (tmp_path / "key", KEYRING)]
    url = f"{serve(tmp_path)}/key"
    main = ("main",)
    repositories = (
        AptRepository("updates", archive, "bookworm-updates", main, url, digests[0], ("amd64", "arm64")),
        AptRepository("backports", archive, "bookworm-backports", main, "keys/1", digests[1], (), None, str(KEYRING)),
    )
    # As in the images of Docker Hub.
    clean = 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };'
    first = Group("hub", steps=(Step("docker-clean", f"echo '{clean}' > /etc/apt/apt.conf.d/docker-clean", False),))
    second = Group("p", repositories=repositories, packages=("hello", "figlet=2.*", "sl/bookworm"))
    rendered = build(on(first, second), network_mode="host")
    assert run("hello")[0] == "Hello, world!\n"
    assert run("ls", "/etc/apt/keyrings")[0] == "backports.gpg\nupdates.asc\n"

    added = added_files(docker_api)
    left = re.compile(r"var/(lib/apt/lists|cache|log)/|.*(\.deb|-old|\.pyc|pkgcache\.bin)$")
    allowed = re.compile(r"var/cache/debconf/[a-z]+\.dat$|var/lib/apt/lists/lock$|var/cache/apt/archives/lock$")
    assert [name for name in added if left.match(name) and not allowed.match(name)] == []
    if buildkit:  # Whatever the hook removes, the next build finds what this one has downloaded.
        identifier = re.search(r"id=(robenv-apt-[^,]*),target=/var/cache/apt,", rendered.dockerfile)
        assert identifier
        text = f"FROM {TAG}\nRUN --mount=type=cache,id={identifier[1]},target=/c ls /c/robenv > /cached\n"
        build_text(docker_api, text, "robenvtest-render:2")
        assert "hello_" in read_file(docker_api, "robenvtest-render:2", "/cached")


def wheel(folder: Path, name: str) -> None:
    """A package index in ``folder`` with one wheel of one module."""
    (folder / name).mkdir(parents=True)
    (folder / name / f"{name}-1.0-py3-none-any.whl").write_bytes(module(name, "1.0", "print('imported')\n"))


@pytest.mark.parametrize("buildkit", [True], indirect=True)
def test_pip_installs_where_there_was_no_pip(
    build: Build,
    run: Callable[..., tuple[str, int]],
    on: Callable[..., BuildPlan],
    serve: Callable[[Path], str],
    tmp_path: Path,
    docker_api: Any,
    buildkit: bool,
) -> None:
    wheel(tmp_path, "robenvtestpip")
    index = ("PIP_INDEX_URL", serve(tmp_path))
    group = Group("p", args=(index,), pip=("robenvtestpip >= 1; python_version > '3'",))
    build(on(group), network_mode="host")
    assert run("python3", "-c", "import robenvtestpip") == ("imported\n", 0)
    assert [name for name in added_files(docker_api) if re.match(r"root/|var/(cache|log)/.*(pip|apt|dpkg)", name)] == []


def added_files(docker_api: Any) -> list[str]:
    """The files in the image's layers above the base's, without those that only say what is gone."""
    names: list[str] = []
    with unpacked(docker_api.get_image(TAG)) as saved:
        for layer in json.loads(content_of(saved, "manifest.json"))[0]["Layers"][1:]:
            with unpacked([content_of(saved, layer)]) as content:
                names += [member.name for member in content if member.isfile()]
    return [name for name in names if not name.rpartition("/")[2].startswith(".wh.")]


def unpacked(pieces: Iterable[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join(pieces)))


def content_of(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member
    return member.read()


def build_text(docker_api: Any, text: str, tag: str) -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    answer = docker_api._post(
        docker_api._url("/build"),
        data=body.getvalue(),
        params={"version": "2", "t": tag},
        headers={"Content-Type": "application/x-tar"},
    )
    assert "moby.image.id" in answer.text


def read_file(docker_api: Any, image: str, path: str) -> str:
    container = docker_api.create_container(image, ["true"])["Id"]
    try:
        pieces, _ = docker_api.get_archive(container, path)
        with unpacked(pieces) as tar:
            return content_of(tar, path.lstrip("/")).decode()
    finally:
        docker_api.remove_container(container, force=True)
