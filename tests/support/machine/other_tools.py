"""The tools that `robenv export` writes for: Docker's command line with Compose, of a newer Debian; dev containers' own
command, of npm."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.engines.newer_packages import unpacked
from tests.support.projects import caches

_PACKAGES = ("base-files", "docker-cli", "docker-compose", "docker-buildx")
_CLI = "https://registry.npmjs.org/@devcontainers/cli/-/cli-0.72.0.tgz"
"""The last one for Node 18, which Debian 12 has."""
_CLI_SHA512 = "vDv33/I5POw1wDJmcMbOCTWd3xTk4bbVruJ9Qgr5eiLSl1OsfufN5WfeTZqgK1HeqrNqtH/xPyCKB2LXDNIv3w=="


class OtherTools:
    """``folder``: of the test's own, for what these tools write for themselves."""

    def __init__(self, folder: Path) -> None:
        usr = unpacked("docker", _PACKAGES) / "usr"
        plugins = folder / "docker" / "cli-plugins"
        plugins.mkdir(parents=True)
        for plugin in (usr / "libexec/docker/cli-plugins").iterdir():
            (plugins / plugin.name).symlink_to(plugin)
        self.environ = {
            **os.environ,
            "PATH": f"{usr}/bin:{os.environ['PATH']}",
            "DOCKER_CONFIG": str(folder / "docker"),
            "HOME": str(folder),
        }

    def docker(self, *arguments: str, **options: Any) -> str:
        return self._run("docker", *arguments, **options)

    def devcontainer(self, *arguments: str, **options: Any) -> str:
        return self._run("node", str(_devcontainer_cli() / "package/devcontainer.js"), *arguments, **options)

    def _run(self, *command: str, **options: Any) -> str:
        settings: dict[str, Any] = {"env": self.environ, "timeout": 300, **options}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **settings
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)


def _devcontainer_cli() -> Path:
    folder = caches.FOLDER / Path(_CLI).name.removesuffix(".tgz")
    if not folder.exists():
        with urllib.request.urlopen(_CLI, timeout=60) as answer:
            data = answer.read()
        assert base64.b64encode(hashlib.sha512(data).digest()).decode() == _CLI_SHA512
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.new")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(unfinished, filter="data")
        try:
            unfinished.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(unfinished)
    return folder
