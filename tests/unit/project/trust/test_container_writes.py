"""The user's own files, once a container of the project could write them: what they gain is asked once."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robenv.deploy.inventory_trust import inventory_claims
from robenv.errors import NotApproved
from robenv.plan.models import RUN
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import resolve_project
from robenv.project import gate
from robenv.project.gate import ApprovedContainer, ApprovedProject, approve_container, approve_image, approve_releases
from robenv.project.planned import PlannedProject, plan_project
from robenv.project.trust import baseline
from robenv.project.trust.baseline import close_baseline, open_baseline, read_baseline
from robenv.project.trust.repos import repos_claims
from robenv.remote.inventory import read_inventory
from tests.support.projects.chains import FACTS, STRANGER, Chain


class Engine:
    """No more of one than the gate asks."""

    endpoint = "unix:///var/run/docker.sock"

    def containers(self, labels: Any) -> list[Any]:
        return []


class Folder(Chain):
    """A project whose container comes up again and again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked_for: list[str] = []
        self.told: list[str] = []
        self.environ: dict[str, str] = {}
        self.starts = True

    def up(self, answer: bool | None = None) -> ApprovedContainer:
        """``answer``: of whoever is asked; None, where nobody is there."""

        def ask(claims: Any) -> bool:
            self.asked_for += [power for claim in claims for power in claim.powers]
            return bool(answer)

        approved = approve_container(
            Engine(),  # type: ignore[arg-type]
            self.planned(),
            None if answer is None else ask,
            self.told.append,
        )
        if self.starts:
            open_baseline(str(self.project), Engine.endpoint)
        return approved

    def main(self, text: str, uid: int | None = None) -> None:
        super().main(text + "\n", uid)

    def planned(self) -> PlannedProject:
        return plan_project(resolve_project(find_project(self.project), self.environ, self.remote), "linux/amd64")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    monkeypatch.setattr(gate, "facts_for", lambda *_: FACTS)
    monkeypatch.setattr(baseline, "_CLOCK", 0)  # nobody writes here while robenv reads but where a test says so
    return Folder(tmp_path)


