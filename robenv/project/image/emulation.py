"""Makes the engine's machine run programs of other architectures: through its kernel here, or through the engine."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from robenv.bases.ensure import ensure_base
from robenv.catalog.binfmt import (
    BinfmtState,
    BinfmtWrite,
    Handler,
    binfmt_state,
    parse_handler,
    plan_register,
    plan_unregister,
)
from robenv.catalog.emulators import PROOF, Emulator, find_emulator, tiny_program
from robenv.catalog.platforms import normalize, runs_natively
from robenv.catalog.suites import find_suite
from robenv.engine.protocol import Engine
from robenv.errors import HostRequirementMissing, OperationFailed, RobenvError
from robenv.host.probes import binfmt
from robenv.plan.models import Base, Bootstrap
from robenv.plan.names import LABEL_ROLE, ROLE_BASE, ROLE_THROWAWAY, base_reference
from robenv.project.facts import engine_facts
from robenv.project.reporter import Reporter, building

_SUITE, _PACKAGES = "trixie", ("busybox-static", "qemu-user")
"""Debian 13's QEMU 10 is static, and stands alone."""
_POWERS = {
    "CapAdd": ["SYS_ADMIN", "SYS_PTRACE"],
    "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined", "label=disable"],
    "MaskedPaths": [],
    "ReadonlyPaths": [],
    "PidMode": "host",
    "UsernsMode": "host",
    "NetworkMode": "none",
}
"""Root's over the machine, as ``Privileged``: but an engine that lacks some capability itself starts it too."""
_KILLED = 128
"""Exit codes above it are signals."""
_SCRIPT = r"""
b=/proc/sys/fs/binfmt_misc
host() { nsenter -t 1 -m "/proc/$$/root/usr/bin/busybox" "$@"; }
host test -e $b/status || host mount -t binfmt_misc binfmt_misc $b
[ -e $b/status ] || mount -t binfmt_misc binfmt_misc $b || exit 3
while [ $# -gt 0 ]; do
  case $1 in
    write)
      printf %s "$3" >"$b/$2" || exit 4
      shift 3 ;;
    try) printf %b "$3" >/try; chmod 755 /try; /try; echo "@try $2 $?"; shift 3 ;;
    read)
      for file in $(ls -t $b); do
        case $file in register | status) ;; *) echo "@handler $file"; cat "$b/$file" ;; esac
      done
      shift ;;
  esac
done
"""
"""A container's mount of binfmt_misc takes its handlers along when it goes, since Linux 6.7: the one that stays is made
in the mount namespace of the machine."""


class EmulationKernel(Protocol):
    """The kernel that runs an engine's containers."""

    def read(self) -> tuple[Handler, ...]: ...

    def write(self, changes: Sequence[BinfmtWrite]) -> None: ...

    def interpreter(self, emulator: Emulator) -> str: ...

    def runs(self, emulator: Emulator) -> bool: ...


class LocalKernel:
    """This machine's."""

    def read(self) -> tuple[Handler, ...]:
        return binfmt.read_handlers()

    def write(self, changes: Sequence[BinfmtWrite]) -> None:
        binfmt.write_changes(changes)

    def interpreter(self, emulator: Emulator) -> str:
        found = binfmt.find_interpreter(emulator)
        if not found:
            raise HostRequirementMissing(
                f"This machine has no static qemu-{emulator.qemu}, which runs programs of {emulator.platform}.",
                hint="`sudo apt-get install qemu-user-static`",
            )
        return found

    def runs(self, emulator: Emulator) -> bool:
        return binfmt.runs(emulator)


