"""What the emulation check says of a binfmt_misc folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.catalog.emulators import find_emulator
from robenv.doctor.check import CheckContext
from robenv.doctor.emulation import binfmt

NOBODY = CheckContext(None, None, None)


def _text(architecture: str, flags: str = "OCF", state: str = "enabled") -> str:
    emulator = find_emulator(architecture)
    assert emulator is not None
    lines = (state, "interpreter /usr/bin/qemu", f"flags: {flags}", "offset 0", f"magic {emulator.magic.hex()}")
    return "\n".join((*lines, f"mask {emulator.mask.hex()}", ""))


@pytest.mark.parametrize(
    ("handlers", "statuses"),
    [
        (None, ["warning"]),
        ({}, ["warning"]),
        ({"qemu-s390x": _text("s390x")}, ["ok"]),
        ({"qemu-s390x": _text("s390x", "OC")}, ["warning"]),
        ({"qemu-s390x": _text("s390x", state="disabled")}, ["warning"]),
        ({"qemu-s390x": _text("s390x"), "qemu-riscv64": _text("riscv64", "")}, ["warning", "ok"]),
        ({"qemu-s390x": _text("s390x"), "status": "disabled\n"}, ["warning"]),
    ],
)
def test_only_enabled_handlers_with_the_f_flag_count(
    tmp_path: Path, handlers: dict[str, str] | None, statuses: list[str]
) -> None:
    if handlers is not None:
        for name, text in {"status": "enabled\n", **handlers}.items():
            (tmp_path / name).write_text(text)
    findings = list(binfmt(NOBODY, tmp_path))
    assert [finding.status for finding in findings] == statuses
    assert all(finding.fix for finding in findings if finding.status == "warning")
