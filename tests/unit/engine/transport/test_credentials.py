"""A credential helper that fails is no reason to stop: one line says what it did, and the registry is asked without."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path

import pytest

from robenv import notices
from robenv.engine.api.pull import pull_failure
from robenv.engine.transport.credentials import HelperUnavailable, Logins, ask_helper
from robenv.errors import ImageNotFound, RegistryDenied

REGISTRY = "lab:5000"


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(notices, "_given", set())
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def _helper(folder: Path, script: str, name: str = "test") -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def _logins(folder: Path, **config: object) -> Logins:
    (folder / "config.json").write_text(json.dumps(config))
    return Logins(str(folder))


FAILING = {
    "absent": ("", "is not installed, or not in PATH"),
    "exit code": ("echo the keyring is locked; exit 2", "ended with exit code 2: the keyring is locked"),
    "exit code, on stderr": ("echo no session >&2; exit 1", "ended with exit code 1: no session"),
    "junk": ("echo hello", "gave an answer that is not a login"),
    "nothing": ("exit 0", "gave an answer that is not a login"),
    "odd JSON": ("echo '[1]'", "gave an answer that is not a login"),
    "a number": ('echo \'{"Username": 1, "Secret": 2}\'', "gave an answer that is not a login"),
    "not UTF-8": ("printf '\\377'", "gave an answer that is not a login"),
}


@pytest.mark.parametrize("where", ["credsStore", "credHelpers"])
@pytest.mark.parametrize(("script", "said"), FAILING.values(), ids=FAILING.keys())
def test_a_helper_that_fails_is_named_once(
    tmp_path: Path, helpers: Path, where: str, script: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if script:
        _helper(helpers, script)
    logins = _logins(tmp_path, **{where: "test" if where == "credsStore" else {REGISTRY: "test"}})
    assert logins.find(REGISTRY) is None
    assert logins.find(REGISTRY) is None
    complaint = f"docker-credential-test ({where} in {tmp_path}/config.json) {said}"
    assert capsys.readouterr().err == f"warning: {complaint}; going on without a login\n"
    assert logins.complaint(REGISTRY) == complaint


def test_a_helper_that_hangs_is_given_up(helpers: Path) -> None:
    _helper(helpers, "exec sleep 600")
    began = time.monotonic()
    with pytest.raises(HelperUnavailable, match="gave no answer within 1 s"):
        ask_helper("test", REGISTRY, patience=1)
    assert time.monotonic() - began < 60


def test_a_failed_helper_leaves_what_the_file_has(tmp_path: Path, helpers: Path) -> None:
    auth = base64.b64encode(b"me:sesame").decode()
    found = _logins(tmp_path, credsStore="absent", auths={REGISTRY: {"auth": auth}}).find(REGISTRY)
    assert found is not None
    assert (found["username"], found["password"]) == ("me", "sesame")


def test_what_a_helper_says(tmp_path: Path, helpers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _helper(helpers, 'read server; echo "{\\"Username\\": \\"$server\\", \\"Secret\\": \\"s\\"}"', "echo")
    _helper(helpers, 'echo \'{"Username": "<token>", "Secret": "t"}\'', "token")
    _helper(helpers, "echo credentials not found in native keychain; exit 1", "empty")
    _helper(helpers, 'echo \'{"Username": "", "Secret": ""}\'', "pass")
    names = {"a:1": "echo", "docker.io": "echo", "b:1": "token", "c:1": "empty", "d:1": "pass"}
    logins = _logins(tmp_path, credHelpers=names)
    assert logins.find("a:1") == {"ServerAddress": "a:1", "Username": "a:1", "Password": "s"}
    hub = logins.find("docker.io")
    assert hub is not None
    assert hub["ServerAddress"] == "https://index.docker.io/v1/"
    assert logins.find("b:1") == {"ServerAddress": "b:1", "IdentityToken": "t"}
    assert logins.find("c:1") is logins.find("d:1") is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("sentence", ["no basic auth credentials", "unauthorized: authentication required"])
def test_a_registry_that_wants_a_login_names_the_helper(sentence: str) -> None:
    error = pull_failure(sentence, f"{REGISTRY}/app", False, "docker-credential-test gave no answer within 15 s")
    assert isinstance(error, RegistryDenied)
    assert error.hint.startswith("docker-credential-test gave no answer within 15 s; repair it, or run `docker login")


def test_an_image_that_may_be_private_names_the_helper() -> None:
    sentence = "pull access denied for app, repository does not exist or may require 'docker login'"
    error = pull_failure(sentence, "app", False, "docker-credential-test is not installed")
    assert isinstance(error, ImageNotFound)
    assert "docker-credential-test is not installed" in error.hint
