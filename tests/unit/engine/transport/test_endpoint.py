"""Which engine is meant: by the docker CLI's rules, on real docker config folders."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from robenv.engine.transport.endpoint import (
    Endpoint,
    Tls,
    engine_insecure,
    engine_unreachable,
    find_endpoint,
    start_command,
)
from robenv.errors import EngineDenied, EngineUnreachable


def _context(config: Path, name: str, endpoint: object, files: tuple[str, ...] = ()) -> None:
    digest = sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoint}))
    for file in files:
        path = config / "contexts" / "tls" / digest / "docker" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("pem")


def test_without_anything_it_is_the_socket(tmp_path: Path) -> None:
    found = find_endpoint({"HOME": str(tmp_path)})
    assert found == Endpoint("unix:///var/run/docker.sock", "the default", None, str(tmp_path / ".docker"))
    assert found.socket == "/var/run/docker.sock"


def test_docker_host_wins_over_a_context(tmp_path: Path) -> None:
    environ = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": "tcp://robot:2375", "DOCKER_CONTEXT": "none such"}
    found = find_endpoint(environ)
    assert (found.url, found.source, found.tls, found.socket) == ("tcp://robot:2375", "DOCKER_HOST", None, "")


def test_tls_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("pem")
    environ = {"DOCKER_HOST": "tcp://robot:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    assert find_endpoint(environ).tls == Tls(ca=str(tmp_path / "ca.pem"), verify=True)
    assert find_endpoint(environ | {"DOCKER_TLS_VERIFY": "", "DOCKER_TLS": "1"}).tls == Tls(
        ca=str(tmp_path / "ca.pem"), verify=False
    )
    assert find_endpoint(environ | {"DOCKER_TLS_VERIFY": ""}).tls is None


def test_the_current_context(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "robot"}')
    _context(tmp_path, "robot", {"docker": {"Host": "ssh://dev@robot"}})
    found = find_endpoint({"DOCKER_CONFIG": str(tmp_path)})
    assert (found.url, found.source) == ("ssh://dev@robot", "the docker context 'robot'")


def test_docker_context_wins_over_the_current_one_and_default_is_the_socket(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "robot"}')
    _context(tmp_path, "lab", {"docker": {"Host": "unix:///run/lab.sock"}})
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    assert find_endpoint(environ | {"DOCKER_CONTEXT": "lab"}).socket == "/run/lab.sock"
    assert find_endpoint(environ | {"DOCKER_CONTEXT": "default"}).socket == "/var/run/docker.sock"


def test_tls_of_a_context(tmp_path: Path) -> None:
    _context(tmp_path, "r", {"docker": {"Host": "tcp://r:2376"}}, ("ca.pem", "cert.pem", "key.pem"))
    _context(tmp_path, "blind", {"docker": {"Host": "tcp://r:2376", "SkipTLSVerify": True}})
    tls = find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "r"}).tls
    assert tls is not None
    assert tls.verify
    assert all(Path(file).is_file() for file in (tls.ca, tls.cert, tls.key))
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "blind"}).tls == Tls(verify=False)


def test_a_context_that_does_not_exist_is_named_with_who_asked_for_it(tmp_path: Path) -> None:
    with pytest.raises(EngineUnreachable, match=r"no docker context 'gone' \(DOCKER_CONTEXT\)") as caught:
        find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "gone"})
    assert "docker context ls" in caught.value.hint
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(EngineUnreachable, match=r"config\.json"):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize("endpoints", [{}, {"docker": {}}, {"docker": None}, None, [], {"docker": []}])
def test_a_context_without_an_engine(tmp_path: Path, endpoints: object) -> None:
    _context(tmp_path, "odd", endpoints)
    with pytest.raises(EngineUnreachable, match="names no engine"):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "odd"})


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"Name": '])
def test_a_broken_context_is_named(tmp_path: Path, content: bytes) -> None:
    """Not as a broken config.json: who asked for a context is not to end up on another engine."""
    _context(tmp_path, "robot", {})
    (meta,) = tmp_path.rglob("meta.json")
    meta.write_bytes(content)
    with pytest.raises(EngineUnreachable, match=r"meta\.json"):
        find_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "robot"})


@pytest.mark.parametrize("content", ["[]", "7", '{"currentContext": 7}', "{}"])
def test_a_config_of_another_shape_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path)}).source == "the default"


@pytest.mark.parametrize("url", ["robot:2375", "unix://", "ftp://x", "/var/run/docker.sock"])
def test_a_docker_host_that_is_no_address(url: str) -> None:
    with pytest.raises(EngineUnreachable, match="DOCKER_HOST names no engine"):
        find_endpoint({"DOCKER_HOST": url})


@pytest.mark.parametrize(
    ("url", "tls", "expected"),
    [
        ("tcp://localhost", "", "tcp://localhost:2375"),
        ("tcp://localhost", "1", "tcp://localhost:2376"),
        ("tcp://[::1]", "", "tcp://[::1]:2375"),
        ("tcp://robot/docker", "", "tcp://robot:2375/docker"),
        ("tcp://robot:4243", "1", "tcp://robot:4243"),
        ("tcp://[::1]:4243", "", "tcp://[::1]:4243"),
    ],
)
def test_an_address_without_a_port_has_that_of_the_docker_cli(url: str, tls: str, expected: str) -> None:
    assert find_endpoint({"DOCKER_HOST": url, "DOCKER_TLS_VERIFY": tls}).url == expected


@pytest.mark.parametrize(
    ("there", "uid", "expected"),
    [
        ({"systemctl", "sudo"}, 1000, "sudo systemctl start docker"),
        ({"systemctl"}, 1000, "systemctl start docker"),
        ({"systemctl", "sudo"}, 0, "systemctl start docker"),
        (set(), 1000, ""),
    ],
)
def test_the_command_that_starts_an_engine_is_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, there: set[str], uid: int, expected: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr("os.path.exists", lambda path: False)
    assert start_command() == expected
    hint = engine_unreachable(OSError("refused"), Endpoint("unix:///var/run/docker.sock", "the default")).hint
    assert hint == f"Start it: `{expected or 'dockerd'}`"


def test_the_way_out_fits_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    here = Endpoint("unix:///var/run/docker.sock", "the default")
    asked = Endpoint("tcp://robot:2375", "DOCKER_HOST")
    context = Endpoint("tcp://robot:2375", "the docker context 'robot'")
    assert "systemctl start docker" in engine_unreachable(FileNotFoundError(2, "gone"), here).hint
    assert "Is DOCKER_HOST right? It says tcp://robot:2375" in engine_unreachable(OSError("refused"), asked).hint
    assert "docker context ls" in engine_unreachable(OSError("refused"), context).hint
    denied = engine_unreachable(PermissionError(13, "denied"), here)
    assert isinstance(denied, EngineDenied)
    assert "sudo usermod -aG docker $USER" in denied.hint
    assert "DOCKER_CERT_PATH" in engine_insecure("bad certificate", asked).hint
    refused = engine_insecure("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required", asked)
    assert "the engine does not accept this machine's certificate" in refused.message
