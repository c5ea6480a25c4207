"""Which engine is meant, by the docker CLI's rules: DOCKER_HOST, DOCKER_CONTEXT, the current context, the socket.

Only the standard library is imported here: the quick way into a running container uses it too.
Source of the rules: docs.docker.com/engine/manage-resources/contexts/ and docs.docker.com/reference/cli/docker/.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from robenv.engine.transport.docker_config import config_file, config_folder, config_text, read_config
from robenv.errors import EngineDenied, EngineInsecure, EngineLost, EngineUnreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_URL = "unix:///var/run/docker.sock"
_PORT, _TLS_PORT = 2375, 2376
_SCHEMES = ("unix://", "tcp://", "http://", "https://", "ssh://")


class Tls(NamedTuple):
    """Paths of PEM files; "" where there is none. ``verify``: whether the engine's certificate is checked."""

    ca: str = ""
    cert: str = ""
    key: str = ""
    verify: bool = True


class Endpoint(NamedTuple):
    url: str
    """``unix:///path``, ``tcp://host:port``, ``ssh://user@host:port``."""
    source: str
    """Who says so, for messages: ``DOCKER_HOST``, ``the docker context "robot"``, ``the default``."""
    tls: Tls | None = None
    config_folder: str = ""
    """The docker config's folder, where the credentials of registries are."""

    @property
    def socket(self) -> str:
        """The path of the unix socket; "" where the engine is reached in another way."""
        return self.url.removeprefix("unix://") if self.url.startswith("unix://") else ""


def find_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """The endpoint for this environment. Raises EngineUnreachable where it names none that can exist."""
    folder = config_folder(environ)
    host = environ.get("DOCKER_HOST", "").strip()
    if host:
        tls = _tls_of(environ, folder)
        return Endpoint(_checked(host, "DOCKER_HOST", tls), "DOCKER_HOST", tls, folder)
    name = environ.get("DOCKER_CONTEXT", "")
    source = "DOCKER_CONTEXT"
    if not name:
        name, source = _current_context(folder), f"currentContext in {config_file(folder)}"
    if name in ("", "default"):
        return Endpoint(DEFAULT_URL, "the default", None, folder)
    return _context(folder, name, source)


def engine_unreachable(error: BaseException, endpoint: Endpoint | None = None) -> EngineUnreachable:
    """The error for an engine that could not be reached because of ``error``, with what mends it."""
    where = f" at {endpoint.url} ({endpoint.source})" if endpoint else ""
    details = str(error)
    if isinstance(error, PermissionError):
        return EngineDenied(
            f"The engine's socket{where} may not be opened by this user.",
            details=details,
            hint="Join the group docker and log in again: `sudo usermod -aG docker $USER`",
        )
    return EngineUnreachable(f"No engine answers{where}.", details=details, hint=_way_out(endpoint))


WANTS_TLS = "HTTP request to an HTTPS server"
"""What a server that speaks TLS answers to one who does not (Go's net/http)."""
_FILES = "Check ca.pem, cert.pem and key.pem under DOCKER_CERT_PATH or in the context."
_TROUBLES = (
    (
        (WANTS_TLS,),
        "it speaks TLS, and robenv was not told to",
        "`export DOCKER_TLS_VERIFY=1`, and DOCKER_CERT_PATH=FOLDER with ca.pem, cert.pem and key.pem for it.",
    ),
    (
        ("WRONG_VERSION_NUMBER", "wrong version number", "record layer failure", "RECORD_LAYER_FAILURE"),
        "it does not speak TLS",
        "`unset DOCKER_TLS_VERIFY DOCKER_TLS`, or use the port on which it does: 2376 usually.",
    ),
    (("CERTIFICATE_VERIFY_FAILED",), "this machine does not trust the engine's certificate", _FILES),
    (("ALERT", "alert"), "the engine does not accept this machine's certificate", _FILES),
    (("",), "the engine and this machine do not trust each other's certificates", _FILES),
)
"""(what OpenSSL or the engine says, what that means, a way out)"""


def engine_insecure(details: str, endpoint: Endpoint | None = None) -> EngineInsecure:
    """The error where TLS keeps this machine and the engine apart."""
    where = f" with {endpoint.url} ({endpoint.source})" if endpoint else ""
    why, hint = next((why, hint) for signs, why, hint in _TROUBLES if any(sign in details for sign in signs))
    return EngineInsecure(f"No connection{where}: {why}.", details=details, hint=hint)


def engine_lost(action: str, details: str) -> EngineLost:
    """The error for an engine that went away while robenv tried to ``action``."""
    return EngineLost(
        f"The connection to the engine broke: could not {action}.",
        details=details,
        hint="Look whether it still runs: `systemctl status docker`, `journalctl -u docker`.",
    )


