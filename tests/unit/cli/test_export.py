"""`robenv export` by the command line: where it writes, what it leaves alone, and whether that still fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.projects.command_line import Robenv

PICKER = "name: picker\nbase: {image: ubuntu:24.04}\nfiles: [{source: notes, target: /notes}]\n"


@pytest.fixture(autouse=True)
def _picker(tmp_path: Path) -> None:
    (tmp_path / "robenv.yaml").write_text(PICKER)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/one").write_text("1\n")
    (tmp_path / "notes/two").symlink_to("one")


@pytest.mark.parametrize(("form", "main"), [
    ("compose", "compose/compose.yaml"),
    ("devcontainer", ".devcontainer/devcontainer.json"),
    ("dockerfile", "docker/Dockerfile"),
])  # fmt: skip
def test_it_writes_checks_and_writes_again(form: str, main: str, tmp_path: Path, robenv: Robenv) -> None:
    done = robenv("export", form)
    assert done.code == 0, done.stderr
    assert done.stdout == ""
    assert f"robenv: wrote {tmp_path / main}\n" in done.stderr and "robenv: next: " in done.stderr
    assert robenv("export", form, "--check").code == 0
    image = next((tmp_path / main).parent.rglob("Dockerfile")).parent
    (copied,) = image.glob("files/*")
    assert [copied.joinpath(name).read_text() for name in ("one", "two")] == ["1\n", "1\n"]
    assert str((copied / "two").readlink()) == "one"

    (image / "left").write_text("of an earlier one\n")
    (tmp_path / "notes/one").write_text("2\n")
    (tmp_path / "notes/two").unlink()
    checked = robenv("export", form, "--check")
    assert checked.code == 3
    differing = [f"{image}/left", f"{copied}/one", f"{copied}/two"]
    assert all(name in checked.stderr for name in differing)
    assert f"`robenv export {form}` brings it up to date" in checked.stderr
    told = json.loads(robenv("export", form, "--check", "--json").stdout)
    assert (told["fits"], len(told["differences"])) == (False, 3)
    assert robenv("export", form).code == 0
    assert robenv("export", form, "--check").code == 0
    assert not (image / "left").exists()


def test_a_file_that_may_no_longer_run_is_seen(tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / "notes/one").chmod(0o755)
    robenv("export", "compose")
    (copied,) = tmp_path.glob("compose/image/files/*")
    (copied / "one").chmod(0o644)
    assert str(copied / "one") in robenv("export", "compose", "--check").stderr


def test_what_somebody_else_has_made_is_left_alone(tmp_path: Path, robenv: Robenv) -> None:
    theirs = tmp_path / ".devcontainer/devcontainer.json"
    theirs.parent.mkdir()
    theirs.write_text("{}\n")
    refused = robenv("export", "devcontainer")
    assert refused.code == 2
    assert f"{theirs} is there, and robenv has not made it" in refused.stderr
    assert theirs.read_text() == "{}\n" and not (tmp_path / ".devcontainer/image").exists()
    assert robenv("export", "devcontainer", "--force").code == 0
    assert theirs.read_text().startswith("// Made by robenv")


@pytest.mark.parametrize(("form", "folder"), [("dockerfile", "docker"), ("compose", "compose/image")])
def test_a_folder_of_something_else_is_not_replaced(form: str, folder: str, tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "thesis.txt").write_text("mine\n")
    refused = robenv("export", form)
    assert refused.code == 2
    assert f"{tmp_path / folder} holds something else, and would be replaced" in refused.stderr
    (tmp_path / folder / "Dockerfile").write_text("FROM scratch\n")
    assert f"{tmp_path / folder}/Dockerfile is there, and robenv has not made it" in robenv("export", form).stderr
    assert (tmp_path / folder / "thesis.txt").read_text() == "mine\n"


def test_it_goes_where_it_is_told_and_paths_hold_there(tmp_path: Path, robenv: Robenv) -> None:
    told = json.loads(robenv("export", "compose", "-o", "ci/lab", "--json").stdout)
    assert told["folder"] == str(tmp_path / "ci/lab")
    assert told["main"] == "compose.yaml" and "image/Dockerfile" in told["files"]
    assert "source: ../..\n" in (tmp_path / "ci/lab/compose.yaml").read_text()


def test_what_one_persons_machine_adds_does_not_go_along(tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / "robenv.local.yaml").write_text("environment: {MINE: 'yes'}\nrun: {hostname: desk}\n")
    (tmp_path / ".env").write_text("WHO=me\n")
    (tmp_path / "robenv.yaml").write_text(PICKER + "run: {environment: ['WHO=${WHO:-anybody}']}\n")
    robenv("export", "compose")
    written = "".join(path.read_text() for path in (tmp_path / "compose").rglob("*") if path.is_file())
    assert "MINE" not in written and "desk" not in written
    assert "WHO: anybody" in written


def test_a_form_that_there_is_not(robenv: Robenv) -> None:
    done = robenv("export", "helm")
    assert done.code == 2
    assert "there is no form helm" in done.stderr
    assert "compose, devcontainer, dockerfile, kubernetes" in done.stderr


def test_kubernetes_by_the_profiles_registry(tmp_path: Path, robenv: Robenv) -> None:
    (tmp_path / "robenv.yaml").write_text(
        f"{PICKER}registry: registry.example/team\ndeploy: {{command: talk}}\nplatforms: [linux/arm64]\n"
    )
    done = robenv("export", "kubernetes")
    assert done.code == 0, done.stderr
    text = (tmp_path / "kubernetes/picker.yaml").read_text()
    assert "image: registry.example/team/picker:" in text
    assert "kubernetes.io/arch: arm64" in text
    (tmp_path / "robenv.yaml").write_text(f"{PICKER}registry: registry.example/team\ndeploy: {{command: talk}}\n")
    robenv("export", "kubernetes")
    assert "kubernetes.io/arch: " in (tmp_path / "kubernetes/picker.yaml").read_text(), "what was pushed is for one"
    robenv("export", "kubernetes", "--image", "registry.example/index:1")
    assert "kubernetes.io/arch" not in (tmp_path / "kubernetes/picker.yaml").read_text()
