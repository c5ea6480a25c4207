"""What of a workspace goes into the file of `save`, and whether the project wants the same image where it arrives; with
the real git, whose origins are taken away first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robenv.bundle.contents import SavedRepository
from robenv.bundle.project_files import outgoing_files
from robenv.bundle.verify import notes_on_uncommitted, require_same_image, uncommitted_parts
from robenv.errors import OperationFailed, ProfileError, UsageError
from robenv.git.command import Git
from robenv.git.workspace.repos_out import HeldCommit
from robenv.plan.models import DEV, RUN
from robenv.project.lock_policy import pin_sources, resolve_locked
from robenv.project.planned import PlannedProject, plan_project
from robenv.project.repositories import (
    bring_repositories,
    find_lacking,
    hold_commits,
    repositories_folder,
    saved_places,
)
from tests.support.servers.upstream import Upstream

AMD = "linux/amd64"
_PACKAGE = (
    "<package format='3'><name>{}</name><version>1.0.0</version><description>x</description>"
    "<maintainer email='a@example.org'>A</maintainer><license>MIT</license><depend>{}</depend></package>\n"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Workspace:
    """A project with two repositories: drivers/lidar by its branch, arm by its tag."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "picker"
        self.origins = {name: Upstream(folder / "origins" / name) for name in ("lidar", "arm")}
        for name, origin in self.origins.items():
            origin.commit({"package.xml": _PACKAGE.format(name, f"lib_{name}"), "main.c": "int x;\n"}, "v1")
        lidar, arm = (origin.url for origin in self.origins.values())
        self.root.mkdir()
        (self.root / "picker.repos").write_text(
            "repositories:\n"
            f"  drivers/lidar: {{type: git, url: '{lidar}', version: main}}\n"
            f"  arm: {{type: git, url: '{arm}', version: v1}}\n"
        )
        self.write("")

    def write(self, text: str, workspace: str = "") -> None:
        (self.root / "robenv.yaml").write_text(
            f"name: picker\nbase: {{image: x}}\nworkspace: {{repos: [picker.repos]{workspace}}}\n{text}"
        )

    def up(self) -> None:
        """As far as the repositories are concerned."""
        found = resolve_locked(self.root, None, {}, print)
        pin_sources(found, print, bring_repositories(found.resolved, found.lock.repos, print))

    def take_origins_away(self) -> None:
        for origin in self.origins.values():
            origin.folder.rename(origin.folder.with_name(f"{origin.folder.name}-away"))

    def save(self, folder: Path, stage: str = DEV) -> tuple[dict[HeldCommit, str], dict[str, Path]]:
        """What of each repository stays behind, and the files that go along. Raises UsageError."""
        found = resolve_locked(self.root, None, {}, print, shared=True)
        planned: PlannedProject = plan_project(found.resolved, AMD, stage)
        held = hold_commits(found.resolved, found.lock.repos, print)
        behind = uncommitted_parts(held, repositories_folder(found.resolved))
        packs = {}
        for number, (one, place) in enumerate(saved_places(found.resolved, held).items()):
            saved = SavedRepository(one.at, place, str(number))
            packs[saved] = folder / saved.member
            folder.mkdir(exist_ok=True)
            one.write_pack(Git(), packs[saved])
        files = outgoing_files([planned], found.path)
        files.leave_to_git(pack.path for pack in packs)
        require_same_image([planned], files, packs, behind, folder / "there")
        return behind, files.files


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.mark.parametrize("stage", [DEV, RUN])
def test_where_nothing_is_changed_the_image_will_be_the_same(made: Workspace, tmp_path: Path, stage: str) -> None:
    made.write("run_image: {build: make, install: /opt/p}\n", ", dependencies: true")
    made.up()
    (made.root / "src/mine").mkdir()
    (made.root / "src/mine/package.xml").write_text(_PACKAGE.format("mine", "lib_mine"))
    made.take_origins_away()
    behind, files = made.save(tmp_path / "file", stage)
    assert list(behind.values()) == ["", ""] and notes_on_uncommitted(behind) == []
    assert sorted(files) == ["picker.repos", "robenv.lock", "robenv.yaml", "src/mine/package.xml"]
    assert (tmp_path / "file/there/picker/src/drivers/lidar/package.xml").is_file()


def _another_key(root: Path) -> None:
    path = root / "src/drivers/lidar/package.xml"
    path.write_text(path.read_text().replace("lib_lidar", "lib_other"))


def _another_description(root: Path) -> None:
    path = root / "src/drivers/lidar/package.xml"
    path.write_text(path.read_text().replace("<description>x", "<description>y"))


def _ignored(root: Path) -> None:
    (root / "src/drivers/lidar/COLCON_IGNORE").touch()


