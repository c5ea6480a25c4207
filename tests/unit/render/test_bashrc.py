"""What interactive shells read, in a real bash: completion that is loaded when it is first wanted."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from robenv.plan.models import Group, RosLayers
from robenv.plan.names import BASHRC
from robenv.render import render
from tests.support.projects.plans import plan_of

GROUP = Group("ros/x", ros=RosLayers(completion=True))
REGISTER = """#!/bin/sh
echo asked >>{asked}
echo "_words() {{ COMPREPLY=(topic); }}; complete -F _words $1"
"""


@pytest.fixture
def bashrc(tmp_path: Path) -> Path:
    (entry,) = [entry for entry in render(plan_of(GROUP)).context if entry.name.endswith("/bashrc")]
    path = tmp_path / "bashrc"
    path.write_bytes(entry.data)
    return path


def type_into_bash(bashrc: Path, keys: str, path: str) -> str:
    """What an interactive bash with that startup file puts out."""
    primary, secondary = pty.openpty()
    shell = subprocess.Popen(
        ["/bin/bash", "--noprofile", "--rcfile", str(bashrc), "-i"],
        stdin=secondary,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": path, "TERM": "dumb", "HOME": "/nowhere"},
        start_new_session=True,
    )
    os.close(secondary)
    os.write(primary, f"{keys}\nexit\n".encode())
    output, _ = shell.communicate(timeout=60)
    os.close(primary)
    return output.decode()


@pytest.mark.parametrize("register", ["register-python-argcomplete", "register-python-argcomplete3"])
@pytest.mark.parametrize("tool", ["ros2", "colcon"])
def test_completion_is_loaded_by_the_first_tab(bashrc: Path, tmp_path: Path, register: str, tool: str) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / register).write_text(REGISTER.format(asked=tmp_path / "asked"))
    (bin_folder / tool).write_text('#!/bin/sh\necho "${0##*/} got $1"\n')
    for script in bin_folder.iterdir():
        script.chmod(0o755)
    assert f"{tool} got topic" in type_into_bash(bashrc, f"{tool} to\t", str(bin_folder))
    assert (tmp_path / "asked").read_text() == "asked\n"
    type_into_bash(bashrc, "true", str(bin_folder))
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_without_argcomplete_a_shell_is_as_it_was(bashrc: Path, tmp_path: Path) -> None:
    assert "still here" in type_into_bash(bashrc, "ros2 to\t\necho still here", str(tmp_path))


def test_it_is_read_by_every_interactive_shell() -> None:
    rendered = render(plan_of(GROUP, Group("robenv.yaml", packages=("nano",))))
    assert f'COPY ["robenv/image/bashrc", "{BASHRC}"]' in rendered.dockerfile
    assert rendered.dockerfile.count("/etc/bash.bashrc") == 2
