"""Every built-in profile: resolved, planned and rendered for each of its platforms; mixins upon what they fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.catalog.jetpack import BOARDS, JETPACKS
from robenv.errors import ProfileError
from robenv.profile.schema import Profile
from tests.support import catalogue
from tests.support.site.stand_ins import suite_of

PROFILES = catalogue.profiles()


@pytest.mark.parametrize("name", catalogue.targets())
def test_a_target_renders_on_each_of_its_platforms(name: str, tmp_path: Path) -> None:
    assert PROFILES[name].profile.platforms, "a target says what it is for"
    resolved = catalogue.extending(tmp_path, name)
    for platform in catalogue.platforms_of(resolved):
        assert catalogue.dockerfile(resolved, platform).count("\nFROM ") == 1


@pytest.mark.parametrize("name", catalogue.mixins())
def test_a_mixin_renders_upon_each_target_that_it_fits_and_is_refused_by_the_others(name: str, tmp_path: Path) -> None:
    fitting = 0
    for target in catalogue.targets():
        if not _may_fit(PROFILES[name].profile, PROFILES[target].profile):
            with pytest.raises(ProfileError):
                catalogue.extending(tmp_path, target, name)
            continue
        resolved = catalogue.extending(tmp_path, target, name)
        for platform in catalogue.platforms_of(resolved):
            assert catalogue.dockerfile(resolved, platform)
        fitting += 1
    assert fitting


def _may_fit(mixin: Profile, target: Profile) -> bool:
    """By the words of both, and not by the code that judges them.

    A mixin without packages of a distribution goes upon one from elsewhere too, of which the target says nothing.
    """
    fits, base = mixin.fits, target.base
    by_name = bool(fits.ros and mixin.apt.packages)
    suite = base.bootstrap.suite if base.bootstrap else suite_of(base.image)
    suites = (*(fits.ubuntu or ()), *(fits.debian or ()))
    jetson = next((row.name for row in JETPACKS if row.base == base.image), "")
    on_jetson = target.gpu is not None and target.gpu.vendor == "jetson"
    return (
        (fits.ros is None or target.ros.distro in fits.ros or (not target.ros.distro and not by_name))
        and not (mixin.ros.rmw and (target.ros.distro == "noetic" or target.environment.get("ROS_VERSION") == "1"))
        and (not suites or suite in suites)
        and (fits.platforms is None or set(target.platforms) <= set(fits.platforms))
        and (fits.jetson is None or not on_jetson or jetson in fits.jetson)
    )


def test_every_jetpack_with_an_image_has_its_profile() -> None:
    for row in JETPACKS:
        if row.base:
            profile = PROFILES[f"jetson/{row.name}"].profile
            assert profile.base.image == row.base
            assert profile.platforms == ("linux/arm64",)
            assert profile.gpu is not None
            assert (profile.gpu.mode, profile.gpu.vendor) == ("auto", "jetson")


def test_every_board_has_a_profile_that_is_its_jetpacks() -> None:
    for board in BOARDS:
        levels = [level.name for level in PROFILES[f"jetson/{board.name}"].levels]
        assert f"jetson/{board.jetpacks[0]}" in levels
    names = {name.partition("/")[2] for name in PROFILES if name.startswith("jetson/")}
    names = {name for name in names if not name.startswith("ros-")}
    assert names == {board.name for board in BOARDS} | {row.name for row in JETPACKS if row.base}
