"""The user's logins for registries: of the docker config, or of the credential helpers that it names.

A login that cannot be had is no reason to stop: the registry is asked without one, and only if that does not do is it
an error. Source of a helper's protocol: docs.docker.com/reference/cli/docker/login/#credential-helper-protocol.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import docker
from docker import auth

from robenv.engine.transport.docker_config import config_file, config_mapping, config_text, read_config
from robenv.notices import warn_once

_PATIENCE = 15.0
"""Seconds that a helper gets: it may unlock a keyring, or ask a cloud's server for a token."""
_PREFIX = "docker-credential-"
_NOT_FOUND = "credentials not found in native keychain"
"""What helpers say, with exit code 1, where they have no login for a registry."""
_MOST = 200
"""Characters of a helper's answer in a message."""


class HelperUnavailable(Exception):
    """A helper gave no answer, or none that is one."""


class Logins:
    """The logins in the docker config of ``folder``. A helper that failed is not asked for that registry again."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._complaints: dict[str, str] = {}
        """By registry, what was wrong with its helper."""

    def find(self, registry: str) -> Mapping[str, Any] | None:
        """The login for a registry, as the Engine API takes it; None where there is none."""
        config = read_config(self._folder)
        helper, key = self._helper(config, registry)
        if helper and (found := self._ask(helper, key, registry)):
            return found
        known = auth.AuthConfig({"auths": self._written(config)})
        login: Mapping[str, Any] | None = auth.resolve_authconfig(known, registry)
        return login or None

    def complaint(self, registry: str) -> str:
        """Why there is no login for a registry; "" where no helper failed."""
        return self._complaints.get(registry, "")

    def _helper(self, config: Mapping[str, Any], registry: str) -> tuple[str, str]:
        """The registry's helper, and the config's key that names it."""
        helpers = config_mapping(self._folder, config, "credHelpers")
        key = auth.INDEX_URL if registry == auth.INDEX_NAME else registry
        for name in (key, registry):
            if own := config_text(self._folder, helpers, name):
                return own, "credHelpers"
        return config_text(self._folder, config, "credsStore"), "credsStore"

    def _ask(self, helper: str, key: str, registry: str) -> Mapping[str, Any] | None:
        if registry in self._complaints:
            return None
        try:
            return ask_helper(helper, auth.INDEX_URL if registry == auth.INDEX_NAME else registry)
        except HelperUnavailable as error:
            said = f"{_PREFIX}{helper} ({key} in {config_file(self._folder)}) {error}"
            self._complaints[registry] = said
            warn_once(f"{said}; going on without a login")
            return None

    def _written(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The logins that stand in the config itself."""
        logins: dict[str, Any] = {}
        for name, entry in config_mapping(self._folder, config, "auths").items():
            try:
                logins |= auth.parse_auth({name: entry}, raise_on_error=True)
            except (docker.errors.DockerException, ValueError, TypeError, AttributeError):
                warn_once(f"{config_file(self._folder)}: the login for {name} cannot be read; ignoring it")
        return logins


def ask_helper(helper: str, server: str, patience: float = _PATIENCE) -> Mapping[str, Any] | None:
    """The login that a helper has for a server; None where it has none. Raises Unavailable."""
    program = shutil.which(_PREFIX + helper) if "/" not in helper else None
    if program is None:
        raise HelperUnavailable("is not installed, or not in PATH")
    code, output, errors = _run(program, server, patience)
    text = output.decode("utf-8", "replace").strip()
    if code:
        if _NOT_FOUND in text:
            return None
        said = (text or errors.decode("utf-8", "replace").strip())[:_MOST]
        raise HelperUnavailable(f"ended with exit code {code}" + (f": {said}" if said else ""))
    try:
        found = json.loads(text)
        user, secret = found["Username"], found["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise HelperUnavailable("gave an answer that is not a login") from None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise HelperUnavailable("gave an answer that is not a login")
    if not user and not secret:
        return None
    if user == auth.TOKEN_USERNAME:
        return {"ServerAddress": server, "IdentityToken": secret}
    return {"ServerAddress": server, "Username": user, "Password": secret}


def _run(program: str, server: str, patience: float) -> tuple[int, bytes, bytes]:
    """Exit code, stdout and stderr. It stays in this session: it may have to ask on the terminal."""
    try:
        done = subprocess.run([program, "get"], input=server.encode(), capture_output=True, timeout=patience)
    except OSError as error:
        raise HelperUnavailable(f"cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise HelperUnavailable(f"gave no answer within {patience:.0f} s") from None
    return done.returncode, done.stdout, done.stderr
