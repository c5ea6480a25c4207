"""Mirrors, on a real engine: everything comes by another address, and nothing of that stays in the image."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from robenv.bases.apt_archive import probe_sources
from robenv.bases.mmdebstrap import arguments, find_keyrings, plan_recipe, run
from robenv.engine.protocol import Engine
from robenv.errors import OperationFailed
from robenv.plan.image.mirrors import MirrorRule, Mirrors
from robenv.plan.models import Bootstrap
from robenv.project.gate import approve_image
from robenv.project.image.image import ensure_image
from robenv.project.planned import PlannedProject, plan_project, resolve
from robenv.render.authority import SYSTEM, trusting
from tests.support.images import fetch_image
from tests.support.projects.project import Project
from tests.support.projects.traces import traces
from tests.support.servers.registry import Registry
from tests.support.servers.site.authority import Authority
from tests.support.servers.site.packages import Package
from tests.support.servers.site.web import Signer, Web, bridge, publish

pytestmark = pytest.mark.engine

_PROFILE = """
apt:
  repositories:
    tools:
      url: http://apt.robenvtest.example/tools
      suite: stable
      components: [main]
      key: http://keys.robenvtest.example/tools.asc
      key_checksum: sha256:{checksum}
  packages: [robenvtest-tool]
steps:
  - {{name: apt by hand, run: apt-get update -q && apt-get install -q -y robenvtest-more && apt-get clean}}
  - {{name: its sources, run: cat /etc/apt/sources.list.d/tools.sources; robenvtest-tool}}
"""


@dataclass
class Site:
    web: Web
    signer: Signer
    other: Signer

    def mirrors(self, registry: str = "") -> str:
        own = f"\n  registries: {{registry.robenvtest.example: '{registry}'}}" if registry else ""
        return f"""
mirrors:{own}
  apt:
    apt.robenvtest.example: {self.web.address}/mirrored
    deb.debian.org: {{url: {self.web.address}/debian, key: {self.signer.key}}}
  downloads: {{"http://keys.robenvtest.example/": {self.web.address}/keys}}
"""

    @property
    def profile(self) -> str:
        return _PROFILE.format(checksum=hashlib.sha256(self.signer.key.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def site(docker_api: Any) -> Iterator[Site]:
    web, signer, other = Web(bridge(docker_api)), Signer(), Signer()
    tool = Package("robenvtest-tool", files={"usr/bin/robenvtest-tool": "#!/bin/sh\necho it works\n"})
    packages = (tool, Package("robenvtest-more"))
    publish(web, signer, "mirrored/tools", "stable", packages)
    publish(web, signer, "debian/debian", "bookworm")
    publish(web, other, "anew/tools", "stable", packages)
    web.files["keys/tools.asc"] = signer.key.read_bytes()
    yield Site(web, signer, other)
    for one in (web, signer, other):
        one.close()


def _build(one: Project, engine: Engine, buildkit: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[PlannedProject, str]:
    """Builds with one of the two builders; the steps' output."""
    planned = plan_project(resolve(one.folder, None, one.environ), "linux/amd64")
    info = engine.info()
    monkeypatch.setattr(type(engine), "info", lambda self: type(info)(**{**vars(info), "buildkit": buildkit}))
    said: list[str] = []
    ensure_image(engine, approve_image(planned, None, said.append), _Silent(said), no_cache=True)
    return planned, "".join(said)


@pytest.fixture(scope="module")
def offered(docker_api: Any, base_image: str) -> Iterator[str]:
    """Where a registry has the base, tagged 1. One for all tests, since packing the base takes long."""
    made = Registry().start()
    there = f"{made.address}/base"
    docker_api.tag(base_image, there, "1")
    docker_api.push(there, "1")
    docker_api.remove_image(f"{there}:1")
    yield there
    made.close()


