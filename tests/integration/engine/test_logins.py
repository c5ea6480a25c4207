"""Package archives and pip's indexes that want a login: it is there while packages are installed, and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import fetch_image
from tests.support.projects.project import Project
from tests.support.projects.traces import traces
from tests.support.servers.site.authority import Authority
from tests.support.servers.site.packages import Package, module
from tests.support.servers.site.web import Signer, Web, bridge, publish

pytestmark = pytest.mark.engine

PASSWORD = "hunter2-never-to-be-seen"
_PROFILE = """
secrets: {{netrc: {{file: ./netrc}}}}
apt:
  login: netrc
  repositories:
    arm: {{url: {address}/arm, suite: stable, components: [main], key: {address}/key.asc, key_checksum: "sha256:{key}"}}
  packages: [robenvtest-driver]
pip:
  - {{requirements: requirements.txt, constraints: limits.txt, index_url: {address}/simple, login: netrc}}
  - {{packages: robenvtest-gripper, extra_index_urls: "{address}/simple", index_url: {address}/none, login: netrc}}
steps:
  - {{name: look, run: "robenvtest-driver; python3 -m robenvtest_arm; python3 -m robenvtest_gripper"}}
  - name: nothing is left
    run: |
      test ! -s /run/secrets/netrc -a -z "$NETRC" -a -z "$(cat /etc/apt/auth.conf.d/* 2>/dev/null)"
      test -z "$(find /run/robenv -type f -size +0)"
"""


class Vendor:
    """A package archive and an index, behind a login, by HTTPS with an authority of its own."""

    def __init__(self, host: str, folder: Path) -> None:
        self.host = host
        self.authority = Authority(folder)
        self.web, self.signer = Web(host, self.authority.server(host)), Signer()
        self.web.login = f"jane:{PASSWORD}"
        driver = Package("robenvtest-driver", files={"usr/bin/robenvtest-driver": "#!/bin/sh\necho the driver works\n"})
        publish(self.web, self.signer, "arm", "stable", (driver,))
        self.web.files["key.asc"] = self.signer.key.read_bytes()
        for name, version in (("robenvtest_arm", "1.0"), ("robenvtest_arm", "2.0"), ("robenvtest_gripper", "1.0")):
            file = f"{name}-{version}-py3-none-any.whl"
            self.web.files[f"simple/{file}"] = module(name, version, f"print('{name} {version} works')\n")
            page = self.web.files.get(f"simple/{name.replace('_', '-')}/", b"")
            self.web.files[f"simple/{name.replace('_', '-')}/"] = page + f"<a href='../{file}'>{file}</a>\n".encode()

    def write(self, project: Project) -> None:
        key = hashlib.sha256(self.signer.key.read_bytes()).hexdigest()
        project.write(_PROFILE.format(address=self.web.address, key=key) + "mirrors: {ca: lab.pem}\n")
        for name, text in (
            ("lab.pem", self.authority.certificate.read_text()),
            ("netrc", f"machine {self.host} login jane password {PASSWORD}\n"),
            ("requirements.txt", "# of the arm\nrobenvtest-arm\n"),
            ("limits.txt", "robenvtest-arm<2\n"),
        ):
            (project.folder / name).write_text(text)

    def close(self) -> None:
        self.web.close()
        self.signer.close()


@pytest.fixture(scope="module")
def vendor(docker_api: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    made = Vendor(bridge(docker_api), tmp_path_factory.mktemp("vendor"))
    yield made
    made.close()


@pytest.fixture
def mine(project: Callable[..., Project], docker_api: Any, vendor: Vendor) -> Project:
    made = project("", fetch_image.ensure(docker_api))
    vendor.write(made)
    return made


def test_packages_come_by_a_login_that_no_image_keeps(mine: Project, docker_api: Any) -> None:
    done = mine.run("build", "--no-cache", "--timeline", "built.json")
    said = [line.partition("| ")[2] for line in done.stderr.splitlines()]
    for words in ("the driver works", "robenvtest_arm 1.0 works", "robenvtest_gripper 1.0 works"):
        assert words in said, done.stderr
    assert traces(docker_api, done.stdout.strip(), PASSWORD) == []
    kept = [Path(mine.environ[name]) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME")]
    files = [path for folder in (*kept, mine.folder) for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if PASSWORD.encode() in path.read_bytes()] == ["netrc"]


def test_another_login_is_the_same_image_and_other_requirements_another(mine: Project) -> None:
    image = mine.run("build").stdout
    (mine.folder / "netrc").write_text("machine elsewhere login joe password x\n")
    assert mine.run("build").stdout == image
    (mine.folder / "limits.txt").write_text("robenvtest-arm<3\n")
    assert mine.plan()["content_hash"][:12] not in image


def test_a_wrong_login_is_told_with_the_place(mine: Project, vendor: Vendor) -> None:
    (mine.folder / "netrc").write_text(f"machine {vendor.host} login jane password wrong\n")
    failed = mine.run("build", "--no-cache", check=5).stderr
    assert "401" in failed and "robenv.yaml:" in failed
    assert PASSWORD not in failed
    (mine.folder / "netrc").unlink()
    failed = mine.run("build", "--no-cache", check=6).stderr
    assert "the secret netrc:" in failed and "No such file" in failed


def test_a_saved_project_has_the_files_and_not_the_login(mine: Project, tmp_path: Path) -> None:
    mine.run("save", str(tmp_path / "it.robenv"))
    mine.run("load", str(tmp_path / "it.robenv"), "--to", str(tmp_path / "there"))
    names = {path.name for path in (tmp_path / "there").iterdir()}
    assert {"requirements.txt", "limits.txt"} <= names
    assert "netrc" not in names
