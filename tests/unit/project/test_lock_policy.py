"""What a lock should have, and where it and the profile differ. The registry is a table of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from robenv.engine.protocol import Engine, RegistryImage
from robenv.errors import ImageNotFound, ProfileError, RegistryUnreachable
from robenv.lockfile import Lockfile, read_lock
from robenv.plan.image.build import pinned_reference, plan_build
from robenv.project.lock_policy import (
    LockedProject,
    check_lock,
    make_lock,
    pin_sources,
    require_locked,
    resolve_locked,
    write_lock,
)

AMD, ARM = "linux/amd64", "linux/arm64"
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
NOW = "20261101T000000Z"


@dataclass
class Registries:
    """What registries have by name, and what an engine has that is in none."""

    digests: dict[str, str] = field(default_factory=dict)
    local: tuple[str, ...] = ()
    pulled: tuple[str, ...] = ()
    reachable: bool = True
    platforms: tuple[str, ...] = (AMD, ARM)
    asked: list[str] = field(default_factory=list)

    def registry_image(self, reference: str) -> RegistryImage:
        self.asked.append(reference)
        if not self.reachable:
            raise RegistryUnreachable(f"no way to {reference}")
        if reference not in self.digests:
            raise ImageNotFound(f"no image {reference}")
        return RegistryImage(self.digests[reference], self.platforms)

    def find_image(self, reference: str, platform: str = "") -> Any:
        digests = (f"{reference}@{ONE}",) if reference in self.pulled else ()
        return SimpleNamespace(digests=digests) if reference in self.local + self.pulled else None


def project(folder: Path, text: str, lock: Lockfile | None = None) -> LockedProject:
    (folder / "robenv.yaml").write_text(f"name: picker\n{text}")
    if lock is not None:
        write_lock(folder / "robenv.lock", lock)
    return resolve_locked(folder, None, os.environ, lambda note: None)


def made(
    found: LockedProject,
    registries: Registries,
    *platforms: str,
    moving: Callable[[str], bool] = lambda name: False,
) -> Lockfile:
    engine = cast(Engine, registries)
    return make_lock(lambda: engine, found, platforms or (AMD,), NOW, moving)[0]


def messages(found: LockedProject, *platforms: str) -> list[str]:
    return [problem.message for problem in check_lock(found, platforms or (AMD,))]


def test_each_base_by_digest_for_each_platform(tmp_path: Path) -> None:
    text = "base: {image: 'ubuntu:24.04'}\nstages: {tools: {base: {image: 'debian:12'}}}\n"
    lock = made(project(tmp_path, text), Registries({"ubuntu:24.04": ONE, "debian:12": TWO}), AMD, ARM)
    assert lock.images == {"ubuntu:24.04": {AMD: ONE, ARM: ONE}, "debian:12": {AMD: TWO, ARM: TWO}}


def test_what_the_lock_has_stays_until_it_is_to_move(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'ubuntu:24.04'}\n", Lockfile(images={"ubuntu:24.04": {AMD: ONE}}))
    registries = Registries({"ubuntu:24.04": TWO})
    assert made(found, registries).images == {"ubuntu:24.04": {AMD: ONE}}
    assert registries.asked == [], "a lock that is whole needs no registry"
    assert made(found, registries, moving=lambda name: "ubuntu" in name).images == {"ubuntu:24.04": {AMD: TWO}}


def test_what_the_profile_no_longer_names_goes(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'ubuntu:24.04'}\n", Lockfile(images={"old:1": {AMD: ONE}}, snapshot=NOW))
    assert made(found, Registries({"ubuntu:24.04": TWO})) == Lockfile(images={"ubuntu:24.04": {AMD: TWO}})


def test_a_digest_in_the_profile_needs_no_lock(tmp_path: Path) -> None:
    found = project(tmp_path, f"base: {{image: 'ubuntu:24.04@{ONE}'}}\n")
    assert made(found, Registries()) == Lockfile()
    assert messages(found) == []


def test_an_image_that_is_only_on_this_engine_is_told(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'mine:1'}\n")
    engine = cast(Engine, Registries(local=("mine:1",)))
    lock, notes = make_lock(lambda: engine, found, (AMD,), NOW, lambda name: False)
    assert lock == Lockfile()
    assert notes == ("mine:1 is in no registry, only on this engine: it cannot be held fast",)
    with pytest.raises(ImageNotFound):
        made(found, Registries())


def test_a_registry_out_of_reach(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'mine:1'}\n")
    assert made(found, Registries(local=("mine:1",), reachable=False)) == Lockfile(), "it came from no registry"
    for registries in (Registries(reachable=False), Registries(pulled=("mine:1",), reachable=False)):
        with pytest.raises(RegistryUnreachable):
            made(found, registries)


def test_a_platform_that_the_image_is_not_for(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'ubuntu:24.04'}\n")
    with pytest.raises(ImageNotFound, match="not offered for linux/arm64") as caught:
        made(found, Registries({"ubuntu:24.04": ONE}, platforms=(AMD,)), ARM)
    assert AMD in caught.value.hint


def test_the_moment_of_the_packages(tmp_path: Path) -> None:
    text = "base: {image: 'u:1'}\napt: {snapshot: locked}\n"
    registries = Registries({"u:1": ONE})
    assert made(project(tmp_path, text), registries).snapshot == NOW
    earlier = project(tmp_path, text, Lockfile(snapshot="20250101T000000Z"))
    assert made(earlier, registries).snapshot == "20250101T000000Z"
    assert made(earlier, registries, moving=lambda name: name == "apt").snapshot == NOW
    assert plan_build(earlier.resolved, AMD).bases[0].snapshot == "20250101T000000Z"


def test_where_the_two_differ(tmp_path: Path) -> None:
    text = "base: {image: 'u:1'}\napt: {snapshot: locked}\n"
    lock = Lockfile({"https://e.org/p@v1": "a" * 40}, {"old:1": {AMD: ONE}})
    assert messages(project(tmp_path, text, lock)) == [
        "robenv.lock has https://e.org/p@v1, which no profile names",
        "robenv.lock does not have u:1 for linux/amd64",
        "robenv.lock has old:1 for linux/amd64, which no profile names",
        "robenv.lock does not have a moment for apt.snapshot",
    ]
    fits = Lockfile(images={"u:1": {AMD: ONE}}, snapshot=NOW)
    assert messages(project(tmp_path, text, fits)) == []
    assert messages(project(tmp_path, "base: {image: 'u:1'}\n", fits)) == [
        "robenv.lock has a moment for apt.snapshot, which no profile asks for"
    ]


def test_a_build_by_the_lock_alone(tmp_path: Path) -> None:
    text = "base: {image: 'u:1'}\n"
    with pytest.raises(ProfileError) as caught:
        require_locked(project(tmp_path, text), AMD)
    assert caught.value.problems[0].message == "there is no robenv.lock"
    found = project(tmp_path, text, Lockfile(images={"u:1": {AMD: ONE}, "more:1": {ARM: ONE}}))
    require_locked(found, AMD)
    with pytest.raises(ProfileError, match="does not fit"):
        require_locked(found, ARM)


def test_the_lock_takes_the_tags_place(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'h.org:5000/u:1'}\n", Lockfile(images={"h.org:5000/u:1": {AMD: ONE}}))
    (base,) = plan_build(found.resolved, AMD).bases
    assert (base.reference, base.asked) == (f"h.org:5000/u@{ONE}", "h.org:5000/u:1")
    (other,) = plan_build(found.resolved, ARM).bases
    assert other.reference == "h.org:5000/u:1"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("ubuntu", f"ubuntu@{ONE}"),
        ("ubuntu:24.04", f"ubuntu@{ONE}"),
        ("localhost:5000/ubuntu", f"localhost:5000/ubuntu@{ONE}"),
        ("localhost:5000/a/ubuntu:1", f"localhost:5000/a/ubuntu@{ONE}"),
        (f"ubuntu@{TWO}", f"ubuntu@{TWO}"),
    ],
)
def test_a_reference_by_digest(reference: str, expected: str) -> None:
    assert pinned_reference(reference, ONE) == expected
    assert pinned_reference(reference, "") == reference


def test_the_first_use_of_a_source_holds_it_fast(tmp_path: Path) -> None:
    found = project(tmp_path, "base: {image: 'u:1'}\n", Lockfile(images={"u:1": {AMD: ONE}}))
    told: list[str] = []
    pin_sources(found, told.append)
    assert told == []
    new = LockedProject(found.resolved, found.lock, found.path, True, {"https://e.org/p@v1": "a" * 40})
    pin_sources(new, told.append)
    assert read_lock(found.path, "") == Lockfile({"https://e.org/p@v1": "a" * 40}, {"u:1": {AMD: ONE}})
    assert "is at aaaaaaaaaaaa from now on" in told[0]


def test_somebody_elses_view_has_no_overlay_and_no_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=from-env\n")
    (tmp_path / "robenv.local.yaml").write_text("environment: {B: overlay}\n")
    project(tmp_path, "base: {image: 'u:1'}\nenvironment: {A: '${A:-default}'}\n")
    mine, shared = (resolve_locked(tmp_path, None, {}, print, shared=one).resolved for one in (False, True))
    assert mine.profile.environment == {"A": "from-env", "B": "overlay"}
    assert shared.profile.environment == {"A": "default"}


def repositories(folder: Path, *lines: str) -> str:
    (folder / "arm.repos").write_text("repositories:\n" + "".join(f"  {line}\n" for line in lines))
    return "base: {bootstrap: {suite: bookworm}}\nworkspace: {repos: arm.repos}\n"


def test_the_workspaces_repositories(tmp_path: Path) -> None:
    exact = f"exact: {{type: git, url: 'https://e.org/exact', version: {'e' * 40}}}"
    text = repositories(tmp_path, "lidar: {type: git, url: 'https://e.org/lidar', version: main}", exact)
    lidar = {"https://e.org/lidar@main": "a" * 40}
    found = project(tmp_path, text)
    (problem,) = check_lock(found, (AMD,))
    assert problem.message == "robenv.lock does not have https://e.org/lidar@main, for src/lidar"
    assert problem.location is not None
    assert (problem.location.file, problem.location.line) == ("arm.repos", 2)
    with pytest.raises(ProfileError, match="does not fit"):
        require_locked(found, AMD)
    pin_sources(found, lambda note: None, {**lidar, "https://e.org/exact@" + "e" * 40: "e" * 40})
    held = read_lock(tmp_path / "robenv.lock", "robenv.lock")
    assert held == Lockfile(repos=lidar), "a commit in the .repos file needs no lock"
    found = project(tmp_path, text)
    assert messages(found) == []
    assert made(found, Registries()) == held, "and nobody is asked"
    pin_sources(found, lambda note: None, {"https://e.org/lidar@main": "b" * 40})
    assert read_lock(tmp_path / "robenv.lock", "robenv.lock") == held, "what is held fast is not moved by a clone"
    other = project(tmp_path, repositories(tmp_path, exact))
    assert messages(other) == ["robenv.lock has https://e.org/lidar@main, which no .repos file names"]
    assert made(other, Registries()) == Lockfile()