def _way_out(endpoint: Endpoint | None) -> str:
    if endpoint is None or endpoint.url == DEFAULT_URL:
        return f"Start it: `{start_command() or 'dockerd'}`{_rootless()}"
    if endpoint.url.startswith("ssh://"):
        return _way_out_of_ssh(endpoint.url)
    if endpoint.socket.startswith("/run/user/") and (start := start_command("--user")):
        return f"Start it: `{start}`"
    if endpoint.source == "DOCKER_HOST":
        return (
            f"Is DOCKER_HOST right? It says {endpoint.url}. `unset DOCKER_HOST` goes back to this machine's own engine."
        )
    return "Is that engine running? `docker context ls` shows the contexts, `docker context use default` goes back."


def _way_out_of_ssh(url: str) -> str:
    import shlex

    from robenv.engine.transport.ssh import parse_ssh_url

    login = shlex.join(parse_ssh_url(url).login())
    return (
        f"This must work without a question: `ssh {login} docker version`. Keys, known hosts"
        " and all else are as ssh has them; `ssh-add` keeps a key's passphrase."
    )


def start_command(scope: str = "") -> str:
    """What starts this machine's engine; "" where nothing known is here. ``scope``: ``--user`` for a rootless one."""
    import shutil

    sudo = "sudo " if os.geteuid() != 0 and not scope and shutil.which("sudo") else ""
    if shutil.which("systemctl"):
        return f"{sudo}systemctl {scope} start docker".replace("  ", " ")
    if not scope and os.path.exists("/etc/init.d/docker") and shutil.which("service"):
        return f"{sudo}service docker start"
    return ""


def _rootless() -> str:
    socket = f"{os.environ.get('XDG_RUNTIME_DIR', '')}/docker.sock"
    if socket.startswith("/run/") and os.path.exists(socket):
        return f"; or use the rootless engine that is there: `export DOCKER_HOST=unix://{socket}`"
    return ""


def _checked(url: str, source: str, tls: Tls | None) -> str:
    """With the port that the docker CLI takes where the address has none."""
    why = "" if url.startswith(_SCHEMES) and url.partition("://")[2] else "no address of an engine"
    if url.startswith("ssh://") and not why:
        from robenv.engine.transport.ssh import parse_ssh_url

        try:
            parse_ssh_url(url)
        except ValueError as error:
            why = str(error)
    if not why and not url.startswith("tcp://"):
        return url
    if not why:
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        has_port = ":" in host.rpartition("]")[2]
        return url if has_port else f"{scheme}://{host}:{_TLS_PORT if tls else _PORT}{slash}{path}"
    import re

    raise EngineUnreachable(
        f"{source} names no engine: {re.sub('(?<=:)[^@/:]+(?=@)', '…', url)!r}",
        details=why,
        hint="It looks like unix:///var/run/docker.sock, tcp://HOST:2376 or ssh://USER@HOST.",
    )


def _tls_of(environ: Mapping[str, str], folder: str) -> Tls | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    return _material(environ.get("DOCKER_CERT_PATH") or folder, verify)


def _material(folder: str, verify: bool) -> Tls:
    ca, cert, key = (
        path if os.path.isfile(path := os.path.join(folder, name)) else "" for name in ("ca.pem", "cert.pem", "key.pem")
    )
    return Tls(ca, cert, key, verify)


def _current_context(folder: str) -> str:
    return config_text(folder, read_config(folder), "currentContext")


def _context(folder: str, name: str, source: str) -> Endpoint:
    from hashlib import sha256

    digest = sha256(name.encode()).hexdigest()
    meta = _json(os.path.join(folder, "contexts", "meta", digest, "meta.json"))
    if meta is None:
        raise EngineUnreachable(
            f"There is no docker context {name!r} ({source}).",
            hint="`docker context ls` shows those that exist; `docker context use default` goes back.",
        )
    described = f"the docker context {name!r}"
    try:
        docker = meta["Endpoints"]["docker"]
        url, skip = str(docker["Host"]), bool(docker.get("SkipTLSVerify"))
    except (KeyError, TypeError, AttributeError):
        raise EngineUnreachable(f"{described} names no engine.", hint="`docker context ls` lists them") from None
    certificates = os.path.join(folder, "contexts", "tls", digest, "docker")
    tls = _material(certificates, not skip) if skip or os.path.isdir(certificates) else None
    return Endpoint(_checked(url, described, tls), described, tls, folder)


def _json(path: str) -> Any:
    """What a context's file says; None where it is not there."""
    try:
        with open(path, "rb") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise EngineUnreachable(
            f"Which engine is meant cannot be read from {path}.", details=str(error), hint="Mend or remove that file."
        ) from error
