"""What other people's profiles have tried on hosts, on a real engine, as an ordinary user: nothing of it goes through
without the user's word, and nothing is built or made before that."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.project import Project, as_user

pytestmark = pytest.mark.engine

Make = Callable[..., Project]
USER = 1000


class Attack:
    """A project of an ordinary user's that extends a profile from somebody's git repository."""

    def __init__(self, project: Project, upstream: Path) -> None:
        self.mine, self.upstream = project, upstream
        self.mine.environ["HOME"] = str(upstream.parent / "home")
        for folder in (upstream, Path(self.mine.environ["HOME"])):
            folder.mkdir()
            os.chown(folder, USER, USER)
        os.chown(project.folder, USER, USER)
        os.chown(project.folder / "robenv.yaml", USER, USER)
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
            folder = Path(project.environ[name])
            folder.mkdir(exist_ok=True)
            os.chown(folder, USER, USER)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
        command = [*as_user(USER), "git", "-C", str(self.upstream)]
        environ = {**os.environ, "HOME": self.mine.environ["HOME"]}
        subprocess.run([*command, *who, *words], check=True, env=environ)

    def says(self, text: str, own: str = "", **files: str) -> None:
        """The stranger's profile, and what the user's own robenv.yaml has beside it."""
        for name, content in {"evil.yaml": text, **files}.items():
            (self.upstream / name).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "better")
        self.mine.write(f"extends: ['git+file://{self.upstream}@main#evil']\n{own}")
        (self.mine.folder / "robenv.lock").unlink(missing_ok=True)

    def run(self, *words: str, check: int = 0) -> subprocess.CompletedProcess[str]:
        return self.mine.run(*words, check=check, user=USER)

    def asked(self) -> list[str]:
        claims: list[dict[str, Any]] = json.loads(self.run("trust", "--json").stdout)
        return [power for claim in claims if not claim["allowed"] for power in claim["powers"]]


@pytest.fixture
def attack(docker_api: Any, base_image: str) -> Iterator[Attack]:
    # Not below pytest's own folder, which is root's alone: git asks the kernel whether the user may go there.
    with tempfile.TemporaryDirectory(prefix="robenv-strangers-") as folder:
        Path(folder).chmod(0o755)
        mine = Project(Path(folder) / "project", base_image)
        yield Attack(mine, Path(folder) / "upstream")
        mine.close(docker_api)


def made(mine: Project, api: Any) -> list[Any]:
    labels = {"label": f"robenv.project={mine.name}"}
    return [*api.images(filters=labels), *api.containers(all=True, filters=labels), *api.networks(filters=labels)]


NETWORK = "networks: {n: %s}\nrun: {networks: [n]}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run: {group_add: ['105'], command: [sh, -c, 'chgrp 105 x; sleep 600']}", "the host's group 105"),
        ("run: {group_add: [docker]}", "the group docker, by the number that the image gives it"),
        ("user: {gid: 105}", "the host's group 105"),
        ("user: {uid: 1234}", "works as the host's UID 1234"),
        ("run: {security_opt: ['no-new-privileges:false'], cap_drop: [AUDIT_WRITE]}", "root inside, by setuid"),
        ("run: {cap_drop: [AUDIT_WRITE]}", "capabilities that it would not have by your own files"),
        ("run: {network_mode: somebodys-net}", "the network somebodys-net, which is not this project's"),
        (NETWORK % "{driver_opts: {com.docker.network.bridge.name: docker0}}", "bridge.name=docker0"),
        (NETWORK % "{ipam: {config: [{subnet: 140.82.121.0/24, gateway: 140.82.121.1}]}}", "sends to 140.82.121.0/24"),
        (NETWORK % "{driver: overlay}", "driver overlay"),
        (NETWORK % "{name: theirs}", "the network theirs"),
        ("run: {ports: ['0.0.0.0:53:53/udp']}", "the port 53 on the address 0.0.0.0"),
        ("run: {ports: ['8080:80']}", "the port 8080 on every address of the host"),
        ("run: {logging: {driver: gelf, options: {gelf-address: 'tcp://127.0.0.1:9999'}}}", "gelf-address"),
        ("run: {logging: {driver: syslog, options: {syslog-address: 'unixgram:///dev/log'}}}", "syslog-address"),
        ("run: {logging: {driver: fluentd, options: {fluentd-address: 'unix:///run/x.sock'}}}", "fluentd-address"),
        ("run: {devices: ['/dev/./vda:/dev/x']}", "the device /dev/vda: a disk of the host"),
        ("run: {oom_score_adj: -1000}", "run.oom_score_adj: -1000"),
        ("run: {labels: {ofelia.enabled: 'true'}}", "the label ofelia.enabled=true"),
        ("run: {environment: {NVIDIA_VISIBLE_DEVICES: all}}", "the GPU, where the engine's default runtime"),
        ("environment: {NVIDIA_VISIBLE_DEVICES: all}", "the GPU, where the engine's default runtime"),
        ("base: {image: '127.0.0.1:5000/x'}", "the key base.image: 127.0.0.1:5000/x"),
        ("git: true", "your name and e-mail address"),
    ],
)
def test_a_power_without_approval(attack: Attack, docker_api: Any, text: str, words: str) -> None:
    attack.says(text)
    refused = attack.run("up", "-d", check=2)
    assert words in refused.stderr and "it is from git" in refused.stderr
    assert made(attack.mine, docker_api) == []


@pytest.mark.parametrize("value", ["0", "f", "F", "FALSE", "False", "no", "TRUE", ""])
def test_other_spellings_of_no_new_privileges_are_refused(attack: Attack, value: str) -> None:
    for sign in ":=":
        attack.says(f"run: {{security_opt: ['no-new-privileges{sign}{value}']}}")
        refused = attack.run("validate", check=3)
        assert "is not `no-new-privileges`" in refused.stderr


@pytest.mark.parametrize(
    ("own", "text", "words"),
    [
        ("network_mode: none", "network_mode: bridge", "a network, where your own files give it none"),
        ("read_only: true", "read_only: false", "run.read_only"),
        ("mem_limit: 1gb", "mem_limit: !reset ", "run.mem_limit"),
        ("cap_drop: [ALL]", "cap_drop: !override [AUDIT_WRITE]", "capabilities that it would not have"),
    ],
)
def test_the_users_own_protections_are_not_taken_away_unseen(
    attack: Attack, docker_api: Any, own: str, text: str, words: str
) -> None:
    """robenv.local.yaml, which extends the stranger's profile, comes last."""
    attack.says(f"run: {{{text}}}")
    attack.mine.write(f"run: {{{own}}}\n")
    local = attack.mine.folder / "robenv.local.yaml"
    local.write_text(f"extends: ['git+file://{attack.upstream}@main#evil']\n")
    os.chown(local, USER, USER)
    refused = attack.run("up", "-d", check=2)
    assert words in refused.stderr
    assert made(attack.mine, docker_api) == []


