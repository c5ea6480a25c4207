"""What somebody else's profile takes away of the user's own settings: told, each in its words, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.environment.test_trust import STRANGER, Chain


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    return Chain(tmp_path)


def lost(chain: Chain, own: str, theirs: str) -> list[str]:
    """The user's own common.yaml comes first, and the stranger's file after it."""
    chain.write("picker/own.yaml", own)
    chain.write("picker/theirs.yaml", theirs, STRANGER)
    chain.main("extends: [./own.yaml, ./theirs.yaml]\n")
    return chain.asked()["theirs.yaml"]


@pytest.mark.parametrize(
    ("own", "theirs", "words"),
    [
        ("run: {network_mode: none}", "run: {network_mode: !reset }", "a network, where your own files give it none"),
        ("run: {network_mode: none}", "run: {network_mode: bridge}", "a network, where your own files give it none"),
        ("run: {network_mode: none}", "run: !override {hostname: x}", "a network, where your own files give it none"),
        (
            "{networks: {iso: {internal: true}}, run: {networks: [iso]}}",
            "networks: {iso: {internal: false}}",
            "a network, where your own files give it none that leads out",
        ),
        (
            "{networks: {iso: {internal: true}, out: {}}, run: {networks: [iso, out]}}",
            "networks: {iso: {internal: false}}",
            "a way out of the network iso",
        ),
        ("run: {read_only: true}", "run: {read_only: false}", "run.read_only, which your own files set to true"),
        ("run: {read_only: true}", "run: {read_only: !reset }", "run.read_only, which your own files set to true"),
        ("run: {mem_limit: 1gb}", "run: {mem_limit: 2gb}", "run.mem_limit, which your own files set to 1073741824"),
        ("run: {mem_limit: 1gb}", "run: {mem_limit: !reset }", "is not set"),
        ("run: {pids_limit: 100}", "run: {pids_limit: -1}", "run.pids_limit"),
        ("run: {cpus: 1}", "run: {cpus: 8}", "run.cpus"),
        ("run: {cpuset: '0'}", "run: {cpuset: 0-3}", "run.cpuset"),
        ("run: {ulimits: {nofile: 100}}", "run: {ulimits: {nofile: 200}}", "run.ulimits.nofile"),
        ("run: {blkio_config: {weight: 100}}", "run: {blkio_config: {weight: 400}}", "run.blkio_weight"),
        (
            "run: {blkio_config: {device_read_bps: [{path: /dev/sda, rate: 1mb}]}}",
            "run: {blkio_config: !reset }",
            "run.blkio_config, read_bps of /dev/sda",
        ),
        ("run: {cap_drop: [ALL]}", "run: {cap_drop: !override [AUDIT_WRITE]}", "capabilities that it would not have"),
        (
            "setup: []",
            "run: {cap_drop: [AUDIT_WRITE]}",
            "capabilities that it would not have by your own files: CHOWN, ",
        ),
        ("setup: []", "run: {cap_add: [NET_RAW]}", "capabilities that it would not have by your own files: NET_RAW"),
        ("run: {runtime: runsc}", "run: {runtime: runc}", "run.runtime, which your own files set to runsc"),
        ("run: {ipc: none}", "run: {ipc: shareable}", "run.ipc, which your own files set to none"),
        ("run: {volumes: ['./d:/d:ro']}", "run: {volumes: ['./d:/d']}", "writes to /d, which your own files mount"),
        ("run: {volumes: ['./d:/d:ro']}", "run: {volumes: !reset }", "something else at /d than your own files mount"),
        ("run: {logging: {driver: local}}", "run: {logging: {driver: none}}", "run.logging_driver"),
        ("run: {sysctls: {net.ipv4.ip_forward: 0}}", "run: {sysctls: !reset }", "without what your own files say"),
        ("run: {labels: {autoupdate: 'no'}}", "run: {labels: !reset }", "run.labels without what your own files say"),
        ("run: {dns: [10.0.0.1]}", "run: {dns: !override [9.9.9.9]}", "run.dns without what your own files say: 10.0"),
        ("run: {healthcheck: {test: 'true'}}", "run: {healthcheck: {disable: true}}", "run.healthcheck"),
        ("run: {security_opt: [apparmor=mine]}", "run: {security_opt: !reset }", "apparmor=mine does not hold"),
    ],
)
def test_each_loss_is_told(chain: Chain, own: str, theirs: str, words: str) -> None:
    (text,) = lost(chain, own, theirs)
    assert words in text


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("run: {mem_limit: 2gb, pids_limit: 200, cpus: 4}", "run: {mem_limit: 1gb, pids_limit: 100, cpus: 1}"),
        ("run: {read_only: false}", "run: {read_only: true}"),
        ("run: {volumes: ['./d:/d']}", "run: {volumes: ['./d:/d:ro']}"),
        ("run: {ulimits: {nofile: 200}}", "run: {ulimits: {nofile: 100}}"),
        ("run: {cap_add: [SYS_TIME], privileged: true}", "run: {cap_add: !reset , privileged: false}"),
        ("run: {network_mode: host}", "run: {network_mode: none}"),
        ("run: {command: sleep 1, hostname: a}", "run: {command: sleep 2, hostname: b, environment: {A: b}}"),
        ("user: {name: jane}", "user: {name: dev, shell: /bin/sh}"),
        ("workspace: {target: /ws}", "workspace: {target: /w}"),
    ],
)
def test_what_is_stricter_or_only_inside_is_no_loss(chain: Chain, own: str, theirs: str) -> None:
    assert lost(chain, own, theirs) == []


def test_a_seccomp_profile_that_is_lost(chain: Chain) -> None:
    chain.write("picker/strict.json", "{}")
    own = "run: {security_opt: ['seccomp=./strict.json']}"
    (text,) = lost(chain, own, "run: {security_opt: !reset }")
    assert text == "less than your own files demand: seccomp={} does not hold"


def test_settings_that_make_no_container_by_themselves(chain: Chain) -> None:
    """They name a network that only the stranger's file has, so that there is nothing to compare with."""
    chain.write("picker/theirs.yaml", "networks: {lan: {}}\n", STRANGER)
    chain.main("extends: [./theirs.yaml]\nrun: {networks: [lan]}\n")
    (text,) = chain.asked()["theirs.yaml"]
    assert text.startswith("what it takes away of your own settings cannot be told")