class EngineKernel:
    """The one below an engine, by containers, with root's powers over the machine, of an image with Debian's QEMU."""

    def __init__(self, engine: Engine, reporter: Reporter) -> None:
        self._engine, self._reporter, self._image = engine, reporter, ""

    def read(self) -> tuple[Handler, ...]:
        found = self._run("read").split("@handler ")[1:]
        return tuple(parse_handler(name, text) for name, _, text in (one.partition("\n") for one in found))

    def write(self, changes: Sequence[BinfmtWrite]) -> None:
        if changes:
            self._run(*(word for change in changes for word in ("write", change.file, change.text)))

    def interpreter(self, emulator: Emulator) -> str:
        return f"/usr/bin/qemu-{emulator.qemu}"

    def runs(self, emulator: Emulator) -> bool:
        octal = "".join(f"\\0{byte:03o}" for byte in tiny_program(emulator))
        return f"@try {emulator.qemu} {PROOF}\n" in self._run("try", emulator.qemu, octal)

    def _run(self, *words: str) -> str:
        request = {
            "Image": self._ensured(),
            "Entrypoint": ["/usr/bin/busybox", "sh", "-c", _SCRIPT, "sh"],
            "Cmd": list(words),
            "Labels": {LABEL_ROLE: ROLE_THROWAWAY},
            "HostConfig": _POWERS,
        }
        try:
            container = self._engine.create_container(f"robenv-binfmt-{secrets.token_hex(4)}", request)
        except OperationFailed as error:
            raise _refused(error.message) from error
        try:
            self._engine.start(container)
            code = self._engine.wait(container)
            output = b"".join(data for _, data in self._engine.logs(container)).decode(errors="replace")
        except OperationFailed as error:
            raise _refused(error.message) from error
        finally:
            self._engine.remove_container(container, force=True)
        if code:
            raise _refused(output.strip() or f"exit code {code}")
        return output

    def _ensured(self) -> str:
        if not self._image:
            info = self._engine.info()
            if engine_facts(info).rootless:
                raise _refused("the engine is rootless")
            base = tools_base(info.platform)
            if self._engine.find_image(base.reference, info.platform) is None:
                with building(self._reporter, "an image with QEMU", None):
                    ensure_base(self._engine, base, info.platform, self._reporter.event)
            self._image = base.reference
        return self._image


def _refused(details: str) -> HostRequirementMissing:
    return HostRequirementMissing(
        "The engine's machine cannot be told to emulate: its engine may not give a container what that takes.",
        details=details,
        hint="On that machine, as root: `sudo robenv binfmt register`, or `sudo apt-get install qemu-user-static`.",
    )


def tools_base(machine: str) -> Base:
    """The image with QEMU for an engine's platform."""
    suite = find_suite(_SUITE)
    mirror = suite.mirror_for(machine.split("/")[1]) if suite else ""
    own = Bootstrap(_SUITE, mirror, ("main",), "extract", _PACKAGES, machine)
    reference = base_reference(own.suite, own.mirror, own.components, own.variant, own.include, own.platform)
    return Base(reference, bootstrap=own)


def is_local_kernel(engine: Engine | None) -> bool:
    """Whether this machine's kernel is the one that runs the engine's containers; a desktop's engine has another."""
    if engine is None:
        return True
    info = engine.info()
    return info.endpoint.startswith("unix://") and info.raw.get("KernelVersion") == os.uname().release


def kernel_of(engine: Engine | None, reporter: Reporter, writing: bool) -> EmulationKernel:
    """This machine's kernel where that may be done with it, else the engine's by way of the engine."""
    if engine is None or (is_local_kernel(engine) and (not writing or os.geteuid() == 0)):
        return LocalKernel()
    return EngineKernel(engine, reporter)


def emulation_state(
    kernel: EmulationKernel, emulators: Sequence[Emulator], trying: bool = False
) -> tuple[BinfmtState, ...]:
    """How it is with each; ``trying``: a tiny program of each that should work is run."""
    handlers = kernel.read()
    found = []
    for emulator in emulators:
        one = binfmt_state(emulator, handlers)
        if trying and one.state == "works" and not kernel.runs(emulator):
            one = BinfmtState(emulator, "broken", one.handler, one.hidden)
        found.append(one)
    return tuple(found)