def test_a_group_that_only_the_image_puts_the_user_in(attack: Attack, docker_api: Any) -> None:
    """A step writes it into /etc/group, which nobody sees before the image is built."""
    attack.says("steps: [{name: group, run: 'echo sneaky:x:105:dev >> /etc/group'}]")
    assert attack.asked() == []
    groups = attack.run("up", "-q", "--", "id", "-G").stdout.split()
    assert groups == [str(USER)]
    attack.run("down")


def test_what_is_harmless_asks_nobody(attack: Attack) -> None:
    attack.says(
        "environment: {A: b}\nsteps: [{name: a, run: 'true'}]\nfiles: [{source: ./a, target: /a}]\n"
        "run: {hostname: arm, ports: ['127.0.0.1:0:80'], volumes: ['data:/data'], mem_limit: 512mb, tmpfs: /scratch}\n",
        a="x",
    )
    assert attack.asked() == []
    assert attack.run("up", "-q", "--", "sh", "-c", "cat /a; echo $A; hostname").stdout == "xb\narm\n"
    attack.run("down", "--volumes")


def test_a_new_commit_with_the_same_powers_is_told(attack: Attack) -> None:
    attack.says("run: {cap_add: [SYS_TIME]}")
    attack.run("trust", "--yes")
    attack.run("run", "-q", "--", "true")
    attack.says("run: {cap_add: [SYS_TIME], hostname: other}")
    told = attack.run("run", "--", "true")
    assert "evil.yaml has changed since you allowed it (commit " in told.stderr
    assert "has changed" not in attack.run("run", "--", "true").stderr


