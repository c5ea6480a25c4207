"""Whether a project is taken off robots: only with a yes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

_ASK = """\
from robenv.cli.on_robots import _require_yes
_require_yes("rover: one release\\nRemove it there?")
print("done")
"""


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_it_is_asked_on_a_terminal(answer: str, code: int) -> None:
    main, terminal = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", _ASK], stdin=terminal, stdout=subprocess.PIPE, stderr=terminal) as one:
        os.close(terminal)
        os.write(main, answer.encode())
        assert one.stdout is not None
        printed = one.stdout.read().strip()
    os.close(main)
    assert printed == (b"done" if code == 0 else b"")
    assert one.returncode == code


def test_elsewhere_it_has_to_be_said() -> None:
    done = subprocess.run([sys.executable, "-c", _ASK], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode != 0
    assert b"since nobody can be asked here" in done.stderr
    assert done.stdout == b""
