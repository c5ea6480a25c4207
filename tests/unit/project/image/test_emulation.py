"""What is done before foreign programs run: by root, and by others."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from robenv.catalog.emulators import find_emulator
from robenv.cli.reporter import TerminalReporter
from robenv.engine.protocol import Engine
from robenv.errors import HostRequirementMissing
from robenv.host.probes import binfmt
from robenv.project.image import emulation

FOREIGN = "linux/s390x"


def _engine() -> Engine:
    """One of this machine, which is asked for nothing but what it is."""
    raw: dict[str, Any] = {"KernelVersion": os.uname().release}
    info = SimpleNamespace(platform="linux/amd64", endpoint="unix:///var/run/docker.sock", raw=raw)
    return cast(Engine, SimpleNamespace(info=lambda: info))


@pytest.fixture(autouse=True)
def _a_user_where_nothing_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(emulation.LocalKernel, "read", lambda self: ())


@pytest.mark.parametrize("mounted", [True, False])
def test_a_user_is_told_the_command_and_nothing_is_done(monkeypatch: pytest.MonkeyPatch, mounted: bool) -> None:
    monkeypatch.setattr(binfmt, "is_mounted", lambda: mounted)
    reporter = TerminalReporter(quiet=True)
    if not mounted:  # a container with the engine's socket, say: the machine may well emulate
        emulation.ensure_emulation(_engine(), FOREIGN, reporter)
        return
    with pytest.raises(HostRequirementMissing) as caught:
        emulation.ensure_emulation(_engine(), FOREIGN, reporter)
    assert "`robenv binfmt register s390x`" in caught.value.hint


def test_what_a_container_registers_may_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    through = emulation.EngineKernel(_engine(), TerminalReporter(quiet=True))
    monkeypatch.setattr(through, "read", lambda: ())
    monkeypatch.setattr(through, "write", lambda changes: None)
    emulator = find_emulator(FOREIGN)
    assert emulator is not None
    with pytest.raises(HostRequirementMissing, match="s390x is missing") as caught:
        emulation.register(through, (emulator,))
    assert "`sudo mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc`" in caught.value.hint
