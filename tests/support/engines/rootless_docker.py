"""A rootless Docker Engine of a test's own: dockerd in rootlesskit's user namespace, as dockerd-rootless.sh has it."""

from __future__ import annotations

from tests.support.engines.podman_engine import PodmanEngine

# What dockerd-rootless.sh does inside: https://docs.docker.com/engine/security/rootless/
_INSIDE = """
set -e
rm -f /run/docker /run/containerd /run/xtables.lock
exec dockerd --rootless --userland-proxy-path="$(command -v rootlesskit-docker-proxy)" "$@"
"""


class RootlessDocker(PodmanEngine):
    """As rootless Podman: the same user, with the same subordinate IDs and a network of their own."""

    def __init__(self) -> None:
        super().__init__(rootless=True)

    @property
    def command(self) -> list[str]:
        folder = self.folder
        kit = ["rootlesskit", "--net=slirp4netns", "--mtu=65520", "--slirp4netns-sandbox=false"]
        kit += ["--slirp4netns-seccomp=false", "--disable-host-loopback", "--port-driver=builtin"]
        kit += ["--copy-up=/etc", "--copy-up=/run", "--propagation=rslave", f"--state-dir={folder}/run/rootlesskit"]
        docker = ["--host", self.url, "--iptables=false", "--storage-driver", "overlay2"]
        docker += ["--data-root", f"{folder}/data/docker", "--exec-root", f"{folder}/run/docker"]
        docker += ["--pidfile", f"{folder}/run/docker.pid"]
        return self.started_by([*kit, "sh", "-c", _INSIDE, "sh", *docker])
