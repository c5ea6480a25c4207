"""What somebody else's profile takes away of the user's own settings: told, each in its words, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from robenv.plan.models import Device, DeviceRequest
from robenv.plan.trust import weakened
from tests.support.projects.chains import STRANGER, Chain
from tests.support.projects.run_plans import run_plan


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
        (
            "run: {healthcheck: {test: 'true'}}",
            "run: {healthcheck: {disable: true}}",
            "another health check than that of your own files: CMD",
        ),
        ("run: {security_opt: [apparmor=mine]}", "run: {security_opt: !reset }", "apparmor=mine does not hold"),
        (
            "run: {privileged: true, security_opt: ['no-new-privileges:true']}",
            "run: {security_opt: !reset }",
            "new privileges by setuid programs, which your own files bar",
        ),
        ("run: {cpu_shares: 2}", "run: {cpu_shares: !reset }", "run.cpu_shares, which your own files set to 2, is not"),
        ("run: {oom_score_adj: 900}", "run: {oom_score_adj: 0}", "run.oom_score_adj"),
        ("run: {cgroup_parent: /mine}", "run: {cgroup_parent: !reset }", "run.cgroup_parent, which your own files set"),
        ("run: {mem_limit: 1gb}", "run: {memswap_limit: -1}", "run.memswap_limit"),
        ("run: {cpu_quota: 50ms}", "run: {cpu_period: 10ms}", "run.cpu_period"),
        ("run: {network_mode: 'container:vpn'}", "run: {network_mode: bridge}", "run.network_mode, which your own"),
        ("run: {network_mode: somebodys}", "run: {network_mode: !reset }", "run.network_mode, which your own files"),
        (
            "{networks: {lan: {}}, run: {networks: [lan]}}",
            "{networks: {out: {}}, run: {networks: [out]}}",
            "the network out, beside those that your own files name",
        ),
        (
            "{networks: {lan: {}}, run: {networks: [lan]}}",
            "run: {networks: !reset }",
            "the engine's own network, instead of lan",
        ),
        (
            "{networks: {lan: {driver_opts: {com.docker.network.bridge.enable_ip_masquerade: 'false'}}}, "
            "run: {networks: [lan]}}",
            "networks: {lan: {driver_opts: !reset }}",
            "the network lan, set up otherwise than by your own files",
        ),
        (
            "run: {volumes: ['cache:/cache:ro']}",
            "run: {volumes: ['cache:/other']}",
            "writes at /other to a volume that your own files mount read-only",
        ),
        (
            "run: {environment: {NVIDIA_VISIBLE_DEVICES: none}}",
            "run: {environment: !reset }",
            "a GPU that the image asks for",
        ),
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
        ("run: {security_opt: [seccomp=unconfined]}", "run: {security_opt: !reset }"),
        ("run: {blkio_config: {weight: 900}}", "run: {blkio_config: !reset }"),
        ("run: {blkio_config: {weight_device: [{path: /dev/sda, weight: 900}]}}", "run: {blkio_config: !reset }"),
        ("run: {cpu_shares: 4096}", "run: {cpu_shares: !reset }"),
        ("run: {oom_score_adj: 100}", "run: {oom_score_adj: 900}"),
        ("run: {cpu_quota: 50ms, cpu_period: 100ms}", "run: {cpu_quota: 5ms, cpu_period: 10ms}"),
        ("run: {network_mode: 'container:vpn'}", "run: {network_mode: none}"),
        ("run: {volumes: ['cache:/cache']}", "run: {volumes: ['cache:/other']}"),
        ("run: {devices: [/dev/sda]}", "run: {devices: !override ['/dev/sda:/dev/sda:r']}"),
        ("{run: {privileged: true}, user: {sudo: true}}", "run: {privileged: false}"),
    ],
)
def test_what_is_stricter_or_only_inside_is_no_loss(chain: Chain, own: str, theirs: str) -> None:
    assert lost(chain, own, theirs) == []


@pytest.mark.parametrize(
    ("own", "theirs", "words"),
    [
        (
            "run: {devices: ['/dev/sda:/dev/sda:r']}",
            "run: {devices: ['/dev/./sda:/dev/disk']}",
            "the device /dev/sda for rwm, which your own files give for r",
        ),
        (
            "run: {device_cgroup_rules: ['c 188:* r']}",
            "run: {device_cgroup_rules: ['c 188:* rw']}",
            "devices c 188:* for rw, which your own files give for r",
        ),
        ("run: {devices: [/dev/dri/renderD128]}", "run: {devices: [/dev/kfd]}", "more of the GPU: /dev/kfd"),
        ("run: {devices: [/dev/dri/renderD128]}", "run: {runtime: nvidia}", "more of the GPU: what the runtime nvidia"),
        (
            "run: {ulimits: {rtprio: {soft: 1, hard: 1}}}",
            "run: {cpu_rt_runtime: 900ms}",
            "run.cpu_rt_runtime becomes 900000",
        ),
        ("run: {cpu_rt_runtime: 1ms}", "run: {cpu_rt_runtime: 900ms}", "run.cpu_rt_runtime becomes 900000"),
        (
            "run: {cpu_rt_runtime: 1ms}",
            "run: {ulimits: {rtprio: {soft: 1, hard: 99}}}",
            "run.ulimits.rtprio becomes 99",
        ),
    ],
)
def test_more_of_a_power_that_the_users_own_files_give_is_told(chain: Chain, own: str, theirs: str, words: str) -> None:
    """Though its own line says the same of both."""
    (text,) = lost(chain, own, theirs)
    assert words in text


def test_another_driver_of_the_gpu_is_more_of_it() -> None:
    nvidia = DeviceRequest("", -1, (), (("gpu",),))
    own = run_plan(devices=(Device("/dev/dri/renderD128", "/dev/dri/renderD128"),))
    (told,) = weakened(own, replace(own, device_requests=(nvidia,)))
    assert str(told) == "more of the GPU: what the engine's GPU driver gives"
    assert weakened(replace(own, device_requests=(nvidia,)), replace(own, device_requests=(nvidia,))) == ()


def test_a_device_by_another_of_its_names_is_the_same_device(chain: Chain) -> None:
    (chain.folder / "link").symlink_to("/dev/null")
    own = "run: {devices: ['/dev/null:/dev/null:r']}"
    (text,) = lost(chain, own, f"run: {{devices: ['{chain.folder}/link:/dev/x:rw']}}")
    assert text == "the device /dev/null for rw, which your own files give for r"


def test_another_place_on_the_hosts_network(chain: Chain) -> None:
    own = "{networks: {lan: {driver: macvlan, driver_opts: {parent: eth1}}}, run: {networks: [lan]}}"
    assert lost(chain, own, "networks: {lan: {driver_opts: {parent: eth0}}}") == [
        "the network option parent=eth0 (lan)",
        "the network lan, set up otherwise than by your own files",
    ]


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
