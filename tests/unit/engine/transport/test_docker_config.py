"""The docker config is optional: whatever is wrong with it is one warning, and the default engine without a login."""

from __future__ import annotations

import json
from pathlib import Path

import docker
import pytest

from robenv import notices
from robenv.engine.transport.credentials import Logins
from robenv.engine.transport.docker_config import proxy_variables, read_config
from robenv.engine.transport.endpoint import DEFAULT_URL, find_endpoint

UNUSABLE = {
    "cut": '{"currentContext": "ro',
    "a list": "[]",
    "a number": "7",
    "not UTF-8": b"\xff\xfe{}",
    "nested": "[" * 100_000,
    "context is a list": '{"currentContext": ["robot"]}',
    "proxies is a text": '{"proxies": "http://proxy:3128"}',
    "default proxies are a list": '{"proxies": {"default": []}}',
    "proxy is a number": '{"proxies": {"default": {"httpProxy": 3128}}}',
    "auths is a list": '{"auths": []}',
    "an entry of auths is a text": '{"auths": {"lab:5000": "secret"}}',
    "a login is not base64": '{"auths": {"lab:5000": {"auth": "%%%"}}}',
    "a login is a number": '{"auths": {"lab:5000": {"auth": 7}}}',
    "a login has no colon": '{"auths": {"lab:5000": {"auth": "YWJj"}}}',
    "credsStore is a list": '{"credsStore": ["desktop"]}',
    "credHelpers is a text": '{"credHelpers": "desktop"}',
    "a helper is a mapping": '{"credHelpers": {"lab:5000": {}}}',
}
SILENT = {
    "empty": "",
    "blank": " \n",
    "BOM": b"\xef\xbb\xbf{}",
    "null values": '{"currentContext": null, "auths": null, "credsStore": null, "credHelpers": null, "proxies": null}',
    "no logins": '{"auths": {}}',
    "a login in a store": '{"auths": {"lab:5000": {}}}',
}


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "_given", set())


def _use(folder: Path) -> tuple[str, object, dict[str, str]]:
    """Every use that is made of it."""
    url = find_endpoint({"DOCKER_CONFIG": str(folder)}).url
    return url, Logins(str(folder)).find("lab:5000"), proxy_variables(str(folder), url)


def _write(folder: Path, content: str | bytes) -> None:
    (folder / "config.json").write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_cannot_be_read_is_one_warning(
    tmp_path: Path, content: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, content)
    assert _use(tmp_path) == (DEFAULT_URL, None, {})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: ")
    assert f"{tmp_path}/config.json" in line


@pytest.mark.parametrize("content", SILENT.values(), ids=SILENT.keys())
def test_what_says_nothing_needs_no_word(
    tmp_path: Path, content: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path, content)
    url, login, proxies = _use(tmp_path)
    assert (url, login or None, proxies) == (DEFAULT_URL, None, {})
    assert capsys.readouterr().err == ""


def test_a_folder_in_the_place_of_the_file_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").mkdir()
    assert read_config(str(tmp_path)) == {}
    assert f"cannot read the docker configuration {tmp_path}/config.json (Is a directory)" in capsys.readouterr().err


def test_no_home_has_no_configuration() -> None:
    assert find_endpoint({"HOME": "/"}).config_folder == ""
    assert _use(Path()) == (DEFAULT_URL, None, {})


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_docker_py_itself_does_not_read_it(
    tmp_path: Path, content: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    import robenv.engine.transport.docker_py_session  # noqa: F401 (tells it not to)

    _write(tmp_path, content)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    docker.APIClient(base_url="unix:///nowhere.sock", version="1.41").close()


def test_proxies_are_of_the_engine_or_the_default(tmp_path: Path) -> None:
    own = {"httpProxy": "http://own:1", "noProxy": "localhost", "allProxy": "socks5://own:2"}
    proxies = {"default": {"httpsProxy": "http://usual:1", "ftpProxy": "http://usual:2"}, "tcp://robot:2375": own}
    _write(tmp_path, json.dumps({"proxies": proxies}))
    assert proxy_variables(str(tmp_path), "tcp://robot:2375") == {
        "HTTP_PROXY": "http://own:1",
        "http_proxy": "http://own:1",
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
        "ALL_PROXY": "socks5://own:2",
        "all_proxy": "socks5://own:2",
    }
    assert sorted(proxy_variables(str(tmp_path), DEFAULT_URL)) == [
        "FTP_PROXY",
        "HTTPS_PROXY",
        "ftp_proxy",
        "https_proxy",
    ]
