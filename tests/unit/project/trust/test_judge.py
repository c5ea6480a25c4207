"""Whose doing a power is, and what the user has allowed: on real files of several owners and real repositories."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robenv.errors import NotApproved, OperationFailed
from robenv.project.gate import require_trust
from robenv.project.trust.approvals import approval_of, approvals, approve, own_uids, revoke
from robenv.project.trust.judge import AccessClaim, claims_of, image_claims_of, not_approved
from tests.support.projects.chains import FACTS, OTHER, STRANGER, Chain

HOST = "the host's network: its interfaces, and whatever listens on it, also on localhost"


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    return Chain(tmp_path)


def test_the_users_own_files_ask_for_nothing(chain: Chain) -> None:
    chain.write("picker/common.yaml", "run: {privileged: true}\n")
    chain.main("extends: [./common.yaml, ros/debian-bookworm]\nrun: {network_mode: host}\n")
    assert chain.claims() == ()


@pytest.mark.parametrize("where", ["picker/common.yaml", "other/common.yaml"])
def test_a_file_of_another_user(chain: Chain, where: str) -> None:
    file = chain.write(where, "run: {network_mode: host, cap_add: [SYS_TIME]}\n", STRANGER)
    chain.main(f"extends: [{file}]\nrun: {{pid: host}}\n")
    (claim,) = chain.claims()
    assert claim.powers == (HOST, "the capability SYS_TIME: dangerous, sets the host's clock")
    assert claim.why == f"it belongs to UID {STRANGER}"
    assert claim.source == f"{file} (it belongs to UID {STRANGER})"


def test_a_profile_from_git(chain: Chain) -> None:
    chain.write("git/arm.yaml", "extends: [./below.yaml]\nrun: {ipc: host}\n")
    chain.write("git/below.yaml", "run: {network_mode: host, volumes: ['./config:/config']}\n")
    chain.main("extends: ['git+https://arm']\n")
    (claim,) = chain.claims()
    assert (claim.source, claim.why) == ("git+https://arm", "it is from git")
    assert claim.powers == (HOST, "the host's shared memory (ipc: host)")


def test_what_the_users_own_files_say_too_is_no_claim(chain: Chain) -> None:
    chain.write("picker/common.yaml", "run: {network_mode: host, cap_add: [SYS_TIME, BPF]}\n", STRANGER)
    chain.main("extends: [./common.yaml]\nrun: {network_mode: host, cap_add: [SYS_TIME]}\n")
    assert chain.asked() == {"common.yaml": ["the capability BPF: dangerous, programs in the host's kernel"]}


def test_what_the_users_own_files_take_back_is_no_claim(chain: Chain) -> None:
    chain.write("picker/common.yaml", "run: {network_mode: host, cap_add: [SYS_TIME], privileged: true}\n", STRANGER)
    chain.main("extends: [./common.yaml]\nrun: {network_mode: bridge, cap_add: !reset , privileged: false}\n")
    assert chain.asked() == {"common.yaml": []}


def test_a_file_of_the_users_own_that_only_a_stranger_asked_for_is_the_strangers_doing(chain: Chain) -> None:
    mine = chain.write("secret/powerful.yaml", "run: {privileged: true}\n")
    chain.write("picker/common.yaml", f"extends: [{mine}]\n", STRANGER)
    chain.main("extends: [./common.yaml]\n")
    assert chain.asked() == {"common.yaml": ["privileged: all devices and capabilities, as good as root on the host"]}
    chain.main(f"extends: [./common.yaml, {mine}]\n")
    assert chain.asked() == {"common.yaml": []}


def test_a_project_that_belongs_to_another_user(chain: Chain) -> None:
    chain.main("run: {network_mode: host}\nworkspace: {source: /srv}\n", STRANGER)
    chain.write("picker/robenv.local.yaml", "run: {pid: host}\n")
    assert chain.asked() == {"robenv.yaml": ["reads and writes /srv", HOST, "the key workspace.source: /srv"]}


def test_two_strangers_each_with_what_it_asks_for(chain: Chain) -> None:
    chain.write("picker/a.yaml", "run: {network_mode: host, cap_add: [BPF]}\n", STRANGER)
    chain.write("picker/b.yaml", "run: {network_mode: host, pid: host}\n", OTHER)
    chain.main("extends: [./a.yaml, ./b.yaml]\n")
    asked = chain.asked()
    assert asked["a.yaml"] == [HOST, "the capability BPF: dangerous, programs in the host's kernel"]
    assert asked["b.yaml"] == [HOST, "the host's processes: sees all of them (pid: host)"]


def test_a_strangers_stranger_is_on_the_first_ones_account(chain: Chain) -> None:
    chain.write("picker/b.yaml", "run: {pid: host}\n", OTHER)
    chain.write("picker/a.yaml", "extends: [./b.yaml]\n", STRANGER)
    chain.main("extends: [./a.yaml]\n")
    assert chain.asked() == {"a.yaml": ["the host's processes: sees all of them (pid: host)"]}


def test_what_two_strangers_only_ask_for_together_is_on_both_accounts(chain: Chain) -> None:
    """Neither alone gives a network that the other names."""
    chain.write("picker/a.yaml", "networks: {lan: {driver: macvlan, driver_opts: {parent: eth0}}}\n", STRANGER)
    chain.write("picker/b.yaml", "run: {networks: [lan]}\n", OTHER)
    chain.main("extends: [./a.yaml, ./b.yaml]\n")
    asked = chain.asked()
    assert asked["a.yaml"] == asked["b.yaml"]
    assert "(macvlan lan)" in asked["a.yaml"][0]


def test_a_link_of_a_stranger_to_a_file_of_the_users_own(chain: Chain) -> None:
    mine = chain.write("mine/powerful.yaml", "run: {privileged: true}\n")
    link = chain.folder / "picker" / "common.yaml"
    link.symlink_to(mine)
    os.lchown(link, STRANGER, STRANGER)
    chain.main("extends: [./common.yaml]\n")
    assert list(chain.asked()) == ["common.yaml"]


def test_a_volume_through_a_link_is_told_by_where_it_leads(chain: Chain) -> None:
    (chain.project / "data").symlink_to("/etc")
    chain.write("picker/common.yaml", "run: {volumes: ['./data:/data']}\n", STRANGER)
    chain.main("extends: [./common.yaml]\n")
    assert chain.asked() == {"common.yaml": ["reads and writes /etc, the host's settings and accounts"]}


def test_variables_from_a_strangers_dotenv_make_every_file_theirs(chain: Chain) -> None:
    chain.write("picker/.env", "MODE=host\n", STRANGER)
    chain.main("run: {network_mode: '${MODE}'}\n")
    (claim,) = chain.claims()
    assert claim.powers == (HOST,)
    assert claim.why == f".env belongs to UID {STRANGER}"


def test_a_file_that_changes_hands_while_it_is_read_is_nobodys(chain: Chain) -> None:
    """A path that leads to the user's own file by the time that its owner is asked for."""
    file = chain.write("picker/common.yaml", "run: {privileged: true}\n", STRANGER)
    chain.main("extends: [./common.yaml]\n")
    planned = chain.planned()
    file.unlink()
    chain.write("picker/common.yaml", "run: {read_only: true}\n")
    (claim,) = claims_of(planned, FACTS, planned.container(FACTS, planned.grant(FACTS)))
    assert claim.why == "it changed while it was read"


