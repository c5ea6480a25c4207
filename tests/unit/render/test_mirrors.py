"""What a step sees of mirrors, and what the canonical Dockerfile does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.errors import ProfileError
from robenv.plan.mirrors import Mirrors, Turn
from robenv.render import content_hash, render
from robenv.render.mirrors import mirror_entries
from tests.support.plans import full_plan

MIRRORS = Mirrors(
    apt=(Turn("http://deb.debian.org/", "http://lab.example/debian/"),),
    pip="http://pypi.lab.example:3141/simple",
    git=(("https://github.com/", "https://git.lab.example/it's/"),),
)


def test_the_hash_is_the_same_and_the_dockerfile_names_no_mirror(tmp_path: Path) -> None:
    plan = full_plan(tmp_path)
    for buildkit in (True, False):
        rendered = render(plan, buildkit, mirrors=MIRRORS)
        assert not rendered.canonical
        assert "lab.example" not in rendered.dockerfile
        assert content_hash(plan, rendered) == content_hash(plan)
    assert dict(rendered.arguments).keys() == {"ftp_proxy"}


def test_every_apt_and_every_step_goes_through_them(tmp_path: Path) -> None:
    text = render(full_plan(tmp_path), mirrors=MIRRORS).dockerfile.replace("\\\n", "")
    runs = [line for line in text.splitlines() if line.startswith("RUN ")]
    for line in runs:
        if "apt-get" in line or "pip install" in line:
            assert "target=/dev/robenv-mirrors" in line
            assert ". /dev/robenv-mirrors/on;" in line or '"/dev/robenv-mirrors/enter"' in line


def test_what_a_step_sources() -> None:
    files = {entry.name: entry.data.decode() for entry in mirror_entries(MIRRORS)}
    on = files["robenv/mirrors/on"]
    assert "export PIP_INDEX_URL=http://pypi.lab.example:3141/simple\n" in on
    assert "export PIP_TRUSTED_HOST=pypi.lab.example:3141\n" in on
    assert files["robenv/mirrors/addresses"] == "http://deb.debian.org/\thttp://lab.example/debian/\t\n"


def test_a_key_that_is_none(tmp_path: Path) -> None:
    key = tmp_path / "lab.asc"
    for wrong in (None, "hello"):
        if wrong is not None:
            key.write_text(wrong)
        with pytest.raises(ProfileError) as caught:
            mirror_entries(Mirrors(apt=(Turn("http://a/", "http://b/", str(key)),)))
        assert str(key) in caught.value.message
