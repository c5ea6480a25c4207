"""Whose container: two people in one checkout, a folder that is moved, renamed, replaced or reached by a link, and an
image under another folder's name."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from robenv.host.project_folder import project_id
from tests.support.projects.project import Project

pytestmark = pytest.mark.engine

MakeProject = Callable[..., Project]
ANNA, BEN, LAB = 1101, 1102, 7001


class Person:
    """Somebody with caches and a state folder of their own, in the lab's group."""

    def __init__(self, uid: int, project: Project, folder: Path) -> None:
        self.uid, self.project = uid, project
        own = {f"XDG_{kind}_HOME": folder / kind for kind in ("CACHE", "STATE")}
        for path in own.values():
            path.mkdir(parents=True)
            os.chown(path, uid, uid)
        self.environ = {**project.environ, **{name: str(path) for name, path in own.items()}, "HOME": str(folder)}

    def run(self, *arguments: str, **options: Any) -> Any:
        return self.project.run(*arguments, user=self.uid, groups=(LAB,), env=self.environ, **options)


@pytest.fixture
def lab(project: MakeProject, tmp_path: Path) -> Iterator[tuple[Person, Person]]:
    """Anna and Ben in one folder of the lab's."""
    shared = project()
    os.chown(shared.folder, 0, LAB)
    shared.folder.chmod(0o2775)
    yield Person(ANNA, shared, tmp_path / "anna"), Person(BEN, shared, tmp_path / "ben")


def test_two_people_in_one_checkout_have_a_container_each(lab: tuple[Person, Person], docker_api: Any) -> None:
    anna, ben = lab
    anna.run("up", "--", "sh", "-c", "umask 077; echo s3cret > ~/keep")
    refused = ben.run("exec", "--", "id", check=None)
    assert refused.returncode != 0
    assert (
        f"not yours: robenv-{ben.project.name}-{project_id(ben.project.folder)}-{ANNA} (UID {ANNA})" in refused.stderr
    )
    assert ben.run("up", "--", "sh", "-c", "id -u; cat ~/keep || true; touch b").stdout == f"{BEN}\n"
    assert (ben.project.folder / "b").stat().st_uid == BEN
    rows = json.loads(ben.run("ps", "--json").stdout)
    assert {row["user"] for row in rows} == {f"UID {ANNA}", f"UID {BEN}"}
    assert len(ben.run("down", "--volumes").stdout.split()) == 2, "container and home, his alone"
    assert "left alone" in ben.run("stop").stderr
    assert anna.run("exec", "--", "cat", "/home/dev/keep").stdout == "s3cret\n"
    assert "nothing of yours" in ben.run("down", "--volumes").stderr


def test_what_a_group_may_write_outside_it_may_write_inside(lab: tuple[Person, Person]) -> None:
    anna, _ = lab
    (anna.project.folder / "log").write_text("")
    os.chown(anna.project.folder / "log", 0, LAB)
    (anna.project.folder / "log").chmod(0o660)
    inside = anna.run("up", "--", "sh", "-c", "touch a; echo x >> log; id -G; groups")
    assert inside.stdout.split()[:2] == [str(ANNA), str(LAB)]
    assert inside.stderr.count("cannot find name") == 0
    assert (anna.project.folder / "a").stat().st_gid == LAB


def test_clean_takes_nothing_of_others_nor_of_what_may_not_be_seen(lab: tuple[Person, Person]) -> None:
    anna, ben = lab
    anna.run("up", "--", "true")
    anna.run("stop")
    hidden = anna.project.folder
    hidden.chmod(0)
    try:
        done = ben.run("clean", "--dry-run", "--volumes", "--json", cwd="/")
    finally:
        hidden.chmod(0o2775)
    names = [one["name"] for one in json.loads(done.stdout)["removed"]]
    assert not [name for name in names if anna.project.name in name and "home" in name]