def test_files_of_the_host_that_an_image_takes_in(chain: Chain) -> None:
    secret = chain.write("secret/id", "secret")
    chain.write("picker/inside", "")
    text = f"files: [{{source: {secret}, target: /x}}, {{source: ./inside, target: /y}}]\nrun: {{pid: host}}\n"
    chain.write("picker/common.yaml", text, STRANGER)
    chain.main("extends: [./common.yaml]\n")
    (claim,) = image_claims_of(chain.planned())
    assert claim.powers == (f"takes in a copy of {secret}",)
    assert chain.asked()["common.yaml"][1:] == [f"takes in a copy of {secret}"]


def test_the_hosts_network_in_a_build(chain: Chain) -> None:
    """A stranger's doing to ask for it; and to have its own steps run there, whoever asked."""
    runs = "what it puts into the image runs, as it is built, in the network of the engine's machine"
    stranger = chain.write("theirs.yaml", "steps: [{name: look, run: ls}]\n", STRANGER)
    for own, theirs, powers in (
        ("", "", ()),
        ("build: {network: none}\n", "", ()),
        ("build: {network: host}\n", "", (runs,)),
        ("build: {network: host}\n", "build: {network: none}\n", (runs,)),
        ("", "build: {network: none}\n", ()),
        ("", "build: {network: host}\n", ("the key build.network: host",)),
    ):
        stranger.write_text(f"steps: [{{name: look, run: ls}}]\n{theirs}")
        chain.main(f"extends: ../theirs.yaml\n{own}")
        (claim,) = image_claims_of(chain.planned())
        assert claim.powers == powers
    chain.main("build: {network: host}\n")
    assert image_claims_of(chain.planned()) == (), "one's own"


