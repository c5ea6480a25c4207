from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from robenv.errors import UsageError
from robenv.host.facts import Facts
from robenv.host.probes.facts import read_facts
from robenv.host.probes.timezone import read_timezone
from robenv.host.recorded import RecordedHost

PROBE = (
    "from robenv.host.probes.facts import read_facts; import json; print(json.dumps(read_facts('aarch64').to_json()))"
)


def _read_as(uid: int, environment: dict[str, str]) -> dict[str, object]:
    """The facts that a process of that UID reads; this test has to be root for any other than its own."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE],
        user=uid if uid != os.geteuid() else None,
        group=uid if uid != os.geteuid() else None,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        check=True,
        text=True,
        cwd="/",
    )
    facts: dict[str, object] = json.loads(result.stdout)
    return facts


def test_facts_of_this_process() -> None:
    facts = read_facts("x86_64")
    assert (facts.uid, facts.gid, facts.platform) == (os.geteuid(), os.getegid(), "linux/amd64")
    assert facts.user_name


def test_a_process_sees_who_it_is_and_not_who_called_sudo() -> None:
    facts = _read_as(os.geteuid(), {"SUDO_UID": "4321", "SUDO_GID": "4321", "SUDO_USER": "jane", "TZ": "Asia/Tokyo"})
    assert (facts["uid"], facts["gid"]) == (os.geteuid(), os.getegid())
    assert (facts["platform"], facts["timezone"]) == ("linux/arm64", "Asia/Tokyo")


def test_a_uid_without_a_passwd_entry_has_its_number_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 3_111_222_333)
    monkeypatch.setattr(os, "getegid", lambda: 3_111_222_334)
    facts = read_facts("linux/amd64")
    assert (facts.uid, facts.gid, facts.user_name) == (3_111_222_333, 3_111_222_334, "3111222333")


def test_on_a_rootless_engine_this_user_is_root_inside() -> None:
    facts = read_facts("linux/amd64", rootless=True)
    assert (facts.uid, facts.gid) == (0, 0)


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(UsageError):
        read_facts("linux/amd46")


def test_facts_are_plain_json() -> None:
    facts = Facts(uid=1000, gid=100, user_name="jane", platform="linux/amd64")
    document = json.loads(json.dumps(facts.to_json()))
    assert (document["uid"], document["gid"], document["user_name"]) == (1000, 100, "jane")
    assert (document["platform"], document["read"], document["gpu"]["tegra"]) == ("linux/amd64", [], None)


@pytest.mark.parametrize(
    ("document", "zone"),
    [
        ({"variables": {"TZ": "Asia/Tokyo"}, "files": {"/etc/timezone": "America/New_York\n"}}, "Asia/Tokyo"),
        ({"variables": {"TZ": ":Asia/Tokyo"}}, "Asia/Tokyo"),
        ({"variables": {"TZ": "/usr/share/zoneinfo/Asia/Tokyo"}}, "Asia/Tokyo"),
        ({"links": {"/etc/localtime": "/usr/share/zoneinfo/Europe/Berlin"}}, "Europe/Berlin"),
        ({"links": {"/etc/localtime": "../usr/share/zoneinfo/Europe/Berlin"}}, "Europe/Berlin"),
        ({"links": {"/etc/localtime": "/opt/zone"}, "files": {"/etc/timezone": "Etc/UTC\n"}}, "Etc/UTC"),
        ({"files": {"/etc/localtime": "TZif2", "/etc/timezone": "America/New_York\n"}}, "America/New_York"),
        ({}, ""),
    ],
)
def test_timezone_from_each_place_that_may_say(document: dict[str, Any], zone: str) -> None:
    assert read_timezone(RecordedHost(document)) == zone


def test_importing_the_probe_reads_nothing() -> None:
    check = (
        "import os, sys\n"
        "def audit(event, args):\n"
        "    path = str(args[0]) if event == 'open' else ''\n"
        "    if path.startswith('/etc') or event.startswith('subprocess'):\n"
        "        print(event, path)\n"
        "sys.addaudithook(audit)\n"
        "import robenv.host.probes.facts\n"
    )
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout == ""
