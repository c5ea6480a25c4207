"""What Podman needs of its machine and would miss only once everything is built."""

from __future__ import annotations

from robenv.host.host import Host

INIT = "catatonit"
TUN = "/dev/net/tun"
TIMERS = "systemd"
NAMES = "aardvark-dns"
_NAMES_PLACES = (
    *(f"{folder}/{NAMES}" for folder in (
        "/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/bin",
    )),
    *(f"{folder}/dnsname" for folder in ("/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin", "/usr/local/lib/cni")),
)  # fmt: skip
"""What answers for the names of containers on a network: netavark's program, and the plugin of the older CNI
(containers.conf(5), helper_binaries_dir and cni_plugin_dirs)."""
_INIT_PLACES = (
    "/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit", "/usr/local/libexec/podman/catatonit",
    "/usr/local/lib/podman/catatonit", "/usr/bin/catatonit",
)  # fmt: skip
"""Where it looks for the init of containers: containers.conf(5), helper_binaries_dir."""
_SETTINGS = (
    "/usr/share/containers/containers.conf",
    "/etc/containers/containers.conf",
    "/etc/containers/containers.conf.d/*",
)
_ANYBODY = 0o006


def read_lacks(host: Host, rootless: bool) -> tuple[str, ...]:
    """Of INIT, TUN, TIMERS and NAMES those that are not there, or not for this user."""
    unmet = []
    if not any(host.kind(path) == "file" for path in _INIT_PLACES) and not _names_init(host):
        unmet.append(INIT)
    if rootless and not _has_tun(host):
        unmet.append(TUN)
    if host.kind("/run/systemd/system") != "folder":
        unmet.append(TIMERS)
    if not any(host.kind(path) == "file" for path in _NAMES_PLACES):
        unmet.append(NAMES)
    return tuple(unmet)


def _has_tun(host: Host) -> bool:
    """Whether it is there, and not the administrator's alone."""
    node = host.node(TUN)
    return node is not None and (node.mode & _ANYBODY == _ANYBODY or node.gid != 0)


def _names_init(host: Host) -> bool:
    """Whether an administrator's or the user's settings name another one, which then is theirs to keep there."""
    own = f"{host.variable('HOME')}/.config/containers/containers.conf"
    files = [text for pattern in (*_SETTINGS, own) for text in host.texts(pattern).values()]
    return any(line.strip().startswith("init_path") for text in files for line in text.splitlines())
