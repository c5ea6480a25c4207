"""What the emulation check says of a binfmt_misc folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from robenv.doctor.check import Patient
from robenv.doctor.emulation import binfmt

NOBODY = Patient(None, None, None)
GOOD = "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\nmagic 7f454c46\n"


@pytest.mark.parametrize(
    ("handlers", "statuses"),
    [
        (None, ["warning"]),
        ({}, ["warning"]),
        ({"qemu-aarch64": GOOD}, ["ok"]),
        ({"qemu-aarch64": GOOD.replace("OCF", "OC")}, ["warning"]),
        ({"qemu-aarch64": GOOD.replace("enabled", "disabled")}, ["warning"]),
        ({"qemu-aarch64": GOOD, "qemu-riscv64": GOOD.replace("OCF", "")}, ["warning", "ok"]),
    ],
)
def test_only_enabled_handlers_with_the_f_flag_count(
    tmp_path: Path, handlers: dict[str, str] | None, statuses: list[str]
) -> None:
    if handlers is not None:
        (tmp_path / "status").write_text("enabled\n")
        for name, text in handlers.items():
            (tmp_path / name).write_text(text)
    findings = list(binfmt(NOBODY, tmp_path))
    assert [finding.status for finding in findings] == statuses
    assert all(finding.fix for finding in findings if finding.status == "warning")
