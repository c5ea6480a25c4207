"""Mirrors, on a real engine: everything comes by another address, and nothing of that stays in the image."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from robenv.engine.archive import look_at
from robenv.engine.bootstrap import arguments, find_keyrings, plan_recipe, run
from robenv.engine.protocol import Engine
from robenv.environment.image import ensure_image
from robenv.environment.load import load, resolve
from robenv.plan.mirrors import Mirrors, Turn
from robenv.plan.values import Bootstrap
from tests.support.project import Project
from tests.support.registry import Registry
from tests.support.site.packages import Package
from tests.support.site.web import Signer, Web, bridge, publish

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


def _traces(api: Any, image: str, needle: str) -> list[str]:
    """Where an image says ``needle``: its configuration, its history, the files of its own layers."""
    found = [
        what
        for what, text in (("config", api.inspect_image(image)), ("history", api.history(image)))
        if needle in json.dumps(text)
    ]
    data = b"".join(api.get_image(image))
    with tarfile.open(fileobj=io.BytesIO(data)) as outer:
        for member in outer:
            content = outer.extractfile(member)
            if content is not None and needle.encode() in content.read():
                found.append(member.name)
    return found


@pytest.mark.parametrize("buildkit", [True, False], ids=["BuildKit", "classic"])
def test_everything_comes_from_mirrors_and_nothing_tells(
    buildkit: bool,
    project: Callable[..., Project],
    site: Site,
    registry: Callable[..., Registry],
    docker_api: Any,
    base_image: str,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = registry().address
    there, real = f"{address}/base", "registry.robenvtest.example/base:1"
    docker_api.tag(base_image, there, "1")
    docker_api.push(there, "1")
    docker_api.remove_image(f"{there}:1")
    one = project(site.profile + site.mirrors(address), base=real)
    loaded = load(resolve(one.folder, None, one.environ), "linux/amd64")
    one.write(site.profile)
    without = load(resolve(one.folder, None, one.environ), "linux/amd64")
    assert loaded.content_hash == without.content_hash, "a mirror is how one gets things, not what"

    info = engine.info()
    monkeypatch.setattr(type(engine), "info", lambda self: type(info)(**{**vars(info), "buildkit": buildkit}))
    said: list[str] = []
    site.web.asked.clear()
    try:
        ensure_image(engine, loaded, _Silent(said), no_cache=True)
        assert any(path.endswith("robenvtest-more_all.deb") for path in site.web.asked)
        assert "keys/tools.asc" in site.web.asked
        assert "URIs: http://apt.robenvtest.example/tools" in "".join(said)
        assert "it works" in "".join(said)
        here = site.web.address.removeprefix("http://")
        for needle in (here, address, "robenv-mirrors/addresses"):
            assert _traces(docker_api, loaded.image, needle) == []
        assert docker_api.images(there) == []
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
    other = project("mirrors: {registries: {nvcr.io: '127.0.0.1:9/nvidia'}}\n", base="nvcr.io/nvidia/l4t-base:r1")
    failed = other.run("build", check=1)
    assert "127.0.0.1:9/nvidia/nvidia/l4t-base:r1 stands for nvcr.io/nvidia/l4t-base:r1" in failed.stderr


def test_what_is_not_the_asked_for_is_refused(project: Callable[..., Project], site: Site) -> None:
    wrong = site.profile.replace("key_checksum: sha256:", "key_checksum: sha256:0", 1)
    wrong = wrong.replace(hashlib.sha256(site.signer.key.read_bytes()).hexdigest(), "0" * 63)
    failed = project(wrong + site.mirrors()).run("build", check=5)
    assert "Hash Sum mismatch" in failed.stdout + failed.stderr


def test_steps_get_what_they_fetch_from_mirrors(
    project: Callable[..., Project], site: Site, tmp_path: Path, base_image: str
) -> None:
    """By Python, as rosdep and colcon do; by pip's setting; by git."""
    site.web.files["raw/index.yaml"] = b"from the mirror\n"
    profile = f"""
apt: {{packages: [python3-minimal, libpython3-stdlib]}}
steps:
  - name: by Python
    as: user
    run: |
      python3 -c 'import urllib.request as u; print(u.urlopen("https://raw.robenvtest.example/index.yaml").read())'
      echo "index $PIP_INDEX_URL, host $PIP_TRUSTED_HOST, git $GIT_CONFIG_PARAMETERS"
mirrors:
  downloads: {{raw.robenvtest.example: {site.web.address}/raw}}
  pip: {site.web.address}/simple
  git: {{"https://github.com/": "{site.web.address}/git/"}}
"""
    said = project(profile).run("build").stderr
    assert "b'from the mirror\\n'" in said
    assert f"index {site.web.address}/simple, host {site.web.address[7:]}" in said
    assert f"git 'url.{site.web.address}/git/.insteadof=https://github.com/'" in said


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
    turn = Turn("http://deb.debian.org/debian/", f"{site.web.address}/bootstrap/")
    wanted = Bootstrap("bookworm", "http://deb.debian.org/debian", ("main",), "extract", (), "linux/amd64")
    digests = []
    for mirrors in (Mirrors(), Mirrors(apt=(turn,))):
        recipe = plan_recipe(wanted, mirrors)
        sources, epoch = look_at(recipe.sources)
        tar = tmp_path / "root.tar"
        run(arguments(recipe, find_keyrings(recipe), sources), recipe, tar, epoch, lambda text: None)
        digests.append(hashlib.sha256(tar.read_bytes()).hexdigest())
    assert site.web.asked.count("bootstrap/dists/bookworm/InRelease") >= 2, "by robenv for its date, and by apt"
    assert digests[0] == digests[1]


def test_the_digest_of_the_lock_holds_at_a_mirror(
    project: Callable[..., Project], registry: Callable[..., Registry], docker_api: Any, base_image: str
) -> None:
    address = registry().address
    there = f"{address}/base"
    docker_api.tag(base_image, there, "1")
    docker_api.push(there, "1")
    docker_api.remove_image(f"{there}:1")
    mirrors = f"mirrors: {{registries: {{registry.robenvtest.example: '{address}'}}}}\n"
    one = project(mirrors, base="registry.robenvtest.example/base:1")
    one.run("lock")
    lock = (one.folder / "robenv.lock").read_text()
    digest = lock[lock.index("sha256:") :][:71]
    pinned = f"robenv/pinned:{digest[7:]}"
    try:
        one.run("build", "--locked")
        assert docker_api.images(pinned)
        assert docker_api.images(there) == []
    finally:
        docker_api.remove_image(pinned, force=True)
    (one.folder / "robenv.lock").write_text(lock.replace(digest, "sha256:" + "0" * 64))
    failed = one.run("build", check=1)
    assert "stands for registry.robenvtest.example/base@sha256:0000" in failed.stderr
