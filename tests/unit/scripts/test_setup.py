"""scripts/setup on machines that lack this or that: stubs stand in for what differs between them, the shell is real."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

# What the script may find on every machine: Debian's essential packages.
_ESSENTIAL = """
    basename cat chmod cp cut dirname env grep head ls mkdir mktemp printf rm sed sh sha256sum sort tail tr true
"""
_TOOLS = """
    apparmor_parser arch-test catatonit docker dockerd docker-registry gpg ip iptables mmdebstrap newuidmap node npm
    fish podman ps pulseaudio qemu-aarch64-static rootlesskit shellcheck slirp4netns ssh sshd weston xauth Xvfb xwd
    tcsh xwininfo zstd
"""

_PYTHON = """#!/bin/sh
echo "python $*" >>"$CALLS"
case "$*" in
  --version) echo "Python $VERSION" ;;
  *sys.version_info*) [ "$VERSION" != 3.9.2 ] ;;
  *ensurepip*) [ -z "${NO_VENV:-}" ] ;;
  *"-m pip"*) [ -z "${PIP_SAYS:-}" ] || { echo "$PIP_SAYS"; exit 1; } ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""
_APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$CALLS"
[ "$1" != install ] || [ ! -e "$POLICY" ] || for daemon in ssh ssh.service docker-registry docker; do
  "$POLICY" $daemon start || echo "may not start: $daemon" >>"$CALLS"
done
[ "$1" != install ] || for tool in mmdebstrap docker-registry; do
  case "$*" in *$tool*) printf '#!/bin/sh\\n' >"$TOOLS/$tool"; chmod +x "$TOOLS/$tool" ;; esac
done
"""


@dataclass
class Machine:
    folder: Path

    @property
    def tools(self) -> Path:
        return self.folder / "bin"

    def tool(self, name: str, text: str = "#!/bin/sh\n") -> None:
        path = self.tools / name
        path.write_text(text)
        path.chmod(0o755)

    def unmet(self, *names: str) -> None:
        for name in names:
            (self.tools / name).unlink()

    def calls(self) -> list[str]:
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith(("python -c", "python --version"))]

    def setup(self, purpose: str = "test", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.tools),
            "CALLS": str(self.folder / "calls"),
            "TOOLS": str(self.tools),
            "VERSION": "3.11.2",
            "ADMIN_PATH": "",
            "POLICY": str(self.folder / "policy-rc.d"),
            "MANAGER": str(self.folder),
            **variables,
        }
        script = self.folder / "checkout/scripts/setup"
        return subprocess.run(
            ["/bin/sh", str(script), purpose],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(root: Path, tmp_path: Path) -> Machine:
    """A machine with everything: root's, with an empty checkout of robenv."""
    made = Machine(tmp_path)
    made.tools.mkdir()
    for name in _ESSENTIAL.split():
        found = shutil.which(name, path=os.defpath)
        assert found, name
        (made.tools / name).symlink_to(found)
    for name in _TOOLS.split():
        made.tool(name)
    made.tool("python3", _PYTHON)
    made.tool("apt-get", _APT_GET)
    made.tool(
        "apt-cache", '#!/bin/sh\ncase $2 in *-keyring) exit ;; esac; echo "$2 | 1.0 | http://deb.debian.org/debian"\n'
    )
    made.tool("id", "#!/bin/sh\necho ${IS_USER:-0}\n")
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(root / "scripts/setup", checkout / "scripts/setup")
    (checkout / "pyproject.toml").write_text("[project]\n")
    return made


def test_the_second_time_it_does_nothing_and_quickly(machine: Machine) -> None:
    assert machine.setup().returncode == 0
    first = machine.calls()
    assert "python -m venv --clear .venv" in first
    assert any("--editable .[dev]" in call for call in first)
    began = time.monotonic()
    second = machine.setup()
    assert time.monotonic() - began < 1
    assert (second.returncode, second.stderr, machine.calls()) == (0, "", [])


def test_the_demo_asks_for_no_extras_and_is_content_with_those_that_are_there(machine: Machine) -> None:
    assert machine.setup("demo").returncode == 0
    assert any(call.endswith("--editable .") for call in machine.calls())
    assert machine.setup("test").returncode == 0
    assert any(call.endswith("--editable .[dev]") for call in machine.calls())
    assert machine.setup("demo").returncode == 0
    assert machine.calls() == []
    assert machine.setup("bench").returncode == 0
    assert any(call.endswith("--editable .[bench,dev]") for call in machine.calls())