def test_variables_are_not_read_unseen(project: Make, docker_api: Any) -> None:
    """By a file of another user's: one from git sees none at all."""
    mine = project()
    mine.environ["TOKEN"] = "hunter2"
    theirs = mine.folder / "theirs.yaml"
    theirs.write_text("image: {args: {T: '${TOKEN}'}}\nenvironment: {HOMES: '${HOME}'}\n")
    os.chown(theirs, 4321, 4321)
    mine.write("extends: [./theirs.yaml]\n")
    refused = mine.run("build", check=2)
    assert "reads the variable TOKEN of your environment" in refused.stderr
    assert made(mine, docker_api) == []


def test_a_context_is_not_written_with_files_from_elsewhere(project: Make, tmp_path: Path) -> None:
    mine = project()
    secret = tmp_path / "secret"
    secret.write_text("a key")
    theirs = mine.folder / "theirs.yaml"
    theirs.write_text(f"files: [{{source: {secret}, target: /x}}]\n")
    os.chown(theirs, 4321, 4321)
    mine.write("extends: [./theirs.yaml]\n")
    assert f"takes in a copy of {secret}" in mine.run("render", "-o", "out", check=2).stderr
    assert not (mine.folder / "out").exists()
    assert "FROM" in mine.run("render").stdout


def test_a_file_that_everybody_may_write_is_nobodys_own(project: Make, docker_api: Any) -> None:
    mine = project("run: {privileged: true}\n")
    (mine.folder / "robenv.yaml").chmod(0o666)
    refused = mine.run("up", "-d", check=2)
    assert "robenv.yaml (everybody may write it) takes over the host" in refused.stderr
    (mine.folder / "robenv.yaml").chmod(0o644)
    mine.folder.chmod(0o777)
    assert "everybody may write its folder" in mine.run("up", "-d", check=2).stderr
    assert made(mine, docker_api) == []


def test_what_a_container_wrote_for_the_next_one(project: Make, tmp_path: Path) -> None:
    """Its main process owns the workspace, and with it the files that say what the next container may do."""
    tmp_path.chmod(0o777)
    mine = project("run: {volumes: ['./data:/data']}\n")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "id").write_text("a key")
    for path in (mine.folder, mine.folder / "robenv.yaml"):
        os.chown(path, USER, USER)
    (mine.folder / "data").mkdir()
    os.chown(mine.folder / "data", USER, USER)
    mine.environ["HOME"] = "/nonexistent"
    mine.run("up", "-d", user=USER)
    mine.run("exec", "--", "sh", "-c", "echo 'run: {privileged: true, pid: host}' > robenv.local.yaml", user=USER)
    for words in (("up", "-d", "--recreate"), ("run", "--", "true")):
        refused = mine.run(*words, check=2, user=USER)
        assert "robenv.local.yaml changed while a container could write there" in refused.stderr
        assert "privileged" in refused.stderr
    mine.run("exec", "--", "rm", "robenv.local.yaml", user=USER)
    mine.run("up", "-d", "--recreate", user=USER)
    mine.run("exec", "--", "sh", "-c", f"rm -r data 2>/dev/null; mv data gone; ln -s {secret} data", user=USER)
    refused = mine.run("up", "-d", "--recreate", check=2, user=USER)
    assert f"reads and writes {secret}" in refused.stderr
    option = f'-oProxyCommand="touch {tmp_path}/owned"'
    inventory = f"all: {{hosts: {{rover: {{ansible_ssh_common_args: '{option}'}}}}}}"
    mine.run("exec", "--", "sh", "-c", f"cat > robots.yaml <<'E'\n{inventory}\nE", user=USER)
    refused = mine.run("robots", check=2, user=USER)
    assert "ssh on this machine with -o ProxyCommand=touch" in refused.stderr
    assert not (tmp_path / "owned").exists()
    mine.run("down", user=USER)


def test_whoever_edits_on_the_host_is_asked_once(project: Make) -> None:
    mine = project()
    mine.run("up", "-d")
    file = mine.folder / "robenv.yaml"
    file.write_text(file.read_text() + "run: {cap_add: [SYS_TIME]}\n")
    assert "SYS_TIME" in mine.run("up", "-d", check=2).stderr
    shown = mine.run("trust", check=2)
    assert "the project's own files (robenv.yaml changed while" in shown.stdout
    mine.run("trust", "--yes")
    mine.run("up", "-d", "--recreate")
    mine.run("up", "-d")
    mine.run("down")
    file.write_text(file.read_text().replace("[SYS_TIME]", "[SYS_ADMIN]"))
    mine.run("up", "-d")
