"""What a plan takes of the host, line by line: nothing of it missing, nothing told of an ordinary container."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from robenv.plan.host.capabilities import with_least_privilege
from robenv.plan.models import Attachment, Device, DeviceRequest, DiskLimit, Mount, Network, Pool, Port, RunPlan, Ulimit
from robenv.plan.trust import HostPlaces, allow_list, file_access, host_access
from robenv.plan.trust.weakened import INSIDE, JUDGED, POWERS
from tests.support.projects.run_plans import DEV, ROOT, SUDOER, run_plan

HOME = HostPlaces("/home/jane", ("/home/jane/.cache/robenv/git/1",), 1000, 1000, ((105, "docker"),))
LAN = "robenv-picker_lan"


def lan(**settings: Any) -> dict[str, Any]:
    return {"networks": (Attachment(Network(**{"name": LAN, "key": "lan", "driver": "bridge", **settings})),)}


def bind(source: str, target: str = "/inside", read_only: bool = False) -> dict[str, Any]:
    return {"mounts": (Mount("bind", source, target, read_only),)}


def lines(**settings: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in host_access(with_least_privilege(run_plan(**settings)), HOME)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"user": SUDOER, "security_opt": ("no-new-privileges",)},
        bind("/srv/picker", "/workspace"),
        bind("/srv/picker/data"),
        bind("/home/jane/.cache/robenv/git/1/config"),
        {"mounts": (Mount("volume", "robenv-picker_cache", "/cache"), Mount("tmpfs", "", "/scratch"))},
        {"mounts": (Mount("volume", "", "/x", False, (("type", "tmpfs"), ("device", "tmpfs"))),)},
        {"cap_add": ("NET_RAW", "CHOWN")},
        {"cap_drop": ("ALL",), "security_opt": ("no-new-privileges:true", "seccomp=builtin")},
        {"network_mode": "bridge", "ipc": "private", "cgroup": "private"},
        lan(),
        lan(internal=True, options=(("com.docker.network.driver.mtu", "1400"),), attachable=True, enable_ipv6=True),
        {"network_mode": "none"},
        {"logging_driver": "local", "logging_options": (("max-size", "10m"),)},
        {"storage_opt": (("size", "10G"),), "oom_score_adj": 500, "cpu_shares": 512, "stop_grace_period": 30.0},
        {"labels": (("org.opencontainers.image.title", "arm"), ("robenv.project", "picker"))},
        {"mounts": (Mount("tmpfs", "", "/x", False, (("options", "size=64m,mode=1777,noexec"),)),)},
        {"environment": (("NVIDIA_VISIBLE_DEVICES", "none"), ("ROS_DOMAIN_ID", "7"))},
        {"dns": ("1.1.1.1",), "extra_hosts": ("robot:10.0.0.1",), "hostname": "arm", "expose": ("80/tcp",)},
        {"group_add": ("1000",)},
        {"runtime": "runc", "restart": "on-failure:3"},
        {
            "ports": (Port("80/tcp", "127.0.0.1", "8080"), Port("80/tcp", "::1", "")),
            "mem_limit": 1 << 30,
            "ulimits": (Ulimit("nofile", 9, 9),),
        },
    ],
)
def test_an_ordinary_container_has_none(settings: dict[str, Any]) -> None:
    assert lines(**settings) == []


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"privileged": True}, "privileged", "as good as root"),
        ({"user": SUDOER}, "root", "root inside, by sudo"),
        ({"user": replace(DEV, uid=1001)}, "user", "works as the host's UID 1001, which is not yours"),
        ({"user": replace(DEV, gid=105)}, "user", "the host's group 105 (docker)"),
        ({"groups": (20,)}, "user", "the host's group 20:"),
        ({"group_add": ("105",)}, "user", "the host's group 105 (docker)"),
        ({"group_add": ("0",)}, "user", "the host's group 0"),
        ({"group_add": ("video",)}, "user", "the group video, by the number that the image gives it"),
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
            {"mounts": (Mount("volume", "robenv-picker_v", "/x", False, (("device", "/etc"), ("o", "bind"))),)},
            "folder",
            "reads and writes /etc, ",
        ),
        (
            {"mounts": (Mount("volume", "robenv-picker_v", "/x", False, (("type", "nfs"), ("device", ":/x"))),)},
            "folder",
            "the file system :/x (nfs)",
        ),
        ({"mounts": (Mount("volume", "robenv-other_cache", "/x"),)}, "folder", "robenv-other_cache, which is not this"),
        (
            {"mounts": (Mount("bind", "/srv/picker", "/w", False, (("propagation", "rshared"),)),)},
            "folder",
            "mounts below /srv/picker pass between host and container (rshared)",
        ),
        (
            {"mounts": (Mount("bind", "/srv/picker", "/w", False, (("selinux", "Z"),)),)},
            "folder",
            "another SELinux label (Z)",
        ),
        ({"mounts": (Mount("tmpfs", "", "/x", False, (("options", "size=1m,odd"),)),)}, "folder", "mount option odd"),
        ({"mounts": (Mount("bind", "/srv/picker", "/w", False, (("new", "1"),)),)}, "folder", "with new=1"),
        ({"network_mode": "somebodys-net"}, "network", "the network somebodys-net, which is not this project's"),
        (lan(name="robenv-other_lan"), "network", "the network robenv-other_lan, which is not this project's"),
        (
            {"mounts": tuple(Mount("bind", f"/srv/picker{at}", "/w") for at in ("", "/a")), "restart": "on-failure"},
            "folder",
            "any folder of the host in the place of /srv/picker/a",
        ),
        (lan(driver="overlay"), "network", "a network of the engine's driver overlay"),
        (lan(options=(("com.docker.network.bridge.name", "docker0"),)), "network", "bridge.name=docker0"),
        (lan(ipam_driver="dhcp"), "network", "addresses by the engine's driver dhcp"),
        (lan(ipam_options=(("a", "b"),)), "network", "the address option a=b"),
        (lan(pools=(Pool("140.82.121.0/24", "140.82.121.1"),)), "network", "sends to 140.82.121.0/24 140.82.121.1"),
        (lan(labels=(("traefik.enable", "true"),)), "network", "the label traefik.enable=true of the network lan"),
        ({"ports": (Port("53/udp", "0.0.0.0", "53"),)}, "network", "the port 53 on the address 0.0.0.0 of the host"),
        ({"ports": (Port("80/tcp", "", ""),)}, "network", "any free one on every address of the host"),
        ({"ports": (Port("80/tcp", "::", "8080"),)}, "network", "the port 8080 on the address ::"),
        ({"ports": (Port("22/tcp", "127.0.0.1", "22"),)}, "network", "the port 22 of the host, where programs look"),
        ({"logging_driver": "syslog"}, "logging", "as root and in the host's network (syslog)"),
        (
            {"logging_driver": "gelf", "logging_options": (("gelf-address", "tcp://127.0.0.1:9999"),)},
            "logging",
            "(gelf: gelf-address=tcp://127.0.0.1:9999)",
        ),
        ({"logging_options": (("fluentd-address", "unix:///x"),)}, "logging", "fluentd-address=unix:///x"),
        ({"labels": (("ofelia.job", "x"),)}, "setting", "the label ofelia.job=x"),
        ({"oom_score_adj": -1000}, "setting", "run.oom_score_adj: -1000"),
        ({"cpu_shares": 262144}, "setting", "run.cpu_shares: 262144"),
        ({"blkio_weight": 1000}, "setting", "run.blkio_weight: 1000"),
        ({"blkio_limits": (DiskLimit("/dev/sda", "weight", 900),)}, "setting", "before others at the disk /dev/sda"),
        ({"storage_opt": (("dm.x", "1"),)}, "setting", "the storage option dm.x=1"),
        ({"stop_grace_period": 86400.0}, "setting", "run.stop_grace_period"),
        ({"cgroup": "odd"}, "namespace", "run.cgroup: odd"),
        ({"ipc": "container:db"}, "namespace", "the shared memory of the container db"),
        ({"restart": "whenever"}, "setting", "restart: whenever"),
        ({"ulimits": (Ulimit("memlock", -1, -1),)}, "realtime", "cannot swap out"),
        ({"ulimits": (Ulimit("nice", 40, 40),)}, "realtime", "higher priorities"),
        ({"cpu_rt_period": 5}, "realtime", "realtime priorities"),
        ({"environment": (("NVIDIA_VISIBLE_DEVICES", "all"),)}, "gpu", "(NVIDIA_VISIBLE_DEVICES=all)"),
        (
            {"mounts": (Mount("bind", "/run/user/1000/robenv/robenv-picker", "/run/robenv"),), "session": ("git",)},
            "session",
            "your name and e-mail address",
        ),
        ({"devices": (Device("/dev/./vda", "/x"),)}, "device", "a disk of the host"),
        ({"devices": (Device("/dev//mem", "/x"),)}, "device", "the host's memory"),
        ({"devices": (Device("/dev/dri/../sda", "/x"),)}, "device", "the device /dev/sda: a disk of the host"),
        ({"network_mode": "host"}, "network", "the host's network"),
        ({"networks": (Attachment(Network("host", "h", external=True)),)}, "network", "the host's network"),
        ({"networks": (Attachment(Network("lab", "l", external=True)),)}, "network", "the network lab, which is not"),
        (
            lan(driver="macvlan"),
            "network",
            "(macvlan lan)",
        ),
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


def test_names_and_addresses_among_others_are_told() -> None:
    """Whoever is on that network may look for somebody else by them."""
    lab = Network("lab", "lab", external=True)
    hosts = Network(LAN, "lan", driver="macvlan", options=(("parent", "eth0"),))
    own = Network(LAN, "lan", driver="bridge")
    for network, told in (
        (lab, ["the name db on the network lab", "the address 10.0.0.1 on the network lab"]),
        (hosts, [f"the address 10.0.0.1 on the network {LAN}"]),
        (own, []),
    ):
        without = lines(networks=(Attachment(network),))
        found = lines(networks=(Attachment(network, ("db",), "10.0.0.1"),))
        assert [text for _, text in found if (_, text) not in without] == told


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
    found = file_access(["/srv/picker/a", "/root/.ssh/id", "/lib/x", "/root/.ssh/id"], ["/srv/picker", "/lib"])
    assert [str(one) for one in found] == ["takes in a copy of /root/.ssh/id"]


def test_root_inside_is_a_power_unless_the_user_is_root() -> None:
    """Of somebody who is not, the project's folder shows root's programs on the host."""
    plan = with_least_privilege(run_plan(user=ROOT))
    assert host_access(plan, replace(HOME, uid=0, gid=0)) == ()
    ((kind, text),) = lines(user=ROOT)
    assert (kind, "root inside, as UID 0" in text) == ("root", True)


def test_every_field_of_a_plan_is_judged_once() -> None:
    """One that is added is a power until it stands in one of the tables."""
    names = {field.name for field in fields(RunPlan)}
    assert set(allow_list.HARMLESS) | allow_list.TOLD == names
    assert not set(allow_list.HARMLESS) & allow_list.TOLD
    for part, known in allow_list.PARTS.items():
        assert known == {field.name for field in fields(part)}
    assert names == INSIDE | POWERS | JUDGED
    assert not (INSIDE & JUDGED or INSIDE & POWERS or POWERS & JUDGED)


def test_what_nobody_has_judged_is_a_power(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allow_list, "HARMLESS", {})
    assert ("setting", "the setting run.hostname: arm") in lines(hostname="arm")
    monkeypatch.setitem(allow_list.PARTS, Port, frozenset(("container", "host_port")))
    told = [text for _, text in lines(ports=(Port("80/tcp", "127.0.0.1", "8080"),))]
    assert "the setting run.ports.host_ip: 127.0.0.1" in told
