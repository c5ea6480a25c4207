"""Secrets and an ssh agent in build steps: there while a step runs, and nowhere afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.protocol import MAX_SECRET
from robenv.engine.transport.endpoint import DEFAULT_URL
from tests.support.engines.newer_engine import NewerEngine
from tests.support.machine.other_tools import OtherTools
from tests.support.projects.project import Project
from tests.support.projects.traces import traces
from tests.support.servers.ssh_server import SshServer

pytestmark = pytest.mark.engine

Make = Callable[..., Project]

TOKEN = "hunter2-never-to-be-seen"
_IDENTITIES = r"""
perl -MIO::Socket::UNIX -e '
my $agent = IO::Socket::UNIX->new(Peer => $ENV{SSH_AUTH_SOCK}) or die "no agent: $!";
$agent->syswrite("\0\0\0\1\x0b");
$agent->sysread(my $answer, 65536);
printf "agent: answer %d, %d keys\n", unpack("xxxxCN", $answer);
print "it is mine\n" if $answer =~ /a-key-of-mine/;
'
"""
"""Asks an agent for its keys (draft-ietf-sshm-ssh-agent, SSH_AGENTC_REQUEST_IDENTITIES), with what every Debian has."""
STEPS = f"""
secrets: {{token: {{environment: MY_TOKEN}}, netrc: {{file: ./netrc}}, large: {{file: ./large}}}}
steps:
  - name: root
    run: |
      test "$(cat /run/secrets/token)" = {TOKEN[:7]}"{TOKEN[7:]}"
      stat -c '%a %u %s' /run/secrets/token /root/.netrc /run/secrets/large
      sha256sum < /run/secrets/large
    secrets: [token, large, {{source: netrc, target: /root/.netrc, mode: "0600"}}]
  - name: nothing
    run: test ! -s /run/secrets/token -a ! -s /root/.netrc -a -z "$SSH_AUTH_SOCK"
  - name: user
    as: user
    run: |
      id -un; wc -c < /run/secrets/token
      {_IDENTITIES.strip().replace(chr(10), chr(10) + "      ")}
    secrets: token
    ssh: true
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    path, key = tmp_path / "agent.sock", tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a-key-of-mine", "-f", str(key)], check=True)
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert process.poll() is None
        environ = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environ)
        yield str(path)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def mine(project: Make, agent: str) -> Project:
    made = project(STEPS)
    made.environ |= {"MY_TOKEN": TOKEN, "SSH_AUTH_SOCK": agent}
    (made.folder / "netrc").write_text("machine git.example login jane password open-sesame\n")
    (made.folder / "large").write_bytes(b"x" * MAX_SECRET)
    return made


def _whole(said: str) -> None:
    """What the steps' output has to tell."""
    told = [line.split("| ", 1)[1] for line in said.splitlines() if "| " in line]
    assert f"400 0 {len(TOKEN)}" in told and f"400 0 {MAX_SECRET}" in told
    assert "600 0 52" in told
    assert "dev" in told and str(len(TOKEN)) in told
    assert "agent: answer 12, 1 keys" in told and "it is mine" in told


