"""Where a stand-in for ROS's archive, rosdep's index and colcon's mixins are had over HTTP, at the engine's bridge."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from types import TracebackType
from typing import Any

RAW = "https://raw.githubusercontent.com"
RELEASED = "ros-infrastructure/ros-apt-source/releases/download/1.2.0/ros2-apt-source_1.2.0.noble_all.deb"
INDEX = """%YAML 1.1
---
distributions:
  jazzy:
    distribution: [jazzy/distribution.yaml]
    distribution_status: active
    distribution_type: ros2
    python_version: 3
type: index
version: 4
"""
DISTRIBUTION = """%YAML 1.1
---
release_platforms: {debian: [bookworm]}
repositories: {}
type: distribution
version: 2
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class RosSite:
    """``with RosSite(api, folder) as site``: it lasts as long as the block."""

    def __init__(self, api: Any, folder: Path) -> None:
        (bridge,) = api.networks(names=["^bridge$"])
        self.folder = folder
        # The engine has the first address; it does not say so before there was a container.
        gateway = str(ip_network(bridge["IPAM"]["Config"][0]["Subnet"], strict=False)[1])
        self.server = ThreadingHTTPServer((gateway, 0), partial(_Quiet, directory=folder))
        self.address = "http://{}:{}".format(*self.server.server_address[:2])

    def __enter__(self) -> RosSite:
        self._write_index()
        self._write_archive()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def package(self, name: str, files: dict[str, str], links: dict[str, str] | None = None) -> tuple[str, str]:
        """Makes a package; (its address, its checksum)."""
        root = self.folder / "roots" / name
        control = (
            f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: x\n"
        )
        for path, text in {"DEBIAN/control": control, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        for path, target in (links or {}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target)
        deb = self.folder / "apt" / f"{name}.deb"
        deb.parent.mkdir(exist_ok=True)
        command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(root), str(deb)]
        subprocess.run(command, check=True, capture_output=True)
        checksum = hashlib.sha256(deb.read_bytes()).hexdigest()
        with (deb.parent / "Packages").open("a") as packages:
            packages.write(f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {checksum}\n\n")
        self._write_release()
        return f"{self.address}/apt/{deb.name}", f"sha256:{checksum}"

    def _write_release(self) -> None:
        packages = (self.folder / "apt" / "Packages").read_bytes()
        line = f" {hashlib.sha256(packages).hexdigest()} {len(packages)} Packages\n"
        (self.folder / "apt" / "Release").write_text(f"Suite: stable\nSHA256:\n{line}")

    def _write_archive(self) -> None:
        for name in ("ros-jazzy-desktop", "ros-jazzy-rmw-cyclonedds-cpp"):
            self.package(name, {f"opt/ros/jazzy/share/{name}": "there\n"})
        self.package("hello-robot", {"usr/share/hello-robot": "there\n"})
        source = f"Types: deb\nURIs: {self.address}/apt\nSuites: ./\nTrusted: yes\n"
        link = {"etc/apt/sources.list.d/ros2.sources": "/usr/share/ros-apt-source/ros2.sources"}
        self.source = self.package("ros2-apt-source", {"usr/share/ros-apt-source/ros2.sources": source}, link)
        released = self.folder / "github" / RELEASED
        released.parent.mkdir(parents=True)
        released.write_bytes((self.folder / "apt" / "ros2-apt-source.deb").read_bytes())

    def _write_index(self) -> None:
        files = {
            "20-default.list": f"yaml {self.address}/base.yaml\n",
            "base.yaml": "eigen:\n  debian: [libeigen3-dev]\n",
            "index-v4.yaml": INDEX,
            "jazzy/distribution.yaml": DISTRIBUTION,
            "mixins.yaml": "mixin: [release.mixin]\n",
            "release.mixin": "build:\n  release:\n    cmake-args: ['-DCMAKE_BUILD_TYPE=Release']\n",
        }
        real = "raw/ros/rosdistro/master"
        files |= {
            f"{real}/rosdep/sources.list.d/20-default.list": f"yaml {RAW}/ros/rosdistro/master/rosdep/base.yaml\n",
            f"{real}/rosdep/base.yaml": "eigen:\n  debian: [libeigen3-by-its-real-address]\n",
            f"{real}/index-v4.yaml": INDEX,
            f"{real}/jazzy/distribution.yaml": DISTRIBUTION,
            "raw/colcon/colcon-mixin-repository/master/index.yaml": files["mixins.yaml"],
            "raw/colcon/colcon-mixin-repository/master/release.mixin": files["release.mixin"],
        }
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
