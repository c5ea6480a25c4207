from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.profile.checks.udev_rules import udev_flaws

GOOD = """\
# A lidar and an arm.
SUBSYSTEM=="tty", ATTRS{idVendor}=="10c4", ATTRS{idProduct}=="ea60", SYMLINK+="lidar", MODE="0660", GROUP="dialout"
SUBSYSTEM!="usb", GOTO="end"
ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="03e7" , \\
    # in between
    MODE:="666"
KERNEL=="a"MODE="0660" TAG+="uaccess",
NAME=e"say \\"hi\\"", SYMLINK+="%k-$kernel", IMPORT{builtin}="usb_id", ATTR{latency_timer}="1"
LABEL="end"
"""


def test_what_udev_takes_is_taken() -> None:
    assert udev_flaws(GOOD) == ()
    assert udev_flaws(GOOD.replace("\n", "\r\n").replace("\\\r\n", "\\\n")) == ()


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        ('KERNEL=="ttyUSB*, MODE="0666"', "a quote is opened and not closed", "a rule is made of terms"),
        ("KERNEL==ttyUSB0", "`KERNEL==ttyUSB0` is no term of a udev rule", "SUBSYSTEM"),
        ('KERNEL "x"', "is no term", ""),
        ('KERNAL=="x"', "udev knows no key `KERNAL`", "did you mean `KERNEL`?"),
        ('KERNEL="x"', "KERNEL can only be compared, not set", 'write KERNEL=="x"'),
        ('ATTRS{idVendor}="10c4"', "ATTRS can only be compared", ""),
        ('MODE=="0666"', "MODE can only be set, not compared", 'write MODE="0666"'),
        ('KERNEL=="x", MODE="rw"', "is no mode in octal digits", "0660"),
        ('GOTO="ende"\nLABEL="end"', "there is no LABEL=`ende`", "did you mean `end`?"),
        ("# nothing", "there is no rule", ""),
        ("", "there is no rule", ""),
    ],
)
def test_what_is_certainly_wrong(rule: str, message: str, hint: str) -> None:
    (flaw,) = udev_flaws(rule)
    assert message in flaw.message
    assert hint in flaw.hint
    assert not flaw.runs


@pytest.mark.parametrize(
    "rule",
    [
        'RUN+="/bin/sh -c true"', 'RUN{program}+="x"', 'RUN{builtin}+="kmod load x"', 'PROGRAM=="/bin/x"',
        'IMPORT{program}="x"', 'IMPORT="x"', 'ENV{SYSTEMD_WANTS}+="x.service"', 'SYSCTL{kernel/x}="1"',
    ],
)  # fmt: skip
def test_what_runs_on_the_host_is_told_apart(rule: str) -> None:
    (flaw,) = udev_flaws(f'KERNEL=="x"\nKERNEL=="y", {rule}\n')
    assert flaw.runs
    assert flaw.line == 2
    assert "on the host as root" in flaw.message


def test_lines_are_counted_from_the_rules_first() -> None:
    flaws = udev_flaws('# one\n\nKERNEL=="a", \\\n  FOO="1"\nBAR="2"\n')
    assert [flaw.line for flaw in flaws] == [3, 5]


@given(st.text(alphabet='KERNL="{}\\,\n# +:!ab', max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    assert all(1 <= flaw.line <= text.count("\n") + 1 for flaw in udev_flaws(text))