def register(
    kernel: EmulationKernel, emulators: Sequence[Emulator], credentials: bool = False, repair: bool = False
) -> tuple[BinfmtState, ...]:
    """Has the kernel run programs of these in containers too; reads back and tries each. Raises HostLacks."""
    if repair and isinstance(kernel, EngineKernel):
        raise HostRequirementMissing(
            "Only root on the machine itself can change a handler of others: their interpreter lies there.",
            hint="`sudo robenv binfmt register --mend` there; without --mend robenv's own handler goes before it.",
        )
    handlers = kernel.read()
    changes: list[BinfmtWrite] = []
    for emulator in emulators:
        changes += plan_register(emulator, handlers, partial(kernel.interpreter, emulator), credentials, repair)
    try:
        kernel.write(changes)
    except PermissionError as error:
        raise HostRequirementMissing(
            "This user may not register an emulator with the kernel.",
            details=str(error),
            hint="`sudo robenv binfmt register`; in a container, do it on the machine outside.",
        ) from error
    found = emulation_state(kernel, emulators, trying=True)
    if bad := [one for one in found if one.state != "works"]:
        hint = "`robenv binfmt status` tells which handler the kernel takes; `robenv doctor` whether it takes any."
        if isinstance(kernel, EngineKernel) and any(one.state == "missing" for one in bad):
            hint = (  # as where the first process lets no container into its mount namespace
                "Where binfmt_misc is not mounted, what a container registers goes with it: on the engine's machine, "
                f"`sudo mount -t binfmt_misc binfmt_misc {binfmt.FOLDER}`, then again."
            )
        raise HostRequirementMissing(
            "Not every emulator works: " + ", ".join(f"{one.emulator.platform} is {one.state}" for one in bad),
            details="\n".join(f"{one.handler.name}: {one.handler.interpreter}" for one in bad if one.handler),
            hint=hint,
        )
    return found


def unregister(kernel: EmulationKernel, emulators: Sequence[Emulator]) -> tuple[str, ...]:
    """Takes back what robenv registered, and nothing of others; the handlers' names. Raises HostLacks."""
    changes = plan_unregister(emulators, kernel.read())
    try:
        kernel.write(changes)
    except PermissionError as error:
        raise HostRequirementMissing(
            "This user may not take an emulator from the kernel.",
            details=str(error),
            hint="`sudo robenv binfmt unregister`",
        ) from error
    return tuple(change.file for change in changes)


def broken_loader_caches(engine: Engine, emulators: Sequence[Emulator]) -> tuple[str, ...]:
    """The bases on this engine in which `ldconfig`, on which some versions of QEMU stumble, is killed by a signal."""
    killed = []
    for base in engine.images({LABEL_ROLE: ROLE_BASE}):
        if find_emulator(base.platform) not in emulators:
            continue
        # With an init: QEMU ends a program that crashes by a signal to itself, which the kernel keeps from a PID 1.
        request = {
            "Image": base.id,
            "Entrypoint": ["/sbin/ldconfig"],
            "Labels": {LABEL_ROLE: ROLE_THROWAWAY},
            "HostConfig": {"Init": True, "NetworkMode": "none"},
        }
        container = engine.create_container(f"robenv-look-{secrets.token_hex(4)}", request, base.platform)
        try:
            engine.start(container)
            if engine.wait(container) > _KILLED:
                killed.append(base.tags[0] if base.tags else base.id)
        except OperationFailed:  # a root without ldconfig
            continue
        finally:
            engine.remove_container(container, force=True)
    return tuple(killed)


def ensure_emulation(engine: Engine | None, platform: str, reporter: Reporter) -> None:
    """Before programs of a foreign ``platform`` run on this machine, in its engine or (None) without one: for root,
    registers what is missing.

    A kernel elsewhere is not changed unasked, and neither is one by a handler of others that stands in the way of none
    but containers: there robenv's own goes before it. Raises HostLacks, with the command.
    """
    emulator = find_emulator(platform)
    machine = engine.info().platform if engine else normalize(os.uname().machine)
    if emulator is None or runs_natively(machine, platform) or not is_local_kernel(engine):
        return
    if emulation_state(LocalKernel(), (emulator,))[0].state == "works":
        return
    name = emulator.platform.removeprefix("linux/")
    if os.geteuid() != 0:
        if not binfmt.is_mounted():
            return  # not to be seen from here; the first program that does not run says so
        # Through the engine it would take root's powers over the machine: nobody gets those unasked.
        raise HostRequirementMissing(
            f"This machine does not run programs of {platform}.",
            hint=f"`robenv binfmt register {name}` has it run them, until it restarts.",
        )
    try:
        register(LocalKernel(), (emulator,))
    except RobenvError as error:
        raise HostRequirementMissing(
            f"This machine does not run programs of {platform}, and robenv could not change that.",
            details="\n".join(text for text in (error.message, error.details) if text),
            hint=f"`sudo robenv binfmt register {name}`. {error.hint}",
        ) from error
    reporter.note(f"this machine now emulates {name}, until it restarts: `robenv binfmt unregister {name}` undoes it")