@pytest.fixture
def raced(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(baseline, "_CLOCK", CLOCK)
    return folder


CLOCK = baseline._CLOCK
PRIVILEGED = "privileged: all devices and capabilities, as good as root on the host"


def test_what_was_there_before_the_first_container_is_the_users_own(folder: Folder) -> None:
    folder.main("run: {privileged: true}")
    folder.up()
    folder.up()


@pytest.mark.parametrize("file", ["robenv.yaml", "robenv.local.yaml", ".env", "common.yaml"])
def test_a_power_that_comes_later_is_asked_once(folder: Folder, file: str) -> None:
    chain = "extends: [./common.yaml]\nrun: {network_mode: '${MODE:-bridge}'}"
    folder.write("picker/common.yaml", "environment: {A: b}\n")
    folder.main(chain)
    folder.up()
    text = {
        "robenv.yaml": f"name: picker\nbase: {{image: x}}\n{chain}\n".replace("bridge", "host"),
        "robenv.local.yaml": "run: {network_mode: host}\n",
        ".env": "MODE=host\n",
        "common.yaml": "run: {pid: host}\n",
    }
    folder.write(f"picker/{file}", text[file])
    with pytest.raises(NotApproved) as refused:
        folder.up()
    assert f"{file} changed while a container could write there" in refused.value.details
    with pytest.raises(NotApproved, match="not allowed"):
        folder.up(answer=False)
    assert len(folder.asked_for) == 1
    folder.up(answer=True)
    assert len(folder.asked_for) == 2
    folder.up()


def test_the_lock_is_one_of_the_files(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    known = read_baseline(str(folder.project))
    assert known is not None
    names = {os.path.relpath(path, folder.project) for path in known.files}
    assert names >= {"robenv.yaml", "robenv.local.yaml", ".env", "robots.yaml"}


def test_an_edit_that_gives_nothing_is_not_asked_about_and_does_not_hide_a_later_one(folder: Folder) -> None:
    folder.main("run: {volumes: ['${WHERE:-./a}:/a']}")
    folder.up()
    folder.main("run: {volumes: ['${WHERE:-./a}:/a'], hostname: b}")
    folder.up()
    folder.write("picker/.env", "WHERE=/srv\n")
    with pytest.raises(NotApproved) as refused:
        folder.up()
    assert "reads and writes /srv" in refused.value.details


def test_a_power_without_any_change_is_the_machines_doing(folder: Folder) -> None:
    """A variable is set, or a device plugged in: no file has changed."""
    folder.main("run: {volumes: ['${WHERE:-./a}:/a']}")
    folder.up()
    folder.environ = {"WHERE": "/srv"}
    assert "/srv" in [mount.source for mount in folder.up().plan.mounts]


def test_a_folder_that_is_exchanged_for_a_link_is_asked_about(folder: Folder) -> None:
    folder.main("run: {volumes: ['./data:/data']}")
    (folder.project / "data").mkdir()
    folder.up()
    (folder.project / "data").rmdir()
    (folder.project / "data").symlink_to("/etc")
    with pytest.raises(NotApproved) as refused:
        folder.up()
    assert "reads and writes /etc" in refused.value.details


def test_a_file_for_the_image_that_is_exchanged_for_a_link_is_asked_about(folder: Folder) -> None:
    folder.write("picker/config", "x")
    folder.main("files: [{source: ./config, target: /etc/config}]")
    folder.up()
    secret = folder.write("secret/id", "key")
    (folder.project / "config").unlink()
    (folder.project / "config").symlink_to(secret)
    with pytest.raises(NotApproved) as refused:
        folder.up()
    assert f"takes in a copy of {secret}" in refused.value.details
    with pytest.raises(NotApproved) as refused:
        approve_image(folder.planned(), None, folder.told.append)
    assert f"takes in a copy of {secret}" in refused.value.details


def test_a_step_that_gets_a_secret_is_asked_about_when_its_script_is_another(folder: Folder) -> None:
    text = "secrets: {token: {environment: TOKEN}}\nsteps: [{name: get, run: 'SCRIPT', secrets: token}]"
    folder.main(text.replace("SCRIPT", "use it"))
    folder.up()
    folder.main(text.replace("SCRIPT", "send it away"))
    with pytest.raises(NotApproved) as refused:
        approve_image(folder.planned(), None, folder.told.append)
    assert "the build reads the secret token ($TOKEN)" in refused.value.details


def test_a_deploy_is_asked_about_as_well(folder: Folder) -> None:
    folder.main("run: {hostname: a}\ndeploy: {command: x}")
    folder.up()
    folder.main("run: {privileged: true}\ndeploy: {command: x}")
    with pytest.raises(NotApproved) as refused:
        approve_releases([(folder.planned(), FACTS)], None, folder.told.append)
    assert PRIVILEGED in refused.value.details


def test_a_project_whose_files_no_container_can_write(folder: Folder) -> None:
    """The workspace is another folder."""
    (folder.folder / "ws").mkdir()
    folder.main(f"workspace: {{source: {folder.folder / 'ws'}}}")
    folder.up()
    folder.main(f"workspace: {{source: {folder.folder / 'ws'}}}\nrun: {{pid: host}}")
    folder.up()


def test_after_the_last_container_an_edit_is_the_users_own(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    close_baseline(str(folder.project), Engine.endpoint)
    folder.main("run: {pid: host}")
    folder.up()
    folder.main("run: {pid: host, ipc: host}")
    with pytest.raises(NotApproved):
        folder.up()


def test_a_change_that_the_container_could_have_made_outlives_it(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    folder.main("run: {pid: host}")
    close_baseline(str(folder.project), Engine.endpoint)
    with pytest.raises(NotApproved):
        folder.up()


def test_a_name_that_leads_elsewhere_by_the_time_of_the_start(folder: Folder) -> None:
    (folder.project / "data").mkdir()
    folder.main("run: {volumes: ['./data:/data']}")
    approved = folder.up()
    approved.check_links()
    (folder.project / "data").rmdir()
    (folder.project / "data").symlink_to("/")
    with pytest.raises(NotApproved, match="exchanged meanwhile"):
        approved.check_links()


def test_a_link_that_comes_and_goes_is_never_judged_as_a_folder_and_mounted_as_a_link(raced: Folder) -> None:
    """Two hundred tries against somebody who exchanges it all the time: either it is refused, or it led nowhere else at
    the last look before the start."""
    data, other = raced.project / "data", raced.folder / "other"
    data.mkdir()
    other.mkdir()
    raced.main("run: {volumes: ['./data:/data']}")
    raced.up()
    stop = threading.Event()

    def exchange() -> None:
        spare, link = raced.project / "spare", raced.project / "link"
        while not stop.is_set():
            link.symlink_to(other)
            data.rename(spare)
            link.rename(data)
            data.unlink()
            spare.rename(data)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(200):
            try:
                approved = raced.up()
                approved.check_links()
            except NotApproved:
                continue
            except OSError:
                continue
            assert approved.leads[str(data)] != str(other)
    finally:
        stop.set()
        thread.join()


def test_only_the_gate_makes_what_is_admitted(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    planned: PlannedProject = folder.planned()
    with pytest.raises(TypeError, match="only the trust check"):
        ApprovedProject(planned, (), object())


def test_who_is_in_which_group_is_not_for_a_strangers_image_to_say(folder: Folder) -> None:
    folder.write("picker/theirs.yaml", "apt: {packages: [git]}\n", STRANGER)
    folder.main("run: {hostname: a}")
    assert folder.up().plan.only_these_groups is False
    folder.main("extends: [./theirs.yaml]")
    assert folder.up().plan.only_these_groups is True


def test_a_new_text_with_the_same_powers_is_told_once(folder: Folder) -> None:
    folder.write("picker/theirs.yaml", "run: {pid: host}\n", STRANGER)
    folder.main("extends: [./theirs.yaml]")
    folder.up(answer=True)
    folder.up()
    assert folder.told == []
    folder.write("picker/theirs.yaml", "run: {pid: host, hostname: b}\n", STRANGER)
    folder.up()
    (note,) = folder.told
    assert note.startswith("theirs.yaml has changed since you allowed it (sha256 ")
    folder.up()
    assert len(folder.told) == 1


def test_a_file_that_says_more_only_while_it_is_read(raced: Folder) -> None:
    """Two hundred tries against somebody who writes it and takes it back all the time: what was read is what counts."""
    raced.main("run: {hostname: a}")
    raced.up()
    file = raced.project / "robenv.yaml"
    modest = file.read_text()
    greedy = modest.replace("hostname: a", "privileged: true")
    stop = threading.Event()

    def exchange() -> None:
        spare = raced.project / "spare.yaml"
        while not stop.is_set():
            for text in (greedy, modest):
                spare.write_text(text)
                spare.rename(file)

    thread = threading.Thread(target=exchange)
    thread.start()
    refused = 0
    try:
        for _ in range(200):
            try:
                assert not raced.up().plan.privileged
            except NotApproved:
                refused += 1
    finally:
        stop.set()
        thread.join()
    assert refused


def refused(folder: Folder, build: bool = False) -> str:
    """What is shown of the powers that are asked for."""
    with pytest.raises(NotApproved) as caught:
        if build:
            approve_image(folder.planned(), None, folder.told.append)
        else:
            folder.up()
    return caught.value.details


def test_a_project_that_a_container_puts_into_its_workspace(folder: Folder) -> None:
    """The user goes there, and says `up`."""
    folder.main("run: {hostname: a}")
    folder.up()
    planted = folder.project / "src" / "foo"
    planted.mkdir(parents=True)
    folder.write("picker/src/foo/robenv.yaml", "name: foo\nbase: {image: x}\nrun: {privileged: true}\n")
    outer, folder.project = folder.project, planted
    assert PRIVILEGED in refused(folder)
    folder.project = outer
    close_baseline(str(outer), Engine.endpoint)
    folder.project = planted
    assert PRIVILEGED in refused(folder), "what was put there before `down` is still there"


def test_a_project_in_a_workspace_that_was_there_before_is_the_users_own(folder: Folder) -> None:
    inner = folder.project / "inner"
    folder.write("picker/inner/robenv.yaml", "name: inner\nbase: {image: x}\nrun: {privileged: true}\n")
    folder.main("run: {hostname: a}")
    folder.up()
    folder.project = inner
    folder.up()


def test_what_is_allowed_for_an_image_is_not_allowed_for_a_container(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    folder.main("files: [{source: /etc/hostname, target: /h}]\nrun: {privileged: true}")
    approve_image(folder.planned(), lambda claims: True, folder.told.append)
    assert PRIVILEGED in refused(folder)


SECRET = "secrets: {t: {file: FILE}}\nsteps: [{name: a, run: 'mytool', secrets: [t]}]"


@pytest.mark.parametrize(
    "text",
    [
        SECRET.replace("FILE", "/etc/shadow"),
        SECRET.replace("FILE", "./t") + "\nfiles: [{source: ./robenv.yaml, target: /usr/bin/mytool}]",
        SECRET.replace("FILE", "./t").replace("steps: [", "steps: [{name: b, run: 'cp tool /usr/bin/mytool'}, "),
        SECRET.replace("FILE", "./t") + "\nbase: {image: evil}",
        "secrets: {t: {file: ./t}}\napt: {login: t}",
        "secrets: {t: {file: ./t}}\npip: [{packages: [x], login: t, index_url: 'https://evil.example/simple'}]",
        "run_image: {build: make, install: [/opt/x], ssh: true}",
    ],
)
def test_a_build_that_lends_another_way_is_asked_about(folder: Folder, text: str) -> None:
    folder.write("picker/t", "token")
    folder.main(SECRET.replace("FILE", "./t"))
    folder.up()
    if "base:" in text:
        folder.write("picker/robenv.yaml", "name: picker\n" + text)
    else:
        folder.main(text)
    said = refused(folder, build=True)
    assert "the build reads the secret t (" in said or "keys in your ssh agent" in said


def test_a_secrets_file_that_is_exchanged_for_a_link(folder: Folder) -> None:
    file = folder.write("picker/t", "token")
    folder.main(SECRET.replace("FILE", "./t"))
    folder.up()
    file.unlink()
    file.symlink_to("/etc/shadow")
    assert "the secret t (/etc/shadow)" in refused(folder, build=True)


@pytest.mark.parametrize(
    "text",
    [
        "pip: [{requirements: ./link}]",
        "pip: [{packages: [x], constraints: ./link}]",
        "apt: {repositories: {r: {url: 'http://x.example/r', suite: s, components: [main], key: ./link}}}",
    ],
)
def test_other_files_for_the_image_that_are_exchanged_for_links(folder: Folder, text: str) -> None:
    link, secret = folder.write("picker/link", "x\n"), folder.write("secret/id", "y\n")
    folder.main(text)
    folder.up()
    link.unlink()
    link.symlink_to(secret)
    assert f"takes in a copy of {secret}" in refused(folder, build=True)


def test_sources_of_the_run_image_that_are_exchanged_for_a_link(folder: Folder) -> None:
    folder.write("picker/src/a.c", "x")
    folder.main("run_image: {build: make, install: [/opt/x], sources: [src]}")
    folder.up()
    (folder.project / "src").rename(folder.project / "gone")
    (folder.project / "src").symlink_to(folder.folder / "home")
    folder.write("home/id", "key")
    planned = plan_project(folder.planned().resolved, "linux/amd64", RUN)
    with pytest.raises(NotApproved) as caught:
        approve_image(planned, None, folder.told.append)
    assert f"takes in a copy of {folder.folder / 'home'}" in caught.value.details


def test_a_workspace_of_its_own_that_is_exchanged_for_a_link(folder: Folder) -> None:
    (folder.project / "ws").mkdir()
    folder.main("workspace: {source: ./ws}\nrun: {volumes: ['.:/all']}")
    folder.up()
    (folder.project / "ws").rmdir()
    (folder.project / "ws").symlink_to("/etc")
    assert "reads and writes /etc" in refused(folder)


def test_a_variable_of_the_host_is_asked_about(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.environ = {"AWS_SECRET": "hunter2"}
    folder.main("run: {hostname: a}")
    folder.up()
    for said in ("{X: '${AWS_SECRET}'}", "{AWS_SECRET: }"):
        folder.main(f"run: {{environment: {said}}}")
        assert "reads the variable AWS_SECRET of your environment" in refused(folder)


@pytest.mark.parametrize("own", ["network_mode: none", "read_only: true", "mem_limit: 1gb", "runtime: runsc"])
def test_what_the_users_own_files_shut_off_is_not_opened_unseen(folder: Folder, own: str) -> None:
    folder.main(f"run: {{{own}}}")
    folder.up()
    folder.main("run: {hostname: a}")
    assert "your own files" in refused(folder)


def test_a_power_that_the_user_took_out_is_not_put_back_unseen(folder: Folder) -> None:
    for _ in range(2):
        folder.main("run: {cap_add: [SYS_ADMIN]}")
        folder.up(answer=True)
        folder.main("run: {hostname: a}")
        folder.up()
    assert len(folder.asked_for) == 1
    folder.main("run: {cap_add: [SYS_ADMIN]}")
    assert "SYS_ADMIN" in refused(folder)


def test_the_hosts_of_robots_and_what_ssh_lends_them(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    path = folder.write(
        "picker/robots.yaml", "all: {hosts: {arm: {ansible_host: evil, ansible_ssh_common_args: -A}}}\n"
    )
    (claim,) = inventory_claims(read_inventory(path), folder.project)
    assert claim.powers == (
        "arm is evil, with its engine at /var/run/docker.sock",
        "ssh on this machine with -A, which may run commands as you or lend what is yours",
    )
    old = folder.write("other/robots.yaml", "all: {hosts: {arm: {ansible_ssh_common_args: -A}}}\n")
    assert inventory_claims(read_inventory(old), folder.project) == (), "no container could write there"


def test_an_approval_is_of_the_very_values(folder: Folder) -> None:
    folder.main("extends: [./theirs.yaml]")
    for narrow, wide in (
        ("devices: ['/dev/vda:/dev/x:r']", "devices: ['/dev/vda:/dev/x:rwm']"),
        ("device_cgroup_rules: ['c 81:* r']", "device_cgroup_rules: ['c 81:* rwm']"),
        ("ulimits: {rtprio: 1}", "ulimits: {rtprio: 99}"),
        ("cpu_rt_runtime: 1ms", "cpu_rt_runtime: 900ms"),
    ):
        folder.write("picker/theirs.yaml", f"run: {{{narrow}}}\n", STRANGER)
        folder.up(answer=True)
        folder.up()
        folder.write("picker/theirs.yaml", f"run: {{{wide}}}\n", STRANGER)
        assert "theirs.yaml" in refused(folder)


def test_long_values_are_not_approved_by_their_beginning(folder: Folder) -> None:
    folder.main("extends: [./theirs.yaml]")
    for end in "ab":
        text = f"mirrors: {{pip: 'http://pip.example/{'x' * 220}/{end}'}}\n"
        folder.write("picker/theirs.yaml", text, STRANGER)
        assert "theirs.yaml" in refused(folder)
        folder.up(answer=True)
        folder.up()


def test_a_file_with_an_access_list_is_nobodys_own(folder: Folder) -> None:
    folder.main("run: {privileged: true}")
    file = folder.project / "robenv.yaml"
    version, user, other, mask = b"\x02\0\0\0", b"\x02\0\x06\0\xe1\x10\0\0", b"\x20\0\x04\0", b"\x10\0\x06\0"
    none = b"\xff\xff\xff\xff"
    entries = (b"\x01\0\x06\0" + none, user, b"\x04\0\x04\0" + none, mask + none, other + none)
    os.setxattr(file, "system.posix_acl_access", version + b"".join(entries))
    assert "it has an access list" in refused(folder)


def test_a_folder_on_the_way_that_is_exchanged_for_a_link(folder: Folder) -> None:
    (folder.project / "data" / "ssh").mkdir(parents=True)
    folder.write("picker/data/id", "x")
    folder.main("run: {volumes: ['./data/ssh:/d']}\nfiles: [{source: ./data/id, target: /id}]")
    folder.up()
    secret = folder.write("secret/id", "key")
    (secret.parent / "ssh").mkdir()
    (folder.project / "data").rename(folder.project / "old")
    (folder.project / "data").symlink_to(secret.parent)
    said = refused(folder)
    assert f"reads and writes {secret.parent / 'ssh'}" in said and f"takes in a copy of {secret}" in said


def test_a_folder_that_becomes_a_socket(folder: Folder) -> None:
    folder.main("run: {volumes: ['./data:/data']}")
    folder.up()
    path = folder.folder / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder.folder)  # the name of a socket has 107 bytes at most
        listener.bind(path.name)
        os.chdir(here)
        (folder.project / "data").symlink_to(path)
        assert f"reads and writes {path}" in refused(folder)


def test_a_container_that_is_yet_to_be_made_counts_from_its_start(folder: Folder) -> None:
    """Another one of the project ends while its image is built."""
    folder.main("run: {hostname: a}")
    folder.starts = False
    approved = folder.up()
    close_baseline(str(folder.project), Engine.endpoint)
    approved.check_links()
    folder.main("run: {privileged: true}")
    assert PRIVILEGED in refused(folder)


def test_a_container_on_another_engine_goes_on(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    close_baseline(str(folder.project), "tcp://elsewhere:2376")
    folder.main("run: {privileged: true}")
    assert PRIVILEGED in refused(folder)


def test_where_no_container_was_started_an_edit_is_the_users_own(folder: Folder) -> None:
    """The first `up` failed while it built, say."""
    folder.main("run: {hostname: a}")
    folder.starts = False
    folder.up()
    folder.main("run: {volumes: ['/opt:/opt']}")
    folder.up()


@pytest.mark.parametrize(("file", "text"), [(".env", "B=${GITHUB_TOKEN}\n"), ("vars.env", "GITHUB_TOKEN\n")])
def test_variables_of_the_host_by_other_files(folder: Folder, file: str, text: str) -> None:
    folder.environ = {"GITHUB_TOKEN": "hunter2"}
    folder.write("picker/vars.env", "A=b\n")
    folder.main("run: {env_file: ./vars.env, environment: {B: '${B:-none}'}}")
    folder.up()
    folder.write(f"picker/{file}", text)
    assert "reads the variable GITHUB_TOKEN of your environment" in refused(folder)
    folder.write(f"picker/{file}", text, STRANGER)
    assert "reads the variable GITHUB_TOKEN of your environment" in refused(folder)


def test_repositories_that_a_container_names_are_not_cloned_unseen(folder: Folder) -> None:
    folder.write("picker/ws.repos", "repositories: {}\n")
    folder.main("workspace: {repos: [ws.repos]}")
    assert repos_claims(folder.planned().resolved) == ()
    folder.up()
    folder.write("picker/ws.repos", "repositories: {stolen: {type: git, url: /home/jane/private, version: main}}\n")
    (claim,) = repos_claims(folder.planned().resolved)
    assert claim.powers == ("clones /home/jane/private@main into stolen, by your git and its logins",)
    assert "ws.repos changed while a container could write there" in claim.why
    folder.write("picker/ws.repos", "repositories: {stolen: {type: git, url: /home/jane/private}}\n", STRANGER)
    (claim,) = repos_claims(folder.planned().resolved)
    assert claim.why == f"ws.repos belongs to UID {STRANGER}"


def test_what_only_the_users_own_files_may_say_is_asked_about_where_a_container_wrote_it(folder: Folder) -> None:
    folder.main("run: {hostname: a}")
    folder.up()
    folder.main("registry: registry.example/x\nimage: {labels: {traefik.enable: 'true'}}")
    said = refused(folder)
    assert "the key registry: registry.example/x" in said and "the image's label traefik.enable=true" in said


def test_an_edit_and_a_deploy_to_a_robot_with_other_users(folder: Folder) -> None:
    folder.main("deploy: {command: x}\nrun: {hostname: a}")
    folder.up()
    folder.main("deploy: {command: y}\nrun: {hostname: b}")
    approve_releases([(folder.planned(), replace(FACTS, uid=1000, gid=1000))], None, folder.told.append)