def test_home_and_container_go_with_a_folder_that_is_renamed(project: MakeProject) -> None:
    mine = project("run: {volumes: ['cache:/cache']}\n")
    mine.run("up", "--", "sh", "-c", "echo kept > ~/keep; echo cached > /cache/x")
    before = mine.folder
    mine.folder = before.rename(before.parent / "renamed")
    dry = json.loads(mine.run("clean", "--dry-run", "--volumes", "--json", cwd="/").stdout)["removed"]
    assert not [one for one in dry if mine.name in one["name"]], "it has only moved"
    done = mine.run("up", "--", "cat", "/home/dev/keep" if os.getuid() else "/root/keep", "/cache/x")
    assert done.stdout == "kept\ncached\n"
    assert f"this folder was {before} before" in done.stderr
    rows = json.loads(mine.run("ps", "--json").stdout)
    assert [row["directory"] for row in rows] == [str(mine.folder)], "the container of before is gone"
    assert "this folder was" not in mine.run("up", "--", "true").stderr, "said once"


def test_what_runs_in_a_folder_that_is_renamed_goes_on(project: MakeProject, docker_api: Any) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "sleep 900 >/dev/null 2>&1 &")
    mine.folder = mine.folder.rename(mine.folder.parent / "renamed")
    done = mine.run("exec", "--", "sh", "-c", "touch here; pgrep -x sleep | wc -l || true")
    assert (mine.folder / "here").exists()
    assert len(json.loads(mine.run("ps", "--json").stdout)) == 1
    assert "kept" in mine.run("up", "--", "true").stderr or done.returncode == 0
    assert len(docker_api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})) == 1


def replaced(mine: Project) -> Path:
    """Another folder with the same file in the place of the project's; returns where that one is now."""
    aside = mine.folder.rename(mine.folder.parent / "aside")
    mine.folder.mkdir()
    shutil.copy2(aside / "robenv.yaml", mine.folder)
    (mine.folder / "new").write_text("")
    return aside


def test_a_folder_put_in_the_place_of_a_mounted_one_is_noticed(project: MakeProject) -> None:
    mine = project()
    time.sleep(1.1)  # so that the quick way is taken, which does not trust files just written
    mine.run("up", "--", "true")
    mine.run("up", "--", "true")
    aside = replaced(mine)
    refused = mine.run("exec", "--", "touch", "wrong", check=None)
    assert refused.returncode != 0
    assert not (aside / "wrong").exists()
    assert "new" in mine.run("up", "--", "sh", "-c", "ls; touch right").stdout
    assert (mine.folder / "right").exists()
    assert not (aside / "right").exists()


def test_one_that_was_removed_and_made_again_is_mounted_anew(project: MakeProject) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "echo kept > ~/keep")
    text = (mine.folder / "robenv.yaml").read_text()
    shutil.rmtree(mine.folder)
    mine.folder.mkdir()
    (mine.folder / "robenv.yaml").write_text(text)
    done = mine.run("up", "--", "sh", "-c", "pwd; ls; cat ~/keep")
    assert done.stdout == "/workspace\nrobenv.yaml\nkept\n"
    assert "still shows" in done.stderr


def test_nothing_is_written_to_the_wrong_folder_while_something_runs(project: MakeProject) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "sleep 900 >/dev/null 2>&1 &")
    text = (mine.folder / "robenv.yaml").read_text()
    aside = mine.folder.rename(mine.folder.parent / "aside")
    hold = mine.folder.parent / "far" / "away"
    hold.mkdir(parents=True)
    aside.rename(hold / "it")  # not beside it: the identity goes to the folder at the path
    mine.folder.mkdir()
    (mine.folder / "robenv.yaml").write_text(text)
    refused = mine.run("up", "--", "touch", "wrong", check=None)
    assert refused.returncode != 0
    assert "sleep 900" in refused.stderr
    assert "--recreate" in refused.stderr
    assert not (hold / "it" / "wrong").exists()
    mine.run("up", "--recreate", "--", "touch", "right")
    assert (mine.folder / "right").exists()


def test_a_mounted_file_that_an_editor_replaced_is_shown_anew(project: MakeProject) -> None:
    mine = project("run: {volumes: ['./settings:/etc/settings']}\n")
    (mine.folder / "settings").write_text("one\n")
    assert mine.run("up", "--", "cat", "/etc/settings").stdout == "one\n"
    (mine.folder / "settings.new").write_text("two\n")
    (mine.folder / "settings.new").rename(mine.folder / "settings")
    assert mine.run("up", "--", "cat", "/etc/settings").stdout == "two\n"


