"""Quotas of ``run:`` against what the machine has: the engine would refuse some only after the build. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.plan.host.requirements import MissingRequirement

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema.profile import Profile
    from robenv.profile.schema.run.keys import Run

QUOTAS = (
    "cpus", "cpuset", "cpu_quota", "cpu_shares", "cpu_rt_runtime", "mem_limit", "mem_reservation", "memswap_limit",
    "pids_limit",
)  # fmt: skip
"""Keys of ``run:`` that depend on what the machine has."""
_KEYS_OF = {
    "MemoryLimit": ("mem_limit", "mem_reservation"),
    "SwapLimit": ("memswap_limit",),
    "CpuCfsQuota": ("cpus", "cpu_quota"),
    "CPUShares": ("cpu_shares",),
    "CPUSet": ("cpuset",),
    "PidsLimit": ("pids_limit",),
}
LIMITS_OF_INFO = tuple(_KEYS_OF)
"""What ``/info`` says of the limits that the engine's kernel can set."""
CONTROLLERS = {
    "MemoryLimit": "memory", "SwapLimit": "memory", "CpuCfsQuota": "cpu", "CPUShares": "cpu", "CPUSet": "cpuset",
    "PidsLimit": "pids",
}  # fmt: skip
"""The control group that has each of them (cgroups(7))."""
_DELEGATE = (
    "`Delegate=cpu cpuset io memory pids` for user@.service gives it: "
    "https://rootlesscontaine.rs/getting-started/common/cgroup2/"
)
_MEMORY_CGROUP = "add cgroup_enable=memory swapaccount=1 to that machine's kernel command line, and reboot it"


def asks_for_quota(run: Run) -> bool:
    return any(getattr(run, key) not in (None, "") for key in QUOTAS)


def disks(run: Run) -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Every disk that ``blkio_config`` names, with its place in the profile."""
    keys = ("weight_device", *(f"device_{kind}" for kind in ("read_bps", "write_bps", "read_iops", "write_iops")))
    return tuple(
        (("run", "blkio_config", key, index, "path"), one.path)
        for key in keys
        for index, one in enumerate(getattr(run.blkio_config, key))
    )


def quota_lacks(profile: Profile, facts: Facts) -> Iterator[MissingRequirement]:
    run, processors, memory = profile.run, _processors(facts), _memory(facts)
    if run.cpus is not None and processors and run.cpus > len(processors):
        message = f"{run.cpus:g} processors are more than this machine has: {len(processors)}"
        yield MissingRequirement(("run", "cpus"), message, "ask for fewer, or in robenv.local.yaml for other machines")
    if run.cpuset and processors and (beyond := sorted(_numbers(run.cpuset) - processors)):
        named = ", ".join(str(number) for number in beyond[:4]) + (", …" if len(beyond) > 4 else "")
        message = f"there is no processor {named} on this machine, only {_ranges(processors)}"
        yield MissingRequirement(("run", "cpuset"), message)
    if run.mem_limit is not None and memory and run.mem_limit > memory:
        message = f"a limit of {_size(run.mem_limit)} is more memory than this machine has: {_size(memory)}"
        yield MissingRequirement(
            ("run", "mem_limit"), message, "a limit above that limits nothing: ask for less, or take it out"
        )
    yield from _disk_lacks(run, facts)


def _disk_lacks(run: Run, facts: Facts) -> Iterator[MissingRequirement]:
    if "devices" not in facts.read or not facts.engine.local:
        return
    there = {node.path for node in facts.devices if node.kind == "block"}
    disks_there = sorted(path for path in there if not path.startswith(("/dev/loop", "/dev/ram", "/dev/zram")))
    hint = f"disks here: {', '.join(disks_there[:6])}" if disks_there else "`lsblk -d` lists those that are there"
    for path, disk in disks(run):
        if disk not in there:
            yield MissingRequirement(path, f"there is no disk {disk}", hint)


def quota_notes(profile: Profile, facts: Facts) -> tuple[str, ...]:
    """Limits that the engine would leave away with a warning that nobody sees."""
    notes = []
    if facts.engine.rootless and facts.engine.cgroup_version == 1:
        # Without cgroups of its own it sets none, whatever it says that the kernel can.
        asked = [key for keys in _KEYS_OF.values() for key in keys if getattr(profile.run, key) not in (None, "")]
        if not asked:
            return ()
        return (
            f"{', '.join(asked)}: not kept, since the engine is rootless and its machine has cgroup v1; with cgroup v2 "
            "(systemd.unified_cgroup_hierarchy=1 on the kernel command line) a rootless engine keeps limits",
        )
    for name in facts.engine.missing_limits:
        keys = [key for key in _KEYS_OF.get(name, ()) if getattr(profile.run, key) not in (None, "")]
        if keys:
            way_out = f"; {_MEMORY_CGROUP}" if name in ("MemoryLimit", "SwapLimit") else ""
            why = f"the engine's kernel has no such limit{way_out}"
            if facts.engine.rootless:
                why = f"the rootless engine was not given that control group; {_DELEGATE}"
            notes.append(f"{', '.join(keys)}: not kept, since {why}")
    return tuple(notes)


def _processors(facts: Facts) -> frozenset[int]:
    """By number; empty where it is not known."""
    here = facts.kernel.cpus if facts.engine.local else ()
    return frozenset(here or range(facts.engine.cpus))


def _memory(facts: Facts) -> int:
    return facts.engine.memory or (facts.kernel.memory if facts.engine.local else 0)


def _numbers(text: str) -> set[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def _ranges(numbers: frozenset[int]) -> str:
    low, high = min(numbers), max(numbers)
    whole = len(numbers) == high - low + 1
    return f"{low}-{high}" if whole and high > low else ", ".join(str(number) for number in sorted(numbers))


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"
