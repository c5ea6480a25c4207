"""The built-in profiles for tests: targets, and mixins upon a target that they fit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from robenv.errors import ProfileError
from robenv.plan.image.build import plan_build
from robenv.profile.chain.project import find_project
from robenv.profile.resolve.resolve import list_builtin, resolve_builtin, resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.render import render

ANY = ("linux/amd64", "linux/arm64")
"""For a profile that names no platforms."""
_STANDS = ("ros/jazzy", "ubuntu/noble", "debian/bookworm", "ros/noetic")


@cache
def profiles() -> dict[str, Resolved]:
    return {one.name: resolve_builtin(one.name) for one in list_builtin()}


def targets() -> list[str]:
    return [name for name, one in profiles().items() if one.profile.base.image or one.profile.base.bootstrap]


def mixins() -> list[str]:
    return [name for name in profiles() if name not in targets()]


def platforms_of(resolved: Resolved) -> tuple[str, ...]:
    return resolved.profile.platforms or ANY


def dockerfile(resolved: Resolved, platform: str) -> str:
    return render(plan_build(resolved.on(platform), platform)).dockerfile


def extending(folder: Path, *names: str, platforms: tuple[str, ...] = ()) -> Resolved:
    """A project in ``folder`` that extends these; for ``platforms`` alone, where there are any. Raises ProfileError."""
    only = f"platforms: [{', '.join(platforms)}]\n" if platforms else ""
    (folder / "robenv.yaml").write_text(f"name: picker\nextends: [{', '.join(names)}]\n{only}")
    return resolve_project(find_project(folder), {})


def pairs() -> Iterator[tuple[str, str]]:
    """Every target with each of its platforms."""
    for target in targets():
        for platform in platforms_of(profiles()[target]):
            yield target, platform


def asked_of(mixin: str) -> tuple[str, ...]:
    """The platforms that a mixin is for, where it says so."""
    fits = profiles()[mixin].profile.fits
    return fits.platforms or ()


@cache
def stand_of(mixin: str) -> str:
    """The target that the tests put a mixin upon: the first that it fits; where it has pip, Debian, whose pip is real.

    Raises AssertionError where there is none.
    """
    stands = _STANDS[::-1] if profiles()[mixin].profile.pip else _STANDS
    with tempfile.TemporaryDirectory() as folder:
        for target in stands:
            try:
                extending(Path(folder), target, mixin, platforms=asked_of(mixin))
            except ProfileError:
                continue
            return target
    raise AssertionError(f"{mixin} fits none of {', '.join(_STANDS)}")


def upon_its_stand(mixin: str) -> Resolved:
    with tempfile.TemporaryDirectory() as folder:
        return extending(Path(folder), stand_of(mixin), mixin, platforms=asked_of(mixin))
