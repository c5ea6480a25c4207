"""Each field of a RunPlan, and what of the create request it becomes."""

from __future__ import annotations

from typing import Any

from robenv.plan.models import (
    Attachment,
    Device,
    DeviceRequest,
    DiskLimit,
    Healthcheck,
    Mount,
    Network,
    Port,
    RunPlan,
    Ulimit,
    User,
)

PLAN = RunPlan(
    project="picker",
    directory="/home/jane/picker",
    name="robenv-picker-abcdef",
    image="robenv/picker:aaa",
    platform="linux/amd64",
    user=User("dev", 1000, 1000, "/home/dev", "/bin/bash", sudo=False),
    working_dir="/workspace",
    entrypoint=(),
    command=("sleep", "infinity"),
    environment=(),
    mounts=(),
    home_volume="home",
    labels=(),
)

TOP_LEVEL: list[tuple[dict[str, Any], str, Any]] = [
    ({"entrypoint": None}, "Entrypoint", None),
    ({"entrypoint": ("/entry", "-x")}, "Entrypoint", ["/entry", "-x"]),
    ({"command": ()}, "Cmd", None),
    ({"environment": (("A", "1=2"), ("B", ""))}, "Env", ["A=1=2", "B="]),
    ({"labels": (("a", ""),)}, "Labels", {"a": ""}),
    ({"hostname": "arm"}, "Hostname", "arm"),
    ({"domainname": "lab"}, "Domainname", "lab"),
    ({"stop_signal": "SIGINT"}, "StopSignal", "SIGINT"),
    ({"stop_grace_period": 0.0}, "StopTimeout", 0),
    ({"stop_grace_period": 0.5}, "StopTimeout", 1),
    ({"stop_grace_period": 90.0}, "StopTimeout", 90),
    ({"expose": ("80", "7000-7001/udp")}, "ExposedPorts", {"80/tcp": {}, "7000/udp": {}, "7001/udp": {}}),
    ({"ports": (Port("80/tcp", "", "8080"),)}, "ExposedPorts", {"80/tcp": {}}),
    ({"healthcheck": Healthcheck(("NONE",))}, "Healthcheck", {"Test": ["NONE"]}),
    (
        {"healthcheck": Healthcheck(("CMD", "true"), 2.0, 0.5, 10.0, 5)},
        "Healthcheck",
        {"Test": ["CMD", "true"], "Interval": 2 * 10**9, "Timeout": 5 * 10**8, "StartPeriod": 10**10, "Retries": 5},
    ),
]  # fmt: skip