@pytest.mark.parametrize("buildkit", [True, False], ids=["BuildKit", "classic"])
def test_everything_comes_from_mirrors_and_nothing_tells(
    buildkit: bool,
    project: Callable[..., Project],
    site: Site,
    offered: str,
    docker_api: Any,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, real = offered.partition("/")[0], "registry.robenvtest.example/base:1"
    one = project(site.profile, base=real)
    without = plan_project(resolve(one.folder, None, one.environ), "linux/amd64")
    one.write(site.profile + site.mirrors(address))
    site.web.asked.clear()
    try:
        planned, said = _build(one, engine, buildkit, monkeypatch)
        assert planned.content_hash == without.content_hash, "a mirror is how one gets things, not what"
        assert any(path.endswith("robenvtest-more_all.deb") for path in site.web.asked)
        assert "keys/tools.asc" in site.web.asked
        assert "URIs: http://apt.robenvtest.example/tools" in said
        assert "it works" in said
        here = site.web.address.removeprefix("http://")
        assert traces(docker_api, planned.image, here, address, "robenv-mirrors/addresses") == []
        assert docker_api.images(offered) == []
    finally:
        docker_api.remove_image(real, force=True)


class _Silent:
    """A reporter that only keeps what steps say."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def note(self, text: str) -> None:
        self._said.append(text)

    def event(self, event: Any) -> None:
        self._said.append(getattr(event, "text", ""))

    def building(self, *arguments: Any) -> None:
        pass

    def finished(self) -> None:
        pass


def test_a_mirror_that_signs_anew_is_checked_by_its_own_key_alone(
    project: Callable[..., Project], site: Site, tmp_path: Path
) -> None:
    one = project(site.profile)
    config = tmp_path / "config" / "robenv" / "config.yaml"
    config.parent.mkdir(parents=True)
    (config.parent / "lab.asc").write_bytes(site.other.key.read_bytes())
    one.environ["XDG_CONFIG_HOME"] = str(config.parent.parent)
    head = f"mirrors:\n  downloads: {{keys.robenvtest.example: {site.web.address}/keys}}\n  apt:\n"
    head += f"    deb.debian.org: {{url: {site.web.address}/debian, key: {site.signer.key}}}\n"
    head += "    apt.robenvtest.example: "
    anew = f"{site.web.address}/anew"
    config.write_text(f"{head}{anew}\n")
    failed = one.run("build", check=5)
    assert "NO_PUBKEY" in failed.stdout + failed.stderr
    assert f"http://apt.robenvtest.example/ from {anew}/" in failed.stderr
    config.write_text(f"{head}{{url: {anew}, key: ./lab.asc}}\n")
    one.run("build")
    config.write_text(f"{head}{{url: {site.web.address}/mirrored, key: lab.asc}}\n")
    failed = one.run("build", "--no-cache", check=5)
    assert "NO_PUBKEY" in failed.stdout + failed.stderr, "the archive's own key does not count for such a mirror"


def test_a_mirror_that_is_away_is_named(project: Callable[..., Project], site: Site) -> None:
    away = "http://127.0.0.1:9"
    one = project(site.profile + f"mirrors: {{downloads: {{keys.robenvtest.example: '{away}'}}}}\n")
    failed = one.run("build", check=5)
    assert f"its mirror is {away}/" in failed.stdout + failed.stderr
    site.web.redirects["round/"] = "http://keys.robenvtest.example/"
    circle = f"mirrors: {{downloads: {{keys.robenvtest.example: {site.web.address}/round}}}}\n"
    failed = project(site.profile + circle).run("build", check=5)
    assert "which leads back to http://keys.robenvtest.example/tools.asc" in failed.stdout + failed.stderr
    other = project("mirrors: {registries: {nvcr.io: '127.0.0.1:9/nvidia'}}\n", base="nvcr.io/nvidia/l4t-base:r1")
    failed = other.run("build", check=1)
    assert "127.0.0.1:9/nvidia/nvidia/l4t-base:r1 stands for nvcr.io/nvidia/l4t-base:r1" in failed.stderr


def test_what_is_not_the_asked_for_is_refused(project: Callable[..., Project], site: Site) -> None:
    wrong = site.profile.replace("key_checksum: sha256:", "key_checksum: sha256:0", 1)
    wrong = wrong.replace(hashlib.sha256(site.signer.key.read_bytes()).hexdigest(), "0" * 63)
    failed = project(wrong + site.mirrors()).run("build", check=5)
    assert "Hash Sum mismatch" in failed.stdout + failed.stderr


@pytest.fixture(scope="module")
def fetching(docker_api: Any) -> str:
    return fetch_image.ensure(docker_api)


def _offer(web: Web, folder: Path) -> None:
    """An index of pip's with a package, a repository of git's, and a file."""
    wheel, name = io.BytesIO(), "robenvtest_wheel-1.0-py3-none-any.whl"
    about = "robenvtest_wheel-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("robenvtest_wheel.py", "print('the wheel works')\n")
        made.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: robenvtest-wheel\nVersion: 1.0\n")
        made.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{about}/RECORD", "")
    web.files["simple/robenvtest-wheel/"] = f"<a href='{name}'>{name}</a>".encode()
    web.files[f"simple/robenvtest-wheel/{name}"] = wheel.getvalue()
    web.files["raw/index.yaml"] = b"from the mirror\n"
    folder.mkdir()
    (folder / "text").write_text("from git\n")
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["update-server-info"]):
        subprocess.run([*git, *command], check=True)
    for path in (folder / ".git").rglob("*"):
        if path.is_file():
            web.files[f"git/arm.git/{path.relative_to(folder / '.git')}"] = path.read_bytes()


_FETCHING = """
pip: [robenvtest-wheel]
steps:
  - name: fetch
    as: user
    run: |
      cd
      python3 -m robenvtest_wheel
      pip download -q --no-deps robenvtest-wheel && ls
      git clone -q https://github.com/arm.git && cat arm/text
      python3 -c 'import urllib.request as u; print(u.urlopen("https://raw.robenvtest.example/index.yaml").read())'
      curl -fsS https://raw.robenvtest.example/index.yaml
      wget -qO- https://raw.robenvtest.example/index.yaml
      echo "index $PIP_INDEX_URL, host $PIP_TRUSTED_HOST, git $GIT_CONFIG_PARAMETERS"
      rm -rf arm *.whl
"""


def _fetched_from(address: str) -> str:
    return f"""
mirrors:
  downloads: {{raw.robenvtest.example: {address}/raw, keys.robenvtest.example: {address}/keys}}
  pip: {address}/simple
  git: {{"https://github.com/": "{address}/git/"}}
  apt:
    apt.robenvtest.example: {address}/mirrored
"""


def test_steps_get_what_they_fetch_from_mirrors(
    project: Callable[..., Project], site: Site, tmp_path: Path, fetching: str
) -> None:
    """By Python, as rosdep and colcon do; by curl and wget; by pip; by git."""
    _offer(site.web, tmp_path / "repository")
    said = project(_FETCHING + _fetched_from(site.web.address), fetching).run("build").stderr
    assert "b'from the mirror\\n'" in said
    assert len(re.findall(r"^#\d+ \| from the mirror$", said, re.MULTILINE)) == 2, said
    assert "the wheel works" in said and "robenvtest_wheel-1.0-py3-none-any.whl" in said
    assert "from git" in said
    assert f"index {site.web.address}/simple, host {site.web.address[7:]}" in said
    assert f"git 'url.{site.web.address}/git/.insteadof=https://github.com/'" in said


def test_a_mirror_that_is_added_for_others_leaves_layers_of_packages_in_the_cache(
    project: Callable[..., Project], docker_api: Any
) -> None:
    made = project("apt: {packages: [tree]}\n")
    # By its name a step that no earlier run has put into the engine's cache.
    made.write(f"apt: {{packages: [tree]}}\nsteps: [{{name: look, run: 'tree --version # {made.name}'}}]\n")
    made.run("build")
    (image,) = docker_api.images(filters={"label": f"robenv.project={made.name}"})
    docker_api.remove_image(image["RepoTags"][0])
    with (made.folder / "robenv.yaml").open("a") as file:
        file.write("mirrors: {downloads: {raw.robenvtest.example: 'http://127.0.0.1:1/raw'}}\n")
    said = made.run("build").stderr
    assert re.search(r"^#\d+ \[.*\] apt packages .* CACHED$", said, re.MULTILINE), said
    assert re.search(r"^#\d+ \[.*\] look .* done ", said, re.MULTILINE), "a step may fetch whatever it likes"


@pytest.mark.parametrize("buildkit", [True, False], ids=["BuildKit", "classic"])
def test_mirrors_behind_an_authority_of_ones_own(
    buildkit: bool,
    project: Callable[..., Project],
    site: Site,
    docker_api: Any,
    tmp_path: Path,
    fetching: str,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = bridge(docker_api)
    authority = Authority(tmp_path)
    web = Web(host, authority.server(host))
    try:
        _offer(web, tmp_path / "repository")
        there = ("mirrored/", "keys/", "debian/")
        web.files |= {name: data for name, data in site.web.files.items() if name.startswith(there)}
        profile = site.profile.partition("\nsteps:")[0].replace("-tool]", "-more]") + _FETCHING
        if not buildkit:  # where steps of users have no place for a program that stands for another
            profile = profile.replace("as: user", "as: root")
        profile += _fetched_from(web.address)
        profile += f"    deb.debian.org: {{url: {web.address}/debian, key: {site.signer.key}}}\n"
        plain = "steps: [{name: look, run: 'curl -fsS https://raw.robenvtest.example/index.yaml'}]\n"
        one = project(plain + _fetched_from(web.address), fetching)
        if buildkit:
            refused = one.run("build", check=5)
            assert "ertificate" in refused.stdout + refused.stderr
        one.write(f"{profile}  ca: lab.pem\n")
        (one.folder / "lab.pem").write_text("not yet\n")
        refused = one.run("build", check=3)
        assert "robenv.yaml" in refused.stderr and "lab.pem holds no certificate in PEM" in refused.stderr
        (one.folder / "lab.pem").write_bytes(authority.certificate.read_bytes())
        web.asked.clear()
        planned, said = _build(one, engine, buildkit, monkeypatch)
        assert said.count("from the mirror") == 3 and "from git" in said and "the wheel works" in said, said
        assert "mirrored/tools/dists/stable/InRelease" in web.asked and "keys/tools.asc" in web.asked
        certificate = authority.certificate.read_text().splitlines()[3]
        needles = (web.address.removeprefix("https://"), certificate, "robenv-authorities")
        assert traces(docker_api, planned.image, *needles) == []
    finally:
        web.close()


def test_robenv_itself_trusts_the_authority_of_mirrors(
    project: Callable[..., Project], docker_api: Any, tmp_path: Path
) -> None:
    """Profiles from git and the workspace's repositories by git's own server; a base by mmdebstrap."""
    host = bridge(docker_api)
    authority = Authority(tmp_path)
    web, signer = Web(host, authority.server(host)), Signer()
    try:
        _offer(web, tmp_path / "repository")
        mirrors = f"mirrors:\n  git: {{'https://git.robenvtest.example/': {web.address}/git/}}\n"
        one = project(f"workspace: {{repos: arm.repos}}\n{mirrors}")
        one.environ["GIT_SSL_CAINFO"] = SYSTEM[0]  # a user's own, which would count before any setting
        (one.folder / "arm.repos").write_text(
            "repositories: {arm: {type: git, url: 'https://git.robenvtest.example/arm.git'}}\n"
        )
        assert "its certificate is not trusted" in one.run("build", check=1).stderr
        (one.folder / "robenv.local.yaml").write_text(f"mirrors: {{ca: {authority.certificate}}}\n")
        one.run("build")
        assert (one.folder / "src/arm/text").read_text() == "from git\n"

        publish(web, signer, "debian/debian", "bookworm")
        turn = MirrorRule("http://deb.debian.org/debian/", f"{web.address}/debian/debian/", str(signer.key))
        source = plan_recipe(
            Bootstrap("bookworm", "http://deb.debian.org/debian", ("main",), "extract", (), "linux/amd64"),
            Mirrors(apt=(turn,)),
        ).sources[:1]
        with pytest.raises(OperationFailed, match="does not answer"):
            probe_sources(source)
        assert probe_sources(source, trusting(Mirrors(ca=str(authority.certificate))))[1] > 0
    finally:
        web.close()
        signer.close()


def test_profiles_from_git_come_from_a_mirror_too(project: Callable[..., Project], tmp_path: Path) -> None:
    origin = tmp_path / "mirror" / "profiles.git"
    origin.mkdir(parents=True)
    (origin / "tool.yaml").write_text("environment: {FROM: git}\n")
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    one = project("extends: ['git+https://git.robenvtest.example/profiles.git#tool']\n")
    failed = one.run("plan", check=3)
    assert "cannot be reached" in failed.stderr
    (one.folder / "robenv.local.yaml").write_text(
        f"mirrors: {{git: {{'https://git.robenvtest.example/': 'file://{origin.parent}/'}}}}\n"
    )
    assert one.plan()


def test_a_base_is_the_same_to_the_byte_through_a_mirror(site: Site, tmp_path: Path) -> None:
    site.web.redirects["bootstrap/"] = "http://deb.debian.org/debian/"
    turn = MirrorRule("http://deb.debian.org/debian/", f"{site.web.address}/bootstrap/")
    wanted = Bootstrap("bookworm", "http://deb.debian.org/debian", ("main",), "extract", (), "linux/amd64")
    digests = []
    for mirrors in (Mirrors(), Mirrors(apt=(turn,))):
        recipe = plan_recipe(wanted, mirrors)
        sources, epoch = probe_sources(recipe.sources)
        tar = tmp_path / "root.tar"
        run(arguments(recipe, find_keyrings(recipe), sources), recipe, tar, epoch, lambda text: None)
        digests.append(hashlib.sha256(tar.read_bytes()).hexdigest())
    assert site.web.asked.count("bootstrap/dists/bookworm/InRelease") >= 2, "by robenv for its date, and by apt"
    assert digests[0] == digests[1]


def test_the_digest_of_the_lock_holds_at_a_mirror(
    project: Callable[..., Project], offered: str, docker_api: Any
) -> None:
    address = offered.partition("/")[0]
    mirrors = f"mirrors: {{registries: {{registry.robenvtest.example: '{address}'}}}}\n"
    one = project(mirrors, base="registry.robenvtest.example/base:1")
    one.run("lock")
    lock = (one.folder / "robenv.lock").read_text()
    digest = lock[lock.index("sha256:") :][:71]
    pinned = f"robenv/pinned:{digest[7:]}"
    try:
        one.run("build", "--locked")
        assert docker_api.images(pinned)
        assert docker_api.images(offered) == []
    finally:
        docker_api.remove_image(pinned, force=True)
    (one.folder / "robenv.lock").write_text(lock.replace(digest, "sha256:" + "0" * 64))
    failed = one.run("build", check=1)
    assert "stands for registry.robenvtest.example/base@sha256:0000" in failed.stderr
