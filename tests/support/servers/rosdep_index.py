"""rosdep's index on localhost: a database of a few keys, and an index with a distribution that is not Debian's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *about: object) -> None:
        """Says nothing."""


@contextmanager
def serve(folder: Path, host: str, keys: dict[str, str]) -> Iterator[str]:
    """The address of an index made in ``folder``; ``host``: by which containers reach this machine. ``keys``: what
    stands behind each, as YAML."""
    folder.mkdir()
    lines = [f"{key}:\n  debian: {value}\n" for key, value in keys.items()]
    (folder / "base.yaml").write_text("".join(lines))
    # As the real index: it has distributions, and none with the name that Debian's own ROS gives itself.
    (folder / "index-v4.yaml").write_text(
        "%YAML 1.1\n---\ndistributions:\n  noetic: {distribution: [noetic.yaml], distribution_status: end-of-life,"
        " distribution_type: ros1, python_version: 3}\ntype: index\nversion: 4\n"
    )
    (folder / "noetic.yaml").write_text(
        "%YAML 1.1\n---\nrelease_platforms: {ubuntu: [focal]}\nrepositories: {}\ntype: distribution\nversion: 2\n"
    )
    server = ThreadingHTTPServer(("", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def site_profile(folder: Path, address: str) -> None:
    """Writes ``site.yaml``, which leads rosdep to that index, beside what it copies."""
    (folder / "rosdep.list").write_text(f"yaml {address}/base.yaml\n")
    target = "/etc/ros/rosdep/sources.list.d/20-default.list"
    (folder / "site.yaml").write_text(
        f"files: [{{source: rosdep.list, target: {target}}}]\n"
        f"environment: {{ROSDISTRO_INDEX_URL: {address}/index-v4.yaml}}\n"
    )
