"""What a plan takes of the host, line by line: nothing of it missing, nothing told of an ordinary container."""

from __future__ import annotations

from typing import Any

import pytest

from robenv.plan.powers import HostPlaces, file_powers, powers
from robenv.plan.privileges import with_least_privilege
from robenv.plan.values import Attachment, Device, DeviceRequest, Mount, Network, Port, Ulimit
from tests.support.run_plans import ROOT, SUDOER, run_plan

HOME = HostPlaces("/home/jane", ("/home/jane/.cache/robenv/git/1",))


def bind(source: str, target: str = "/inside", read_only: bool = False) -> dict[str, Any]:
    return {"mounts": (Mount("bind", source, target, read_only),)}


def lines(**settings: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in powers(with_least_privilege(run_plan(**settings)), HOME)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"user": ROOT},
        {"user": SUDOER, "security_opt": ("no-new-privileges",)},
        bind("/srv/picker", "/workspace"),
        bind("/srv/picker/data"),
        bind("/home/jane/.cache/robenv/git/1/config"),
        {"mounts": (Mount("volume", "cache", "/cache"), Mount("tmpfs", "", "/scratch"))},
        {"mounts": (Mount("volume", "", "/x", False, (("type", "tmpfs"), ("device", "tmpfs"))),)},
        {"mounts": (Mount("bind", "/run/user/1000/robenv/robenv-picker", "/run/robenv"),), "session": ("git",)},
        {"cap_add": ("NET_RAW", "CHOWN")},
        {"cap_drop": ("ALL",), "security_opt": ("no-new-privileges:true", "seccomp=builtin")},
        {"network_mode": "bridge", "ipc": "private", "cgroup": "private"},
        {"networks": (Attachment(Network("robenv-picker_lan", "lan")),)},
        {"runtime": "runc", "restart": "on-failure:3"},
        {"ports": (Port("80/tcp", "", "8080"),), "mem_limit": 1 << 30, "ulimits": (Ulimit("nofile", 9, 9),)},
    ],
)
def test_an_ordinary_container_has_none(settings: dict[str, Any]) -> None:
    assert lines(**settings) == []


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"privileged": True}, "privileged", "as good as root"),
        ({"user": SUDOER}, "root", "root inside, by sudo"),
        ({"security_opt": ("no-new-privileges:false",)}, "root", "root inside, by setuid programs"),
        (bind("/srv/data"), "folder", "reads and writes /srv/data"),
        (bind("/srv/data", read_only=True), "folder", "reads /srv/data"),
        (bind("/srv/picker2"), "folder", "reads and writes /srv/picker2"),
        (bind("/srv"), "folder", "reads and writes /srv"),
        (bind("/etc/", read_only=True), "folder", "reads /etc, the host's settings and accounts"),
        (bind("/home/jane"), "folder", "reads and writes /home/jane, your home folder"),
        (bind("/home"), "folder", "everybody's home folders"),
        (bind("/dev"), "folder", "the host's device files"),
        (bind("/srv/x", "/run/robenv"), "folder", "reads and writes /srv/x"),
        (
            {"mounts": (Mount("volume", "v", "/x", False, (("device", "/etc"), ("o", "bind"))),)},
            "folder",
            "reads and writes /etc, ",
        ),
        (
            {"mounts": (Mount("volume", "v", "/x", False, (("type", "nfs"), ("device", ":/x"))),)},
            "folder",
            "the file system :/x (nfs)",
        ),
        ({"network_mode": "host"}, "network", "the host's network"),
        ({"networks": (Attachment(Network("host", "h", external=True)),)}, "network", "the host's network"),
        ({"networks": (Attachment(Network("lab", "l", external=True)),)}, "network", "the network lab, which is not"),
        ({"networks": (Attachment(Network("x", "lan", driver="macvlan")),)}, "network", "(macvlan lan)"),
        ({"network_mode": "container:db"}, "network", "the network of the container db"),
        ({"pid": "host"}, "namespace", "the host's processes"),
        ({"pid": "container:db"}, "namespace", "the processes of the container db"),
        ({"ipc": "host"}, "namespace", "shared memory"),
        ({"uts": "host"}, "namespace", "the host's name"),
        ({"userns_mode": "host"}, "namespace", "root inside is root outside"),
        ({"cgroup": "host"}, "namespace", "control groups"),
        ({"cap_add": ("NET_ADMIN",)}, "capability", "the capability NET_ADMIN"),
        ({"cap_add": ("SYS_ADMIN",)}, "capability", "the capability SYS_ADMIN: dangerous, as good as root"),
        ({"cap_add": ("ALL",)}, "capability", "dangerous"),
        ({"security_opt": ("seccomp=unconfined",)}, "security", "every system call"),
        ({"security_opt": ("seccomp:unconfined",)}, "security", "every system call"),
        ({"security_opt": ('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',)}, "security", "its own seccomp profile"),
        ({"security_opt": ("apparmor=unconfined",)}, "security", "no AppArmor profile"),
        ({"security_opt": ("label:disable",)}, "security", "no SELinux label"),
        ({"security_opt": ("apparmor=mine",)}, "security", "apparmor=mine"),
        ({"devices": (Device("/dev/ttyUSB0", "/dev/arm"),)}, "device", "the device /dev/ttyUSB0"),
        ({"devices": (Device("/dev/sda", "/dev/sda"),)}, "device", "a disk of the host"),
        ({"devices": (Device("/dev/mem", "/dev/mem"),)}, "device", "the host's memory"),
        ({"device_cgroup_rules": ("c 188:* rmw",)}, "device", "of ttyUSB (c 188:*), also one that is plugged in"),
        ({"device_cgroup_rules": ("a *:* rwm",)}, "device", "every device there is (a *:*)"),
        ({"device_cgroup_rules": ("b 8:0 r",)}, "device", "numbered b 8:0"),
        ({"device_requests": (DeviceRequest("", -1, (), (("gpu",),)),)}, "gpu", "the GPU"),
        ({"device_requests": (DeviceRequest("cdi", 0, ("nvidia.com/gpu=all",)),)}, "gpu", "nvidia.com/gpu=all (CDI)"),
        ({"devices": (Device("/dev/dri", "/dev/dri"), Device("/dev/kfd", "/dev/kfd"))}, "gpu", "the GPU"),
        ({"runtime": "nvidia"}, "gpu", "the GPU"),
        ({"runtime": "kata"}, "gpu", "the engine's runtime kata"),
        ({"session": ("x11",)}, "session", "sees every window and every key"),
        (bind("/tmp/.X11-unix"), "session", "sees every window and every key"),
        ({"session": ("wayland",)}, "session", "Wayland"),
        ({"session": ("pulseaudio",)}, "session", "microphone"),
        ({"session": ("ssh_agent",)}, "session", "signs in anywhere as you"),
        ({"session": ("something",)}, "session", "the login session's something"),
        ({"ulimits": (Ulimit("rtprio", 99, 99),)}, "realtime", "realtime priorities"),
        ({"oom_kill_disable": True}, "realtime", "memory without end"),
        ({"sysctls": (("net.ipv4.ip_forward", "1"),)}, "setting", "net.ipv4.ip_forward=1"),
        ({"cgroup_parent": "/robots"}, "setting", "/robots"),
        ({"restart": "always"}, "setting", "also when the host starts"),
    ],
)  # fmt: skip
def test_each_power_is_one_line(settings: dict[str, Any], kind: str, words: str) -> None:
    ((found, text),) = lines(**settings)
    assert found == kind
    assert words in text
    assert text.isprintable()