def test_variables_of_the_host_in_a_file_for_the_container(chain: Chain) -> None:
    secret = chain.write("secret/tokens.env", "TOKEN=1\n")
    chain.write("picker/common.yaml", f"run: {{env_file: {secret}}}\n", STRANGER)
    chain.main("extends: [./common.yaml]\n")
    assert chain.asked() == {"common.yaml": [f"takes in a copy of {secret}"]}


def test_who_called_sudo_counts_as_the_user(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.main("run: {network_mode: host}\n", STRANGER)
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    assert chain.claims() == ()
    monkeypatch.setattr("os.geteuid", lambda: OTHER)
    assert own_uids() == {OTHER, 0}


def test_approvals_are_private_and_by_content(chain: Chain) -> None:
    made = approve("git+https://arm", ["a", "b"])
    file = Path(made.path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert approve("git+https://arm", ["b", "a"]).path == made.path
    assert [approval.source for approval in approvals()] == ["git+https://arm"]
    for powers, holds in ((["a"], True), (["a", "b"], True), (["a", "c"], False), ([], True)):
        assert (approval_of("git+https://arm", powers) is not None) is holds
    assert approval_of("git+https://other", ["a"]) is None
    approve("git+https://arm", ["c"])
    assert revoke("git+https://arm") == 2
    assert approvals() == []
    assert revoke("git+https://arm") == 0


def _reader_writes(file: Path) -> None:
    file.chmod(0o660)


def _somebody_elses(file: Path) -> None:
    os.chown(file, STRANGER, STRANGER)


def _says_more(file: Path) -> None:
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "powers": [*document["powers"], "more"]}))


def _broken(file: Path) -> None:
    file.write_bytes(b'{"source": "x", "powers": [\xff')


def _a_link(file: Path) -> None:
    other = file.with_name("elsewhere")
    file.rename(other)
    file.symlink_to(other)


@pytest.mark.parametrize("spoil", [_reader_writes, _somebody_elses, _says_more, _broken, _a_link])
def test_an_approval_that_somebody_else_could_have_written_is_none(chain: Chain, spoil: Callable[[Path], None]) -> None:
    spoil(Path(approve("git+https://arm", ["a"]).path))
    assert approvals() == []


def test_an_approval_that_cannot_be_kept_is_said(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = chain.write("state/robenv/approvals", "a file")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked.parents[1]))
    with pytest.raises(OperationFailed, match="cannot be kept"):
        approve("git+https://arm", ["a"])


def test_asks_the_first_time_and_when_the_list_grows(chain: Chain) -> None:
    answers: list[Any] = []

    def ask(claims: Any) -> bool:
        answers.append([claim.powers for claim in claims])
        return True

    def claim(*powers: str) -> tuple[AccessClaim, ...]:
        return (AccessClaim("git+https://arm", "arm", "it is from git", powers),)

    assert require_trust(claim(), ask) == ()
    assert require_trust(claim(), None) == ()
    (path,) = require_trust(claim("a", "b"), ask)
    assert require_trust(claim("a", "b"), None) == (path,)
    assert require_trust(claim("b"), None) == (path,)
    assert answers == [[("a", "b")]]
    with pytest.raises(NotApproved) as refused:
        require_trust(claim("a", "c"), None)
    assert refused.value.exit_code == 2
    assert "robenv trust" in refused.value.hint
    with pytest.raises(NotApproved):
        require_trust(claim("a", "c"), lambda claims: False)
    assert not_approved(claim("a", "c"))
    assert require_trust(claim("a", "c"), ask) != (path,)
    revoke("git+https://arm")
    with pytest.raises(NotApproved):
        require_trust(claim("b"), None)


def test_many_robenvs_approve_at_once(chain: Chain) -> None:
    script = "import sys; from robenv.project.trust.approvals import approve; approve('s', [sys.argv[1], 'x'])"
    running = [subprocess.Popen([sys.executable, "-c", script, str(number % 3)]) for number in range(9)]
    assert [one.wait(60) for one in running] == [0] * 9
    assert [approval.powers for approval in sorted(approvals(), key=lambda one: one.powers)] == [
        ("0", "x"),
        ("1", "x"),
        ("2", "x"),
    ]
    assert not list((chain.folder / "state" / "robenv" / "approvals").glob("*.new"))
