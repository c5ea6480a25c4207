"""What a step sees of mirrors, and what the canonical Dockerfile does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from robenv.errors import Location, ProfileError
from robenv.git.command import git_through
from robenv.plan.image.mirrors import MirrorRule, Mirrors
from robenv.render import content_hash, render
from robenv.render.authority import bundle
from robenv.render.mirrors import AUTHORITIES, mirror_entries
from tests.support.projects.plans import full_plan
from tests.support.servers.site.authority import Authority

MIRRORS = Mirrors(
    apt=(MirrorRule("http://deb.debian.org/", "http://lab.example/debian/"),),
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


def _lines(text: str, *words: str) -> list[str]:
    lines = text.replace("\\\n", "").splitlines()
    return [line for line in lines if line.startswith("RUN ") and any(word in line for word in words)]


@pytest.mark.parametrize("buildkit", [True, False])
def test_a_mirror_for_others_leaves_a_steps_layer_alone(tmp_path: Path, buildkit: bool) -> None:
    """A builder's cache knows a step by its text and by what is mounted."""
    plan = full_plan(tmp_path)
    plain = render(plan, buildkit).dockerfile
    downloads = Mirrors(downloads=(MirrorRule("https://raw.robenvtest.example/", "http://lab.example/raw/"),))
    apt, pip = ("apt-get",), ("pip install",)
    for mirrors, same, other in (
        (downloads, (*apt, *pip), ("rosdep update",)),
        (Mirrors(git=MIRRORS.git), apt, pip),
        (Mirrors(pip=MIRRORS.pip), apt, pip),
        (Mirrors(apt=MIRRORS.apt), ("rosdep update",), apt),
    ):
        text = render(plan, buildkit, mirrors=mirrors).dockerfile
        assert _lines(text, *same) == _lines(plain, *same) != []
        assert _lines(text, *other) != _lines(plain, *other)


def test_what_steps_mount_changes_with_what_they_need_alone(tmp_path: Path) -> None:
    plan = full_plan(tmp_path)

    def mounted(mirrors: Mirrors) -> list[object]:
        return [one for one in render(plan, mirrors=mirrors).context if one.name.startswith("robenv/mirrors-apt/")]

    assert mounted(Mirrors(apt=MIRRORS.apt)) == mounted(MIRRORS) != []


def test_an_archive_of_the_profile_may_be_among_the_downloads(tmp_path: Path) -> None:
    plan = full_plan(tmp_path)
    url = next(repository.url for stage in plan.stages for group in stage.groups for repository in group.repositories)
    text = render(plan, mirrors=Mirrors(downloads=(MirrorRule(f"{url}/", "http://lab.example/x/"),))).dockerfile
    assert all("/robenv-mirrors/on" in line for line in _lines(text, "apt-get"))


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
            mirror_entries(Mirrors(apt=(MirrorRule("http://a/", "http://b/", str(key)),)))
        assert str(key) in caught.value.message


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return Authority(tmp_path).certificate


def test_an_authority_of_ones_own_is_trusted_and_nothing_else_said(authority: Path) -> None:
    files = {entry.name: entry.data for entry in mirror_entries(Mirrors(ca=str(authority)))}
    assert files["robenv/mirrors/ca.pem"] == authority.read_bytes()
    on = (files["robenv/mirrors/on"] or b"").decode()
    assert f"PIP_CERT={AUTHORITIES}" in on and f"GIT_SSL_CAINFO={AUTHORITIES}" in on
    assert "PYTHONPATH" not in on and "insteadof" not in on
    assert b"Dir::Bin::Methods" not in (files["robenv/mirrors/apt.conf"] or b"")
    script = on.replace("/dev/shm", str(authority.parent)).replace("/dev/robenv-mirrors", str(authority.parent))
    (authority.parent / "ca.pem").write_bytes(authority.read_bytes())
    said = subprocess.run(
        ["sh", "-euc", f"HOME=/nowhere\n{script}\ncat $SSL_CERT_FILE"], capture_output=True, check=True, text=True
    )
    assert said.stdout.endswith(authority.read_text())


@pytest.mark.parametrize("wrong", [None, b"hello\n", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_an_authority_that_is_none_is_told_at_its_place(tmp_path: Path, wrong: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if wrong is not None:
        path.write_bytes(wrong)
    place = Location("robenv.yaml", 3, 7)
    with pytest.raises(ProfileError) as caught:
        mirror_entries(Mirrors(ca=str(path), ca_location=place))
    (problem,) = caught.value.problems
    assert str(path) in problem.message and problem.location == place


def test_what_this_machine_trusts_and_the_authority(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = authority.with_name("known.pem")
    known.write_text("known\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    monkeypatch.delenv("GIT_SSL_CAINFO", raising=False)
    assert bundle(Mirrors(ca=str(authority))) == b"known\n" + authority.read_bytes()
    assert bundle(Mirrors()) == b""
    git = git_through(Mirrors(git=(("https://a/", "https://b/"), ("https://c/", "ssh://d/")), ca=str(authority)))
    settings = [one for one in git.argv("fetch") if one.startswith("http.")]
    assert settings == [f"http.https://b/.sslCAInfo={git.authorities}"]
    assert Path(git.authorities).read_bytes() == b"known\n" + authority.read_bytes()
    assert git_through(Mirrors(ca=str(authority))).authorities == ""
    own = authority.with_name("own.pem")
    own.write_text("own\n")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(own))
    git = git_through(Mirrors(git=(("https://a/", "https://b/"),), ca=str(authority)))
    assert Path(git.authorities).read_bytes() == b"own\n" + authority.read_bytes()
    assert f"http.sslCAInfo={own}" in git.argv("fetch")