@pytest.mark.parametrize(
    "source",
    ["/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock", "/srv/other/docker.sock"],
)
def test_an_engines_socket_by_its_path_is_told_once(source: str) -> None:
    for read_only in (False, True):
        ((kind, text),) = lines(**bind(source, read_only=read_only))
        assert kind == "engine"
        assert "whoever has it is root" in text


@pytest.mark.parametrize(
    "source", ["/", "/run", "/var/run", "/run/containerd", "/run/user", "/run/user/1000", "//run/."]
)
def test_an_engines_socket_is_found_in_a_folder_that_holds_it(source: str) -> None:
    assert [kind for kind, _ in lines(**bind(source))] == ["engine", "folder"]


def test_the_order_is_of_the_kinds_and_not_of_the_profile() -> None:
    one = {"restart": "always", "network_mode": "host", "cap_add": ("SYS_TIME", "BPF"), "privileged": True}
    other = dict(reversed({**one, "cap_add": ("BPF", "SYS_TIME")}.items()))
    assert lines(**one) == lines(**other)
    assert [kind for kind, _ in lines(**one)] == ["privileged", "network", "capability", "capability", "setting"]


def test_a_path_cannot_forge_a_line() -> None:
    """It may come from somebody else's profile, and goes to a terminal."""
    ((_, text),) = lines(**bind("/srv/x\n  nothing else\x1b[2K\u202e"))
    assert text.isprintable()
    assert "\n" not in text


def test_a_seccomp_profile_is_told_by_what_it_says() -> None:
    assert lines(security_opt=("seccomp={}",)) == lines(security_opt=("seccomp={}",))
    assert lines(security_opt=("seccomp={}",)) != lines(security_opt=('seccomp={"a":1}',))


def test_files_taken_in_from_outside() -> None:
    found = file_powers(["/srv/picker/a", "/root/.ssh/id", "/lib/x", "/root/.ssh/id"], ["/srv/picker", "/lib"])
    assert [str(one) for one in found] == ["takes in a copy of /root/.ssh/id"]
