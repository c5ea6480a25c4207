"""Who gets which privileges: by the user, and by what the profile itself writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from robenv.plan.host.capabilities import DOCKER_DEFAULT, blocks_new_privileges, privilege_notes, with_least_privilege
from robenv.plan.models import Ulimit, User
from tests.support.projects.run_plans import DEV, ROOT, SUDOER, run_plan

NNP = "no-new-privileges"


@pytest.mark.parametrize(
    ("user", "settings", "cap_drop", "security_opt"),
    [
        (DEV, {}, ("ALL",), (NNP,)),
        (DEV, {"cap_add": ("NET_ADMIN",)}, ("ALL",), (NNP,)),
        (DEV, {"cap_drop": ("MKNOD",)}, ("MKNOD",), (NNP,)),
        (DEV, {"security_opt": ("seccomp=unconfined",)}, ("ALL",), ("seccomp=unconfined", NNP)),
        (DEV, {"security_opt": (f"{NNP}:false",)}, ("ALL",), (f"{NNP}:false",)),
        (DEV, {"security_opt": (f"{NNP}=false",)}, ("ALL",), (f"{NNP}=false",)),
        (DEV, {"security_opt": (NNP,)}, ("ALL",), (NNP,)),
        (DEV, {"privileged": True}, (), ()),
        (SUDOER, {}, (), ()),
        (SUDOER, {"cap_drop": ("MKNOD",), "security_opt": (NNP,)}, ("MKNOD",), (NNP,)),
        (ROOT, {}, (), (NNP,)),
        (ROOT, {"privileged": True}, (), ()),
        (ROOT, {"security_opt": (f"{NNP}:false",)}, (), (f"{NNP}:false",)),
    ],
)
def test_the_default_and_what_goes_before_it(
    user: User, settings: dict[str, Any], cap_drop: tuple[str, ...], security_opt: tuple[str, ...]
) -> None:
    plan = run_plan(user, **settings)
    limited = with_least_privilege(plan)
    assert (limited.cap_drop, limited.security_opt) == (cap_drop, security_opt)
    assert replace(limited, cap_drop=plan.cap_drop, security_opt=plan.security_opt) == plan
    assert with_least_privilege(limited) == limited


@pytest.mark.parametrize(
    ("options", "blocks"),
    [
        ((), False),
        ((NNP,), True),
        ((f"{NNP}:true",), True),
        ((f"{NNP}=false",), False),
        ((NNP, f"{NNP}:false"), False),
        (("seccomp=unconfined",), False),
    ],
)
def test_the_last_word_about_new_privileges_counts(options: tuple[str, ...], blocks: bool) -> None:
    assert blocks_new_privileges(run_plan(security_opt=options)) is blocks


@pytest.mark.parametrize(
    ("user", "settings", "words"),
    [
        (DEV, {"cap_add": ("NET_ADMIN", "SYS_TIME")}, ["NET_ADMIN, SYS_TIME", "sudo: true", f"{NNP}:false"]),
        (DEV, {"cap_add": ("NET_ADMIN",), "security_opt": (f"{NNP}:false",)}, ["NET_ADMIN", "carry it (setcap)"]),
        (DEV, {"cap_add": ("NET_RAW", "NET_ADMIN")}, ["cap_add NET_ADMIN:"]),
        (DEV, {"cap_add": ("SYS_NICE",)}, ["SYS_NICE"]),
        (DEV, {}, []),
        (DEV, {"cap_add": ("NET_RAW",)}, []),
        (DEV, {"cap_add": ("SYS_NICE",), "ulimits": (Ulimit("rtprio", 99, 99),)}, []),
        (DEV, {"cap_add": ("NET_ADMIN",), "privileged": True}, []),
        (SUDOER, {"cap_add": ("NET_ADMIN",)}, []),
        (ROOT, {"cap_add": ("NET_ADMIN",)}, []),
    ],
)
def test_a_capability_that_reaches_nobody_is_told_once(user: User, settings: dict[str, Any], words: list[str]) -> None:
    notes = privilege_notes(with_least_privilege(run_plan(user, **settings)))
    assert len(notes) == bool(words)
    assert all(word in notes[0] for word in words)


def test_dockers_own_set_is_the_one_that_its_bounding_set_shows() -> None:
    """0xa80425fb is what CapBnd of a container without options says."""
    numbers = {
        "CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8,
        "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SYS_CHROOT": 18, "MKNOD": 27, "AUDIT_WRITE": 29, "SETFCAP": 31,
    }  # fmt: skip
    assert numbers.keys() == DOCKER_DEFAULT
    assert sum(1 << bit for bit in numbers.values()) == 0xA80425FB