def test_one_folder_is_one_project_by_whatever_link(project: MakeProject, tmp_path: Path, docker_api: Any) -> None:
    mine = project()
    link = tmp_path / "link"
    link.symlink_to(mine.folder)
    mine.run("up", "--", "touch", "/tmp/here")
    ways: tuple[tuple[str, ...], ...] = (("-C", str(link)), ("-f", str(link / "robenv.yaml")))
    for way in ways:
        mine.run(*way, "exec", "--", "ls", "/tmp/here", cwd="/")
        mine.run(*way, "up", "--", "ls", "/tmp/here", cwd="/")
    assert len(docker_api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})) == 1


def test_a_workspace_behind_a_link_follows_the_link(project: MakeProject) -> None:
    mine = project("workspace: {source: ./link}\n")
    for name in ("one", "two"):
        (mine.folder / name).mkdir()
        (mine.folder / name / name).write_text("")
    (mine.folder / "link").symlink_to("one")
    assert mine.run("up", "--", "ls").stdout == "one\n"
    (mine.folder / "link").unlink()
    (mine.folder / "link").symlink_to("two")
    assert mine.run("up", "--", "ls").stdout == "two\n"


def test_a_home_that_somebody_pruned_is_said_to_be_new(project: MakeProject, docker_api: Any) -> None:
    mine = project()
    mine.run("up", "--", "true")
    mine.run("down")
    (home,) = docker_api.volumes(filters={"label": f"robenv.project={mine.name}"})["Volumes"]
    docker_api.remove_volume(home["Name"])
    assert f"the home folder is new: the volume {home['Name']}" in mine.run("up", "--", "true").stderr
    mine.run("down", "--volumes")
    assert "is new" not in mine.run("up", "--", "true").stderr, "removed on purpose"


def nameless(project: MakeProject) -> Project:
    mine = project()
    text = (mine.folder / "robenv.yaml").read_text()
    (mine.folder / "robenv.yaml").write_text(text.replace(f"name: {mine.name}\n", f"environment: {{X: {mine.name}}}\n"))
    return mine


def test_a_project_without_a_name_keeps_its_image_under_another_folder_name(
    project: MakeProject, docker_api: Any
) -> None:
    mine = nameless(project)
    other = Project(mine.folder.parent / "cloned-elsewhere", mine.base_image)
    shutil.copy2(mine.folder / "robenv.yaml", other.folder)
    try:
        assert "Building" in mine.run("up", "--", "true").stderr
        done = other.run("up", "--", "true")
        assert "Building" not in done.stderr
        assert "which has the same content" in done.stderr
        assert json.loads(other.run("plan", "--json").stdout)["image_there"]
    finally:
        content = json.loads(mine.run("plan", "--json").stdout)["content_hash"]
        for one in (mine, other):
            one.run("down", "--volumes", check=None)
        for image in docker_api.images(filters={"label": f"robenv.hash={content}"}):
            docker_api.remove_image(image["Id"], force=True)


def older_container(docker_api: Any, about: Any) -> Any:
    """In the place of a container one as a robenv without identities labelled it."""
    labels = {key: text for key, text in about["Config"]["Labels"].items() if key not in ("robenv.place", "robenv.uid")}
    plan = json.loads(labels["robenv.plan.json"])
    labels["robenv.plan.json"] = json.dumps({key: plan[key] for key in plan if key not in ("prefix", "own_groups")})
    labels["robenv.plan"] = "0" * 12
    docker_api.remove_container(about["Id"], force=True)
    mounts = [f"{one.get('Name') or one['Source']}:{one['Destination']}" for one in about["Mounts"]]
    old = docker_api.create_container(
        about["Config"]["Image"], ["sleep", "infinity"], name=about["Name"].strip("/"), labels=labels,
        entrypoint="", user="root", host_config=docker_api.create_host_config(binds=mounts),
    )  # fmt: skip
    docker_api.start(old["Id"])
    return old


def test_a_container_from_before_identities_is_taken_over(project: MakeProject, docker_api: Any) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "echo kept > ~/keep")
    (made,) = docker_api.containers(filters={"label": f"robenv.project={mine.name}"})
    about = docker_api.inspect_container(made["Id"])
    old = older_container(docker_api, about)
    shutil.rmtree(mine.environ["XDG_STATE_HOME"])
    assert [row["container"] for row in json.loads(mine.run("ps", "--json").stdout)] == [about["Name"].strip("/")]
    assert mine.run("up", "--", "sh", "-c", "cat ~/keep").stdout == "kept\n"
    (now,) = docker_api.containers(all=True, filters={"label": f"robenv.project={mine.name}"})
    assert now["Id"] != old["Id"]


