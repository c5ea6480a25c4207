"""Which other architectures this kernel runs, and those of them that the project here needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from robenv.catalog.binfmt import binfmt_state
from robenv.catalog.emulators import Emulator, emulators_for, find_emulator
from robenv.catalog.platforms import normalize, runs_natively
from robenv.doctor.check import CheckContext, Finding
from robenv.host.probes.binfmt import FOLDER, is_switched_off, read_handlers

_NAME = "emulation"


def binfmt(patient: CheckContext, folder: Path = FOLDER) -> Iterator[Finding]:
    """A handler without the F flag works outside containers only."""
    machine = normalize(os.uname().machine)
    if is_switched_off(folder):
        text = "the kernel is told to take no handler: no other architecture runs"
        yield Finding(_NAME, "warning", text, "sudo sh -c 'echo 1 >/proc/sys/fs/binfmt_misc/status'")
        return
    handlers = read_handlers(folder)
    found = [binfmt_state(one, handlers) for one in emulators_for(machine)]
    for one in found:
        if one.state == "unfit" and one.handler is not None:
            text = f"{one.handler.name} lacks the flag F, so is of no use in containers"
            yield Finding(_NAME, "warning", text, _fix(one.emulator), safe=True)
    working = [one.emulator for one in found if one.state == "works"]
    if working:
        yield Finding(_NAME, "ok", ", ".join(map(_name, working)))
    lacking = [one.emulator for one in found if one.state == "missing" and one.emulator in _wanted(patient, machine)]
    for emulator in lacking:
        yield Finding(_NAME, "warning", f"the project here is for {_name(emulator)} too", _fix(emulator), safe=True)
    if not lacking and all(one.state == "missing" for one in found):
        text = "no other architecture is registered: only images of this machine's own run"
        yield Finding(_NAME, "warning", text, "sudo robenv binfmt register", safe=True)


def _wanted(patient: CheckContext, machine: str) -> set[Emulator | None]:
    named = patient.project.resolved.profile.platforms if patient.project else ()
    return {find_emulator(platform) for platform in named if not runs_natively(machine, platform)}


def _name(emulator: Emulator) -> str:
    return emulator.platform.removeprefix("linux/")


def _fix(emulator: Emulator) -> str:
    return f"sudo robenv binfmt register {_name(emulator)}"
