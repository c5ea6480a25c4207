"""Least privilege: what a container's programs may do beyond what any program may. Pure.

Docker gives every container 14 kernel capabilities and lets setuid programs hand out the rest. An unprivileged user who
was not promised sudo needs neither. https://docs.docker.com/engine/security/#linux-kernel-capabilities
"""

from __future__ import annotations

from dataclasses import replace

from robenv.plan.models import RunPlan

NO_NEW_PRIVILEGES = "no-new-privileges"

DOCKER_DEFAULT = frozenset(
    (
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    )
)  # fmt: skip
"""Docker's own set of capabilities (moby, oci/caps/defaults.go), the same since 1.13."""


def with_least_privilege(plan: RunPlan) -> RunPlan:
    """The plan with no more privileges than its user needs, and what the profile itself writes before all of it.

    ``privileged``, and a user with sudo: as Docker has it. UID 0: Docker's capabilities, no-new-privileges. Everybody
    else: no capabilities but those in ``cap_add``, and no-new-privileges. A profile's own ``cap_drop`` stands instead
    of ALL, and its own no-new-privileges, also ``:false``, as it is written.
    """
    if plan.privileged or plan.user.sudo:
        return plan
    options = plan.security_opt
    if not any(_is_no_new_privileges(option) for option in options):
        options = (*options, NO_NEW_PRIVILEGES)
    drop = plan.cap_drop or (() if plan.user.uid == 0 else ("ALL",))
    return replace(plan, cap_drop=drop, security_opt=options)


def privilege_notes(plan: RunPlan) -> tuple[str, ...]:
    """What of ``cap_add`` an unprivileged user will wonder about; at most one sentence.

    The engine puts added capabilities into the bounding set and, of a process that is not root, into no other: only a
    program whose file carries them (``setcap``), or sudo, gets them from there, and no-new-privileges bars those too.
    NET_RAW is left out: ping carries it, and without it in the bounding set does not start at all, but works without.
    """
    if plan.privileged or plan.user.uid == 0 or plan.user.sudo:
        return ()
    added = [name for name in plan.cap_add if name != "NET_RAW" and name not in _by_other_means(plan)]
    if not added:
        return ()
    names = ", ".join(added)
    if blocks_new_privileges(plan):
        return (
            f"cap_add {names}: {plan.user.name} gets none of it under no-new-privileges; `user: {{sudo: true}}` gives "
            "it to what runs under sudo, `security_opt: [no-new-privileges:false]` to programs that carry it (setcap)",
        )
    return (f"cap_add {names}: of {plan.user.name}'s programs only those get it that carry it (setcap)",)


def blocks_new_privileges(plan: RunPlan) -> bool:
    """Whether no program inside can gain privileges, by a setuid bit or capabilities of its file."""
    values = [_value(option) for option in plan.security_opt if _is_no_new_privileges(option)]
    return bool(values) and values[-1] == "true"  # the schema takes nothing but true and false


def _by_other_means(plan: RunPlan) -> frozenset[str]:
    """Capabilities whose whole use here the limits give already: realtime priorities and locked memory."""
    by_limit = {"rtprio": "SYS_NICE", "memlock": "IPC_LOCK"}
    return frozenset(by_limit[limit.name] for limit in plan.ulimits if limit.name in by_limit)


def _is_no_new_privileges(option: str) -> bool:
    return option.replace("=", ":").partition(":")[0] == NO_NEW_PRIVILEGES


def _value(option: str) -> str:
    return option.replace("=", ":").partition(":")[2] or "true"