@pytest.mark.parametrize("keeps_container", [True, False])
def test_a_home_from_when_letters_of_the_folders_name_were_passed_over_is_kept(
    base_image: str, docker_api: Any, tmp_path: Path, keeps_container: bool
) -> None:
    token = secrets.token_hex(3)
    mine = Project(tmp_path / f"Prüf-{token}", base_image)
    content = f"base: {{image: {json.dumps(base_image)}}}\n"
    (mine.folder / "robenv.yaml").write_text(f"name: pr-f-{token}\n{content}")
    prefix = f"robenv-pr-f-{token}-{project_id(mine.folder)}"
    try:
        mine.run("up", "--", "sh", "-c", "echo kept > ~/keep")
        about = docker_api.inspect_container(prefix)
        if keeps_container:
            older_container(docker_api, about)
        else:
            docker_api.remove_container(prefix, force=True)
        volume = docker_api.inspect_volume(f"{prefix}-home-{os.geteuid()}")
        assert volume["Labels"]["robenv.directory"] == str(mine.folder)
        shutil.rmtree(mine.environ["XDG_STATE_HOME"])
        (mine.folder / "robenv.yaml").write_text(content)
        if keeps_container:
            assert mine.run("exec", "--", "sh", "-c", "cat ~/keep").stdout == "kept\n"
        assert mine.run("up", "--", "sh", "-c", "cat ~/keep").stdout == "kept\n"
        (row,) = json.loads(mine.run("ps", "--json").stdout)
        assert row["container"] == f"robenv-pruef-{token}-{project_id(mine.folder)}"
    finally:
        mine.run("down", "--volumes", check=None)
        for name in (f"robenv/pr-f-{token}", f"robenv/pruef-{token}"):
            for image in docker_api.images(name=name):
                for tag in image["RepoTags"]:  # another project may have the same image
                    if tag.startswith(f"{name}:"):
                        docker_api.remove_image(tag)


def killed(mine: Project, *arguments: str) -> None:
    """Runs robenv until its command runs inside, and kills it."""
    client = mine.start(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == "running\n"
    client.kill()
    client.wait()
    client.stdout.close()


def test_what_a_killed_robenv_left_running_is_told_as_long_as_it_runs(project: MakeProject) -> None:
    mine = project()
    mine.run("up", "--", "true")
    killed(mine, "exec", "--", "sh", "-c", "echo running; exec sleep 4321")
    for command in (("up", "--", "true"), ("exec", "--", "true"), ("ps",)):
        told = mine.run(*command).stderr
        assert "a command whose robenv was killed still runs" in told
        assert "sleep 4321" in told
    mine.run("stop")
    assert "still runs" not in mine.run("up", "--", "true").stderr


def test_a_container_of_a_killed_run_is_told_until_down(project: MakeProject) -> None:
    mine = project()
    killed(mine, "run", "--", "sh", "-c", "echo running; exec sleep 4321")
    told = mine.run("ps").stderr
    assert "of a `robenv run` that was killed, still runs" in told
    mine.run("down")
    assert "still runs" not in mine.run("ps").stderr


def test_a_command_that_ended_or_went_on_detached_is_none(project: MakeProject) -> None:
    mine = project()
    mine.run("up", "--", "sh", "-c", "sleep 4321 >/dev/null 2>&1 &")
    mine.run("exec", "--", "false", check=1)
    assert "still runs" not in mine.run("ps").stderr


def test_a_folder_of_data_that_was_replaced_keeps_nobody_from_working(project: MakeProject) -> None:
    mine = project("run: {volumes: ['./data:/data']}\n")
    (mine.folder / "data").mkdir()
    mine.run("up", "--", "sh", "-c", "sleep 900 >/dev/null 2>&1 &")
    (mine.folder / "data").rename(mine.folder / "old")
    (mine.folder / "data").mkdir()
    mine.run("exec", "--", "true")
    assert f"{mine.folder}/data was replaced since the container started" in mine.run("up", "--", "true").stderr