def test_a_changed_pyproject_installs_again(machine: Machine) -> None:
    machine.setup()
    machine.calls()
    (machine.folder / "checkout/pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert machine.setup().returncode == 0
    assert any("--editable .[dev]" in call for call in machine.calls())


def test_a_vanished_python_makes_the_environment_anew(machine: Machine) -> None:
    machine.setup()
    machine.calls()
    (machine.folder / "checkout/.venv/bin/python").unlink()
    assert machine.setup().returncode == 0
    assert "python -m venv --clear .venv" in machine.calls()


def test_what_is_missing_is_installed_and_only_that(machine: Machine) -> None:
    machine.unmet("mmdebstrap", "docker-registry")
    result = machine.setup()
    assert result.returncode == 0, result.stderr
    assert "installing with apt-get: mmdebstrap docker-registry" in result.stderr
    update, install = (call for call in machine.calls() if call.startswith("apt-get"))
    assert update == "apt-get update -qq"
    assert install.split("--no-install-recommends ")[1].split()[:2] == ["mmdebstrap", "docker-registry"]


def test_what_comes_for_its_programs_alone_is_not_left_running(machine: Machine) -> None:
    machine.unmet("docker-registry")
    machine.tool("systemctl", '#!/bin/sh\necho "systemctl $*" >>"$CALLS"\n')
    result = machine.setup()
    assert result.returncode == 0, result.stderr
    calls = machine.calls()
    assert [call for call in calls if call.startswith("may")] == [
        f"may not start: {daemon}" for daemon in ("ssh", "ssh.service", "docker-registry")
    ]
    assert [call for call in calls if call.startswith("systemctl")] == [
        "systemctl --quiet disable --now docker-registry.service"
    ], "sshd was there before"
    assert "docker-registry is installed and does not run" in result.stderr
    assert not (machine.folder / "policy-rc.d").exists()


def test_where_nobody_manages_services_no_package_starts_the_engine_either(machine: Machine) -> None:
    machine.unmet("docker-registry")
    assert machine.setup(MANAGER="/nowhere").returncode == 0
    assert "may not start: docker" in machine.calls()
    assert not (machine.folder / "policy-rc.d").exists()


def test_a_policy_of_the_machine_s_own_stays(machine: Machine) -> None:
    machine.unmet("docker-registry")
    policy = machine.folder / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    assert machine.setup().returncode == 0
    assert "may not start: docker" in machine.calls()
    assert policy.read_text() == "#!/bin/sh\nexit 101\n"


def test_the_demo_needs_no_registry(machine: Machine) -> None:
    machine.unmet("docker-registry", "shellcheck")
    assert machine.setup("demo").returncode == 0
    assert not any(call.startswith("apt-get install") and "docker-registry" in call for call in machine.calls())


def test_without_venv_its_package_is_installed(machine: Machine) -> None:
    result = machine.setup(NO_VENV="1")
    assert "installing with apt-get: python3-venv" in result.stderr
    assert result.returncode == 1
    assert "this distribution has no package for: python3-venv" in result.stderr


def test_a_user_goes_through_sudo(machine: Machine) -> None:
    machine.unmet("mmdebstrap")
    machine.tool("sudo", '#!/bin/sh\necho "sudo $*" >>"$CALLS"\n[ "$1" != -n ] || shift\nexec "$@"\n')
    result = machine.setup(IS_USER="1000")
    assert result.returncode == 0, result.stderr
    assert "installing with apt-get through sudo: mmdebstrap" in result.stderr
    assert "sudo apt-get update -qq" in machine.calls()


@pytest.mark.parametrize("sudo", [None, "#!/bin/sh\nexit 1\n"])
def test_a_user_without_sudo_is_refused_and_told_what_is_missing(machine: Machine, sudo: str | None) -> None:
    machine.unmet("mmdebstrap")
    if sudo:
        machine.tool("sudo", sudo)
    result = machine.setup(IS_USER="1000")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "set-up: these packages are missing, and this user is not root and has no sudo: apt-get install mmdebstrap"
    ]
    assert not any(call.startswith("apt-get") for call in machine.calls())


def test_an_old_python_is_refused_with_its_version(machine: Machine) -> None:
    result = machine.setup(VERSION="3.9.2")
    assert result.returncode == 1
    assert "needs Python 3.10 or newer, and this machine has Python 3.9.2" in result.stderr


def test_a_newer_python_beside_an_old_one_is_found(machine: Machine) -> None:
    machine.tool("python3.12", _PYTHON.replace("$VERSION", "3.12.1"))
    assert machine.setup(VERSION="3.9.2").returncode == 0


def test_no_python_is_refused(machine: Machine) -> None:
    machine.unmet("python3")
    result = machine.setup()
    assert result.returncode == 1
    assert "apt-get install python3" in result.stderr


def test_a_failing_apt_get_shows_what_it_said(machine: Machine) -> None:
    machine.unmet("mmdebstrap")
    failing = '#!/bin/sh\n[ "$1" != install ] || { echo "E: dpkg was interrupted" >&2; exit 100; }\n'
    machine.tool("apt-get", failing)
    result = machine.setup()
    assert result.returncode == 1
    assert "E: dpkg was interrupted" in result.stderr
    assert "apt-get could not install: mmdebstrap" in result.stderr
    assert not (machine.folder / "policy-rc.d").exists()


def test_another_system_is_refused(machine: Machine) -> None:
    machine.unmet("mmdebstrap", "apt-get")
    result = machine.setup()
    assert result.returncode == 1
    assert "only Debian's and Ubuntu's packages are known here: mmdebstrap" in result.stderr


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            "PIP_CERT=",
        ),
        ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", "PIP_INDEX_URL"),
        ("error: invalid command 'bdist_wheel'", "set-up: pip could not install robenv\n"),
    ],
)
def test_why_pip_failed_is_what_pip_said(machine: Machine, said: str, told: str) -> None:
    result = machine.setup(PIP_SAYS=said)
    assert result.returncode == 1
    assert told in result.stderr
    assert "is there a network?" not in result.stderr


def test_nonsense_is_refused_with_the_usage(machine: Machine) -> None:
    result = machine.setup("everything")
    assert (result.returncode, result.stderr) == (2, "usage: scripts/setup demo|test|bench\n")
