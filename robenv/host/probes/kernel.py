"""The kernel, the processors and the memory of a machine; what it lets this user do in realtime."""

from __future__ import annotations

from robenv.host.facts import KernelFacts
from robenv.host.host import Host


def read_kernel(host: Host) -> KernelFacts:
    """WSL by its kernel's name; realtime by /sys/kernel/realtime (Documentation/ABI/testing/sysfs-kernel-realtime is
    what PREEMPT_RT kernels have) and the version's words; limits of proc_pid_limits(5), numbers of proc_meminfo(5).
    """
    release, version, machine = host.uname()
    return KernelFacts(
        release=release,
        machine=machine,
        wsl="microsoft" in release.lower() or host.kind("/run/WSL") == "folder",
        rt_group_sched=any(host.kind(f"{folder}/cpu.rt_runtime_us") for folder in _CPU_CGROUPS),
        preempt_rt="PREEMPT_RT" in version.split() or (host.read("/sys/kernel/realtime") or "").strip() == "1",
        rtprio=_rtprio(host.line("/proc/self/limits", "Max realtime priority")),
        cpus=number_list(host.read("/sys/devices/system/cpu/online") or ""),
        memory=_bytes(host.line("/proc/meminfo", "MemTotal:")),
    )


_CPU_CGROUPS = ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct")
"""Where cgroup v1's cpu controller is mounted; v2's has no realtime budget."""


def number_list(text: str) -> tuple[int, ...]:
    """The numbers of the kernel's list format, ``0-3,6``; those parts that are none are left out."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if first.isdecimal() and last.isdecimal():
            numbers.update(range(int(first), int(last) + 1))
    return tuple(sorted(numbers))


def _rtprio(line: str | None) -> int | None:
    """The hard limit: the name's three words, then soft and hard."""
    words = (line or "").split()
    if len(words) < 5:
        return None
    if words[4] == "unlimited":
        return -1
    return int(words[4]) if words[4].isdecimal() else None


def _bytes(line: str | None) -> int:
    words = (line or "").split()
    return int(words[1]) * 1024 if len(words) > 1 and words[1].isdecimal() else 0