def _ignored_above(root: Path) -> None:
    (root / "src/drivers/COLCON_IGNORE").touch()


def _source(root: Path) -> None:
    (root / "src/arm/main.c").write_text("int y;\n")


@pytest.mark.parametrize(
    ("change", "stage", "same"),
    [
        (_another_key, DEV, False),
        (_another_description, DEV, True),
        (_ignored, DEV, False),
        (_ignored_above, DEV, True),
        (_source, DEV, True),
        (_source, RUN, False),
    ],
)
def test_an_image_that_is_made_of_what_is_not_carried_is_refused(
    made: Workspace, tmp_path: Path, change: Callable[[Path], None], stage: str, same: bool
) -> None:
    made.write("run_image: {build: make, install: /opt/p}\n", ", dependencies: true")
    made.up()
    change(made.root)
    made.take_origins_away()
    if same:
        behind, _ = made.save(tmp_path / "file", stage)
        remarks = notes_on_uncommitted(behind)
        assert len(remarks) == (change is not _ignored_above)
        assert all("(1 changed file)" in remark for remark in remarks)
        return
    with pytest.raises(UsageError, match="would want another image") as raised:
        made.save(tmp_path / "file", stage)
    (problem,) = raised.value.problems
    assert "is not as it is in the file: 1 changed file" in problem.message
    assert problem.location is not None
    assert (problem.location.file, problem.location.line) == ("picker.repos", 3 if change is _source else 2)


def test_all_that_is_changed_is_in_one_note(made: Workspace, tmp_path: Path) -> None:
    made.up()
    (made.root / "src/arm/main.c").write_text("int y;\n")
    clone = Upstream.__new__(Upstream)
    clone.folder = made.root / "src/drivers/lidar"
    mine = clone.commit({".gitattributes": "*.bin filter=lfs\n"})
    behind, _ = made.save(tmp_path / "file")
    (remark,) = notes_on_uncommitted(behind)
    assert f"src/drivers/lidar (at {mine[:12]}, not at " in remark and "src/arm (1 changed file)" in remark


def test_submodules_are_named_since_they_stay_behind(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    lidar, arm = workspace.origins["lidar"], workspace.origins["arm"]
    lidar.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", arm.url, "lib/arm")
    lidar.git("commit", "--quiet", "-m", "a submodule")
    workspace.up()
    behind, _ = workspace.save(tmp_path)
    assert "submodules are not in the file: src/drivers/lidar/lib/arm" in notes_on_uncommitted(behind)


def test_what_the_lock_lacks_is_taken_from_the_clones(made: Workspace) -> None:
    made.up()
    lock = made.root / "robenv.lock"
    before = lock.read_text()
    lock.unlink()
    made.take_origins_away()
    found = resolve_locked(made.root, None, {}, print)
    pin_sources(found, print, find_lacking(found.resolved, found.lock.repos))
    assert lock.read_text() == before
    found = resolve_locked(made.root, None, {}, print)
    assert find_lacking(found.resolved, found.lock.repos) == {}


def test_all_that_cannot_be_had_is_told_at_its_place(made: Workspace) -> None:
    made.take_origins_away()
    found = resolve_locked(made.root, None, {}, print)
    pins = {
        f"{origin.url}@{version}": "1" * 40
        for origin, version in zip(made.origins.values(), ("main", "v1"), strict=True)
    }
    with pytest.raises(OperationFailed, match="cannot be put into the file") as raised:
        hold_commits(found.resolved, pins, print)
    assert [problem.location.line for problem in raised.value.problems if problem.location] == [2, 3]
    (made.root / "picker.repos").write_text("repositories: {../x: {type: git, url: 'https://e.org/x'}}\n")
    with pytest.raises(ProfileError):
        hold_commits(resolve_locked(made.root, None, {}, print).resolved, {}, print)


def test_what_lies_elsewhere_or_in_another_one_has_no_place(made: Workspace, tmp_path: Path) -> None:
    made.up()
    (made.root / "picker.repos").write_text(
        (made.root / "picker.repos").read_text()
        + f"  arm/inner: {{type: git, url: '{made.origins['arm'].url}', version: v1}}\n"
    )
    found = resolve_locked(made.root, None, {}, print)
    held = hold_commits(found.resolved, found.lock.repos, print)
    assert list(saved_places(found.resolved, held).values()) == ["src/drivers/lidar", "src/arm", ""]
    made.write("", ", source: ..")
    found = resolve_locked(made.root, None, {}, print)
    held = hold_commits(found.resolved, found.lock.repos, print)
    assert list(saved_places(found.resolved, held).values()) == ["", "", ""]