def test_steps_read_them_and_no_image_keeps_them(mine: Project, docker_api: Any) -> None:
    done = mine.run("build", "--no-cache", "--timeline", "built.json")
    _whole(done.stderr)
    image = done.stdout.strip()
    needles = (TOKEN, "open-sesame", "x" * 1000)
    assert traces(docker_api, image, *needles) == []
    kept = [Path(mine.environ[name]) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME")]
    files = [path for folder in (*kept, mine.folder) for path in folder.rglob("*") if path.is_file()]
    own = {mine.folder / name for name in ("robenv.yaml", "netrc", "large")}
    assert not [
        path for path in files if path not in own and any(needle.encode() in path.read_bytes() for needle in needles)
    ]


def test_another_value_is_the_same_image(mine: Project) -> None:
    image = mine.run("build").stdout
    mine.environ["MY_TOKEN"] = "another"
    assert mine.run("build").stdout == image
    assert "Built" not in mine.run("build").stderr
    mine.environ.pop("MY_TOKEN")
    mine.run("up", "-q", "--", "true")


def test_what_is_missing_is_told_at_once_and_nothing_is_built(mine: Project, docker_api: Any) -> None:
    mine.environ.pop("MY_TOKEN")
    mine.environ["SSH_AUTH_SOCK"] = "/nobody/there"
    (mine.folder / "netrc").unlink()
    (mine.folder / "large").write_bytes(b"x" * (MAX_SECRET + 1))
    failed = mine.run("build", check=6).stderr
    for words in (
        "the secret token: the variable MY_TOKEN is not set",
        "netrc: No such file or directory",
        f"the secret large: it has {MAX_SECRET + 1} bytes",
        "the step user asks your ssh agent, and nobody answers at /nobody/there",
        "robenv.yaml:4:",
        "ssh-add",
    ):
        assert words in failed
    assert not docker_api.images(filters={"label": f"robenv.project={mine.name}"})


def test_a_step_that_fails_with_one_shows_itself_as_ever(project: Make) -> None:
    mine = project("secrets: {token: {environment: T}}\nsteps: [{name: x, run: 'echo here; exit 3', secrets: token}]\n")
    mine.environ["T"] = TOKEN
    failed = mine.run("build", check=5).stderr
    assert "here" in failed
    assert f"error: The build of robenv/{mine.name}:" in failed and "failed at `x` (robenv.yaml:4:9)" in failed
    assert TOKEN not in failed


def test_by_a_newer_engine(mine: Project, newer_engine: NewerEngine) -> None:
    mine.environ["DOCKER_HOST"] = newer_engine.url
    try:
        _whole(mine.run("build", "--no-cache").stderr)
    finally:
        mine.run("down", "--volumes", check=None)
        api = newer_engine.api()
        for image in api.images(filters={"label": f"robenv.project={mine.name}"}):
            api.remove_image(image["Id"], force=True)
        api.close()


def test_by_an_engine_behind_ssh(mine: Project, shallow: Path) -> None:
    server = SshServer(os.environ.get("DOCKER_HOST") or DEFAULT_URL)
    agent = mine.environ["SSH_AUTH_SOCK"]
    try:
        server.start()
        mine.environ |= {**server.environment, "TMPDIR": str(shallow), "SSH_AUTH_SOCK": agent}
        _whole(mine.run("build", "--no-cache").stderr)
    finally:
        server.close()


def _commit(folder: Path) -> None:
    for command in (("add", "--all"), ("commit", "--quiet", "-m", "arm")):
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
        subprocess.run(["git", "-C", str(folder), *who, *command], check=True)


def test_a_profile_from_git_has_to_be_allowed(project: Make, tmp_path: Path) -> None:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    step = "{name: fetch, run: wc -c /run/secrets/token, secrets: token, ssh: true}"
    (upstream / "arm.yaml").write_text(f"steps: [{step}]\n")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(upstream)], check=True)
    _commit(upstream)
    mine = project(f"extends: ['git+file://{upstream}@main#arm']\nsecrets: {{token: {{environment: MY_TOKEN}}}}\n")
    mine.environ["MY_TOKEN"] = TOKEN
    mine.environ.pop("SSH_AUTH_SOCK", None)
    refused = mine.run("build", check=2).stderr
    assert "runs where a build step reads the secret token" in refused
    assert "runs where a build step may use the keys in your ssh agent" in refused
    own = mine.folder / "robenv.yaml"
    own.write_text(own.read_text() + "steps: [{name: mine, run: id, secrets: token}]\n")
    (upstream / "arm.yaml").write_text("environment: {ARM: left}\n")
    _commit(upstream)
    (mine.folder / "robenv.lock").unlink()  # `update` would ask a registry for the base's digest too
    refused = mine.run("build", check=2).stderr
    assert "reads the secret token" in refused and "ssh agent" not in refused, "its layers run in the user's own step"
    mine.run("trust", "--yes")
    mine.run("build", "-q")
    netrc = own.read_text().replace("token: {", "netrc: {file: netrc}, token: {")
    own.write_text(f"{netrc}pip: [{{packages: arm, login: netrc}}]\n")
    (mine.folder / "netrc").write_text("")
    assert "reads the secret netrc" in mine.run("build", check=2).stderr, "what it has installed runs then"
    own.write_text(netrc)
    own.write_text(own.read_text().replace("run: id", "run: id, ssh: true"))
    mine.run("trust", "--yes")
    assert "this machine lacks" in mine.run("build", check=6).stderr, "no agent, but allowed"


def test_the_exported_dockerfile_asks_for_the_same(mine: Project, tmp_path: Path, docker_api: Any) -> None:
    tools = OtherTools(tmp_path / "tools")
    mine.run("export", "compose")
    environ = {**tools.environ, "MY_TOKEN": TOKEN, "SSH_AUTH_SOCK": mine.environ["SSH_AUTH_SOCK"]}
    compose = ("compose", "-f", str(mine.folder / "compose/compose.yaml"))
    try:
        tools.docker(*compose, "build", "--no-cache", env=environ)
        image = f"{mine.name}-{mine.name}"
        assert traces(docker_api, image, TOKEN, "open-sesame") == []
    finally:
        tools.docker(*compose, "down", "--rmi", "all", env=environ)


def test_no_label_of_a_container_has_the_value_of_a_variable(project: Make, docker_api: Any) -> None:
    mine = project("run: {environment: [TOKEN, PLAIN=seen-by-nobody]}\n")
    mine.environ["TOKEN"] = TOKEN
    mine.run("up", "-d")
    listed = docker_api.containers(filters={"label": f"robenv.project={mine.name}"})
    assert len(listed) == 1 and TOKEN not in json.dumps(listed) and "seen-by-nobody" not in json.dumps(listed)
    assert mine.run("exec", "--", "printenv", "TOKEN").stdout == f"{TOKEN}\n"
    mine.environ["TOKEN"] = "another"
    said = mine.run("up", "-d").stderr
    assert "changed: environment TOKEN: changed" in said and TOKEN not in said and "another" not in said
