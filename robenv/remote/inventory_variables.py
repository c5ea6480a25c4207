"""The variables of an inventory: which robenv reads, which are Ansible's, and which only look like one of these. Pure.

Ansible's by https://docs.ansible.com/ansible/latest/inventory_guide/connection_details.html and the ssh connection's
https://docs.ansible.com/ansible/latest/collections/ansible/builtin/ssh_connection.html.
"""

from __future__ import annotations

import difflib
import re

from robenv.profile.yaml.parse_error import closest
from robenv.util.sanitize import show

OWN = ("robenv_docker_host",)
"""robenv's alone."""
_READ = frozenset(
    (
        "ansible_host", "ansible_ssh_host", "ansible_user", "ansible_ssh_user", "ansible_port", "ansible_ssh_port",
        "ansible_private_key_file", "ansible_ssh_private_key_file", "ansible_ssh_common_args", "ansible_ssh_extra_args",
    )
)  # fmt: skip
_ANSIBLES = frozenset(
    (
        "ansible_connection", "ansible_password", "ansible_ssh_pass", "ansible_ssh_password", "ansible_ssh_args",
        "ansible_sftp_extra_args", "ansible_scp_extra_args", "ansible_ssh_pipelining", "ansible_pipelining",
        "ansible_ssh_executable", "ansible_ssh_retries", "ansible_ssh_timeout", "ansible_timeout",
        "ansible_ssh_transfer_method", "ansible_ssh_use_tty", "ansible_host_key_checking",
        "ansible_ssh_host_key_checking", "ansible_ssh_private_key", "ansible_private_key", "ansible_control_path",
        "ansible_control_path_dir", "ansible_ssh_control_path", "ansible_become", "ansible_become_method",
        "ansible_become_user", "ansible_become_pass", "ansible_become_password", "ansible_become_exe",
        "ansible_become_flags", "ansible_shell_type", "ansible_shell_executable", "ansible_remote_tmp",
        "ansible_network_os", "ansible_check_mode", "ansible_facts",
    )
)  # fmt: skip
_FAMILIES = re.compile(r"ansible_(?:\w+_interpreter|(?:winrm|psrp|paramiko|httpapi|netconf|docker|podman|aws)_\w+)")
_NEAR, _NEAR_WHOLE = 0.75, 0.85
"""How alike two names have to be behind a prefix that they have in common, and where it is the prefix that differs."""


def is_read(name: str) -> bool:
    """Whether robenv reads a variable of that name."""
    return name in _READ or name in OWN


def doubt(name: str) -> tuple[str, str] | None:
    """A sentence about a variable that was most likely meant to be another one, and a way out; None for all others."""
    if is_read(name) or name in _ANSIBLES or _FAMILIES.fullmatch(name):
        return None
    near = _nearest(name)
    hint = f"did you mean `{near}`?" if near else f"it reads {', '.join(OWN)}"
    if name.startswith("robenv_"):
        return f"{show(name)} is no variable that robenv reads", hint
    return (f"{show(name)} is a variable neither of robenv's nor of Ansible's", hint) if near else None


def _nearest(name: str) -> str:
    """The known name that it is like, the prefix apart; those that robenv reads go first. "" where there is none."""
    if name.startswith("robenv_"):
        near = closest(name.removeprefix("robenv_"), [one.removeprefix("robenv_") for one in OWN])
        return f"robenv_{near}" if near else ""
    prefix = "ansible_" if name.startswith("ansible_") else ""
    for known in ((*sorted(_READ), *OWN), sorted(_ANSIBLES)):
        words = [one.removeprefix(prefix) for one in known if one.startswith(prefix)]
        cutoff = _NEAR if prefix else _NEAR_WHOLE
        if alike := difflib.get_close_matches(name.removeprefix(prefix), words, n=1, cutoff=cutoff):
            return prefix + alike[0]
    return ""