HOST_CONFIG: list[tuple[dict[str, Any], str, Any]] = [
    ({"network_mode": "host"}, "NetworkMode", "host"),
    ({"ipc": "host"}, "IpcMode", "host"),
    ({"pid": "host"}, "PidMode", "host"),
    ({"uts": "host"}, "UTSMode", "host"),
    ({"userns_mode": "host"}, "UsernsMode", "host"),
    ({"cgroup": "private"}, "CgroupnsMode", "private"),
    ({"cgroup_parent": "/robots"}, "CgroupParent", "/robots"),
    ({"runtime": "nvidia"}, "Runtime", "nvidia"),
    ({"init": False}, "Init", False),
    ({"privileged": True}, "Privileged", True),
    ({"read_only": True}, "ReadonlyRootfs", True),
    ({"restart": "no"}, "RestartPolicy", {"Name": "no"}),
    ({"restart": "on-failure"}, "RestartPolicy", {"Name": "on-failure"}),
    ({"restart": "on-failure:3"}, "RestartPolicy", {"Name": "on-failure", "MaximumRetryCount": 3}),
    ({"shm_size": 1 << 30}, "ShmSize", 1 << 30),
    ({"mem_limit": 8 << 30}, "Memory", 8 << 30),
    ({"mem_reservation": 1 << 30}, "MemoryReservation", 1 << 30),
    ({"memswap_limit": -1}, "MemorySwap", -1),
    ({"mem_swappiness": 0}, "MemorySwappiness", 0),
    ({"oom_kill_disable": False}, "OomKillDisable", False),
    ({"oom_score_adj": -500}, "OomScoreAdj", -500),
    ({"cpus": 0.29}, "NanoCpus", 290_000_000),
    ({"cpus": 1.5}, "NanoCpus", 1_500_000_000),
    ({"cpu_shares": 512}, "CpuShares", 512),
    ({"cpu_period": 100000}, "CpuPeriod", 100000),
    ({"cpu_quota": 50000}, "CpuQuota", 50000),
    ({"cpu_rt_runtime": 950000}, "CpuRealtimeRuntime", 950000),
    ({"cpu_rt_period": 1000000}, "CpuRealtimePeriod", 1000000),
    ({"cpuset": "0-2"}, "CpusetCpus", "0-2"),
    ({"pids_limit": 100}, "PidsLimit", 100),
    ({"blkio_weight": 300}, "BlkioWeight", 300),
    ({"blkio_limits": (DiskLimit("/dev/sda", "weight", 9),)}, "BlkioWeightDevice", [{"Path": "/dev/sda", "Weight": 9}]),
    *(
        ({"blkio_limits": (DiskLimit("/dev/sda", kind, 9),)}, name, [{"Path": "/dev/sda", "Rate": 9}])
        for kind, name in (
            ("read_bps", "BlkioDeviceReadBps"), ("write_bps", "BlkioDeviceWriteBps"),
            ("read_iops", "BlkioDeviceReadIOps"), ("write_iops", "BlkioDeviceWriteIOps"),
        )
    ),
    ({"networks": (Attachment(Network("lan", "lan")),)}, "NetworkMode", "lan"),
    ({"cap_add": ("NET_ADMIN",)}, "CapAdd", ["NET_ADMIN"]),
    ({"cap_drop": ("ALL",)}, "CapDrop", ["ALL"]),
    ({"security_opt": ("seccomp=unconfined",)}, "SecurityOpt", ["seccomp=unconfined"]),
    ({"group_add": ("dialout", "44")}, "GroupAdd", ["dialout", "44"]),
    (
        {"devices": (Device("/dev/a", "/dev/b"),)},
        "Devices",
        [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rwm"}],
    ),
    ({"device_cgroup_rules": ("c 188:* rmw",)}, "DeviceCgroupRules", ["c 188:* rmw"]),
    ({"groups": (20, 44)}, "GroupAdd", ["20", "44"]),
    (
        {"device_requests": (DeviceRequest("", -1, (), (("gpu", "compute"),)),)},
        "DeviceRequests",
        [{"Driver": "", "Count": -1, "DeviceIDs": None, "Capabilities": [["gpu", "compute"]], "Options": None}],
    ),
    ({"dns": ("1.1.1.1",)}, "Dns", ["1.1.1.1"]),
    ({"dns_search": ("lab",)}, "DnsSearch", ["lab"]),
    ({"dns_opt": ("ndots:1",)}, "DnsOptions", ["ndots:1"]),
    ({"extra_hosts": ("robot:10.0.0.7",)}, "ExtraHosts", ["robot:10.0.0.7"]),
    ({"sysctls": (("net.core.somaxconn", "1024"),)}, "Sysctls", {"net.core.somaxconn": "1024"}),
    ({"ulimits": (Ulimit("rtprio", 0, 99),)}, "Ulimits", [{"Name": "rtprio", "Soft": 0, "Hard": 99}]),
    ({"logging_driver": "local"}, "LogConfig", {"Type": "local", "Config": {}}),
    ({"logging_options": (("max-size", "1m"),)}, "LogConfig", {"Type": "", "Config": {"max-size": "1m"}}),
    ({"storage_opt": (("size", "10G"),)}, "StorageOpt", {"size": "10G"}),
    ({"ports": (Port("80/tcp", "", ""),)}, "PortBindings", {"80/tcp": [{"HostPort": ""}]}),
    (
        {"ports": (Port("80/tcp", "127.0.0.1", "8080"), Port("80/tcp", "", "8081"))},
        "PortBindings",
        {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostPort": "8081"}]},
    ),
    (
        {"ports": (Port("7000-7001/udp", "", "8000-8001"),)},
        "PortBindings",
        {"7000/udp": [{"HostPort": "8000"}], "7001/udp": [{"HostPort": "8001"}]},
    ),
    ({"ports": (Port("80/tcp", "", "8000-8009"),)}, "PortBindings", {"80/tcp": [{"HostPort": "8000-8009"}]}),
]  # fmt: skip

_LABELS = {"robenv.project": "picker", "robenv.directory": "/home/jane/picker"}

MOUNTS = [
    (Mount("bind", "/srv", "/data"), {"Type": "bind", "Source": "/srv", "Target": "/data"}),
    (
        Mount("bind", "/srv", "/data", True, (("propagation", "rslave"), ("create_host_path", True))),
        {
            "Type": "bind", "Source": "/srv", "Target": "/data", "ReadOnly": True,
            "BindOptions": {"Propagation": "rslave", "CreateMountpoint": True},
        },
    ),
    (
        Mount("bind", "/srv", "/data", False, (("create_host_path", False),)),
        {"Type": "bind", "Source": "/srv", "Target": "/data"},
    ),
    (
        Mount("volume", "cache", "/c", False, (("nocopy", True), ("subpath", "a"))),
        {
            "Type": "volume", "Source": "cache", "Target": "/c",
            "VolumeOptions": {"NoCopy": True, "Subpath": "a", "Labels": _LABELS},
        },
    ),
    (
        Mount("volume", "home", "/home/dev"),
        {
            "Type": "volume", "Source": "home", "Target": "/home/dev",
            "VolumeOptions": {"Labels": {**_LABELS, "robenv.role": "home"}},
        },
    ),
    (Mount("volume", "", "/anonymous"), {"Type": "volume", "Target": "/anonymous"}),
    (
        Mount("volume", "shared", "/s", False, (("external", True),)),
        {"Type": "volume", "Source": "shared", "Target": "/s"},
    ),
    (
        Mount("tmpfs", "", "/t", False, (("size", 1 << 20), ("mode", 0o1777))),
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1777}},
    ),
]  # fmt: skip
