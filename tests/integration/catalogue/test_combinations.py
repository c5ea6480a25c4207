"""Every mixin upon every target: rendered on each platform where it fits, refused elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.catalog.jetpack import JETPACKS
from robenv.errors import ProfileError
from robenv.profile.schema.profile import Profile
from tests.support.projects import catalogue
from tests.support.servers.site.stand_ins import suite_of

PROFILES = catalogue.profiles()


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
