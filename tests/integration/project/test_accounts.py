"""The host's user inside real containers: account files, home and workspace, put there before the first start."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from robenv.plan.container.container_user import account_archive, file_text, is_empty, plan_accounts
from robenv.plan.container.create_request import container_user, create_request
from robenv.plan.models import Mount, RunPlan, User
from tests.support.images.base_image import build_context

pytestmark = pytest.mark.engine

IMAGE = "robenvtest-accounts:1"
VOLUME = "robenvtest-accounts-home"

DOCKERFILE = """\
FROM {base}
RUN apt-get update -q && apt-get install -qy --no-install-recommends sudo && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 --user-group --shell /bin/bash ubuntu && \\
    useradd --create-home --uid 1500 --user-group --groups dialout,video --shell /bin/bash builder && \\
    su builder -c 'mkdir -p ~/.cache/tool && echo built > ~/.cache/tool/x && \
        ln -s .cache/tool/x ~/link && ln ~/.cache/tool/x ~/hard'
"""


@pytest.fixture(scope="module")
def image(docker_api: Any, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Debian with sudo and two users: `ubuntu`, as Ubuntu's images have it, and a build step's `builder`."""
    context = tmp_path_factory.mktemp("context") / "context.tar"
    with tarfile.open(context, "w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("Dockerfile")
        data = DOCKERFILE.format(base=base_image).encode()
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    build_context(docker_api, context, IMAGE)
    yield IMAGE
    docker_api.remove_image(IMAGE, force=True)


class Box:
    """A container of a plan for some user, made as `up` makes it."""

    def __init__(self, api: Any, image: str, user: User, workspace: Path, **changes: Any) -> None:
        self.api = api
        self.plan = RunPlan(
            project="robenvtest-accounts", directory=str(workspace), name="robenvtest-accounts", image=image,
            platform="linux/amd64", user=user, working_dir="/workspace", entrypoint=(), command=("sleep", "infinity"),
            environment=changes.pop("environment", ()), mounts=(
                Mount("bind", str(workspace), "/workspace"), Mount("volume", VOLUME, user.home),
                *changes.pop("mounts", ()),
            ), home_volume=VOLUME, labels=(), network_mode=changes.pop("network_mode", "none"), **changes,
        )  # fmt: skip
        self.id: str = api.create_container_from_config(create_request(self.plan), self.plan.name)["Id"]

    def archive(self, path: str) -> bytes | None:
        try:
            chunks, _ = self.api.get_archive(self.id, path)
        except docker.errors.NotFound:
            return None
        return b"".join(chunks)

    def start(self) -> Box:
        user = self.plan.user
        texts = (file_text(self.archive(path)) for path in ("/etc/passwd", "/etc/group", "/etc/shadow"))
        home = self.archive(user.home)
        skeleton = self.archive("/etc/skel") if is_empty(home) else home
        accounts = plan_accounts(user, *texts, shell_exists=self.archive(user.shell) is not None)
        archive = account_archive(accounts, user, skeleton, self.plan.mounts)
        if self.plan.read_only:
            request = create_request(replace(self.plan, read_only=False))
            helper = self.api.create_container_from_config(request, f"{self.plan.name}-home")["Id"]
            self.api.put_archive(helper, "/", archive)
            self.api.remove_container(helper)
        else:
            self.api.put_archive(self.id, "/", archive)
        self.api.start(self.id)
        return self

    def run(self, script: str, user: str | None = None) -> list[str]:
        execution = self.api.exec_create(self.id, ["sh", "-c", script], user=user or container_user(self.plan))
        return [line.strip() for line in self.api.exec_start(execution).decode().splitlines()]

    def remove(self) -> None:
        self.api.remove_container(self.id, force=True, v=True)


MakeBox = Callable[..., Box]


@pytest.fixture
def box(docker_api: Any, image: str, tmp_path: Path) -> Iterator[MakeBox]:
    made: list[Box] = []

    def make(user: User, **changes: Any) -> Box:
        made.append(Box(docker_api, image, user, tmp_path, **changes))
        return made[-1]

    yield make
    for one in made:
        with suppress(docker.errors.NotFound):
            one.remove()
    with suppress(docker.errors.NotFound):
        docker_api.remove_volume(VOLUME)


def _dev(uid: int, gid: int | None = None, **changes: Any) -> User:
    values = {"name": "dev", "home": "/home/dev", "shell": "/bin/bash", "sudo": False, **changes}
    return User(uid=uid, gid=uid if gid is None else gid, **values)


@pytest.mark.parametrize(
    ("uid", "gid", "group"),
    [
        (1000, 1000, "ubuntu"),
        (1001, 1001, "dev"),
        (1001, 20, "dialout"),
        (33, 33, "www-data"),
        (1234567, 200000, "dev"),
    ],
)
def test_what_is_written_inside_is_the_host_users(box: MakeBox, tmp_path: Path, uid: int, gid: int, group: str) -> None:
    os.chown(tmp_path, uid, gid)
    inside = box(_dev(uid, gid)).start()
    assert inside.run("id -u; id -g; id -gn; whoami; echo $HOME; getent passwd dev") == [
        str(uid), str(gid), group, "dev", "/home/dev", f"dev:x:{uid}:{gid}::/home/dev:/bin/bash",
    ]  # fmt: skip
    assert inside.run("touch /workspace/made ~/kept && stat -c '%u:%g %a %n' ~ ~/kept ~/.bashrc") == [
        f"{uid}:{gid} 755 /home/dev", f"{uid}:{gid} 644 /home/dev/kept", f"{uid}:{gid} 644 /home/dev/.bashrc",
    ]  # fmt: skip
    status = (tmp_path / "made").stat()
    assert (status.st_uid, status.st_gid) == (uid, gid)
    assert inside.run("cmp ~/.bashrc /etc/skel/.bashrc && cmp ~/.profile /etc/skel/.profile && echo same") == ["same"]
    assert inside.run("stat -c '%U:%G %a' /etc/passwd /etc/group /etc/shadow", user="root") == [
        "root:root 644", "root:root 644", "root:shadow 640",
    ]  # fmt: skip
    assert inside.run("pwck -rq; grpck -r >/dev/null; getent passwd root", user="root")[-1].startswith("root:x:0:0:")


def test_who_had_the_uid_gives_way_and_is_still_somebody(box: MakeBox) -> None:
    inside = box(_dev(1000)).start()
    assert inside.run("id -nu 1000; id -u ubuntu; getent passwd ubuntu") == [
        "dev", "59999", "ubuntu:x:59999:1000::/home/ubuntu:/bin/bash",
    ]  # fmt: skip


def test_hosts_root_is_root(box: MakeBox, tmp_path: Path) -> None:
    inside = box(User("root", 0, 0, "/root", "/bin/bash", sudo=False)).start()
    assert inside.run("id -u; whoami; echo $HOME; touch made ~/kept; stat -c '%u %a' ~ ~/kept; ls ~/.bashrc") == [
        "0", "root", "/root", "0 700", "0 644", "/root/.bashrc",
    ]  # fmt: skip
    assert (tmp_path / "made").stat().st_uid == 0


def test_the_build_steps_user_is_taken_over_with_groups_and_home(box: MakeBox) -> None:
    inside = box(_dev(1001, name="builder", home="/home/builder")).start()
    assert inside.run("id -u; id -nG; cat ~/.cache/tool/x ~/link ~/hard") == [
        "1001", "builder dialout video", "built", "built", "built",
    ]  # fmt: skip
    assert inside.run("cd; find . -not -user builder; stat -c '%h %u' ~/hard; touch ~/.cache/tool/y && echo ok") == [
        "2 1001", "ok",
    ]  # fmt: skip


def test_the_home_survives_the_container_and_gets_no_second_skeleton(box: MakeBox) -> None:
    first = box(_dev(1001)).start()
    assert first.run("echo mine > ~/.bashrc; rm ~/.profile; mkdir -m 700 ~/.ssh; echo done") == ["done"]
    first.remove()
    second = box(_dev(1001)).start()
    assert second.run("cat ~/.bashrc; ls -A ~; stat -c '%a %u' ~/.ssh") == [
        "mine", ".bash_logout", ".bashrc", ".ssh", "700 1001",
    ]  # fmt: skip


@pytest.mark.parametrize("uid", [1000, 1001, 1234567])
def test_sudo_asks_for_nothing_where_the_profile_allows_it(box: MakeBox, uid: int) -> None:
    inside = box(_dev(uid, sudo=True), network_mode="bridge").start()
    assert inside.run("sudo -n id -u; sudo -n -u nobody whoami; sudo -n stat -c '%u:%g %a' /etc/sudoers.d/robenv") == [
        "0", "nobody", "0:0 440",
    ]  # fmt: skip


def test_sudo_is_refused_otherwise(box: MakeBox) -> None:
    inside = box(_dev(1001), network_mode="bridge").start()
    assert inside.run("exec 2>&1; sudo -n id -u || echo refused") == ["sudo: a password is required", "refused"]


def test_a_shell_that_the_image_lacks_becomes_sh(box: MakeBox) -> None:
    inside = box(_dev(1001, shell="/usr/bin/zsh")).start()
    assert inside.run("getent passwd dev") == ["dev:x:1001:1001::/home/dev:/bin/sh"]
    assert inside.run("su - dev -c 'echo $0'", user="root") == ["-sh"]


def test_folders_that_lead_to_a_mount_inside_the_home_are_the_users(box: MakeBox, tmp_path: Path) -> None:
    mount = Mount("bind", str(tmp_path), "/home/dev/ros/ws/src")
    inside = box(_dev(1001), mounts=(mount,)).start()
    assert inside.run("stat -c %u ~/ros ~/ros/ws; mkdir ~/ros/ws/build && echo ok") == ["1001", "1001", "ok"]


def test_a_home_outside_home(box: MakeBox) -> None:
    inside = box(_dev(1001, home="/srv/people/dev")).start()
    assert inside.run("echo $HOME; stat -c %u ~; ls ~/.bashrc; stat -c '%u %a' /srv/people") == [
        "/srv/people/dev", "1001", "/srv/people/dev/.bashrc", "0 755",
    ]  # fmt: skip


def test_a_read_only_root_has_the_home_and_the_numbers(box: MakeBox, tmp_path: Path) -> None:
    os.chown(tmp_path, 1001, 1001)
    inside = box(_dev(1001), read_only=True, environment=(("HOME", "/home/dev"),)).start()
    assert inside.run("id -u; id -g; touch made ~/kept; stat -c %u ~ ~/.bashrc; touch /x 2>/dev/null || echo kept") == [
        "1001", "1001", "1001", "1001", "kept",
    ]  # fmt: skip
    assert (tmp_path / "made").stat().st_uid == 1001
