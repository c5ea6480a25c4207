"""The user's own git, as a program: their credentials, their proxies, their words for what went wrong."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from robenv.errors import OperationFailed
from robenv.host.git.addresses import without_login
from robenv.paths import cache_folder, write_atomically
from robenv.plan.image.mirrors import Mirrors
from robenv.plan.models import Pairs
from robenv.render.authority import bundle
from robenv.util.concurrency import cancellable
from robenv.util.sanitize import safe

QUIET = (
    "-c", "core.hooksPath=/dev/null", "-c", "fetch.recurseSubmodules=no", "-c", "protocol.ext.allow=never",
    "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
)  # fmt: skip
_TIMEOUT = 600
"""Seconds for one call of git: a large repository over a thin link."""
_OWN_AUTHORITIES = "GIT_SSL_CAINFO"
"""The variable with the file of those that a user's git trusts; it counts before any http.sslCAInfo (git-config(1))."""
_PAUSES = (1, 3)
"""Seconds before git is called once more where the connection broke."""


class GitFailed(OperationFailed):
    """A repository cannot be fetched, has no such branch, tag or commit, or holds what is refused."""


class GitUnreachable(GitFailed):
    """A repository's host cannot be reached."""


class GitConnectionLost(GitUnreachable):
    """A connection to a repository's host ended before all had come."""


class GitNeedsCredentials(GitFailed):
    """The repository wants credentials, or its host key confirmed: what only somebody at a terminal can give."""


@dataclass(frozen=True)
class Git:
    """Git as robenv runs it: no hooks, nothing in the background, by the addresses of mirrors."""

    mirrors: Pairs = ()
    """(beginning of addresses, what git is to fetch from in its place)."""
    authorities: str = ""
    """The file with those that the mirrors' certificates may be from; "" for those that git knows."""

    def argv(self, *arguments: str) -> list[str]:
        settings = [f"url.{mirror}.insteadOf={real}" for real, mirror in self.mirrors]
        if self.authorities:
            if own := os.environ.get(_OWN_AUTHORITIES):  # which would count for mirrors too if it stayed where it is
                settings.append(f"http.sslCAInfo={own}")
            secure = (mirror for _, mirror in self.mirrors if _is_https(mirror))
            settings += [f"http.{mirror}.sslCAInfo={self.authorities}" for mirror in secure]
        return ["git", *QUIET, *(part for setting in settings for part in ("-c", setting)), *arguments]

    def run(
        self,
        url: str,
        *arguments: str,
        given: bytes | IO[bytes] = b"",
        target: int | IO[bytes] = subprocess.PIPE,
        silent: bool = False,
        timeout: float = _TIMEOUT,
    ) -> str:
        """What `git ARGUMENTS` prints; "" where that goes to ``target``. ``given``: what it reads. ``url``: whom errors
        are about. ``silent``: it asks nothing at a terminal either. ``timeout``: seconds. Where the connection breaks,
        it is tried again after each of _PAUSES.

        Raises GitFailed.
        """
        again = _PAUSES if isinstance(given, bytes) and isinstance(target, int) else ()
        for pause in again:
            try:
                return self._once(url, arguments, given, target, silent, timeout)
            except GitConnectionLost:
                time.sleep(pause)
        return self._once(url, arguments, given, target, silent, timeout)

    def _once(
        self,
        url: str,
        arguments: tuple[str, ...],
        given: bytes | IO[bytes],
        target: int | IO[bytes],
        silent: bool,
        timeout: float,
    ) -> str:
        try:
            code, said, complained = self._run(arguments, given, target, silent, timeout)
        except FileNotFoundError:
            raise GitFailed("git is not there", hint="sudo apt-get install git") from None
        except subprocess.TimeoutExpired:
            raise self._about(url, GitUnreachable(f"{url} did not answer in {timeout:g} s", hint=_AWAY)) from None
        if code:
            # Much of it is the server's.
            words = "\n".join(map(safe, without_login(complained.decode(errors="replace")).strip().splitlines()))
            raise self._about(url, _failure(url, code, words))
        return said.decode(errors="replace")

    def _run(
        self,
        arguments: tuple[str, ...],
        given: bytes | IO[bytes],
        target: int | IO[bytes],
        silent: bool,
        timeout: float,
    ) -> tuple[int, bytes, bytes]:
        source, pipe = (subprocess.PIPE, given) if isinstance(given, bytes) else (given, None)
        with subprocess.Popen(
            self.argv(*arguments),
            # Git does what the repository says that it is called in, and a container may have written that.
            cwd="/",
            stdin=source,
            stdout=target,
            stderr=subprocess.PIPE,
            env=self._environment(silent),
        ) as process:
            try:
                with cancellable(process.terminate):
                    said, complained = process.communicate(pipe, timeout=timeout)
            except BaseException:
                process.terminate()  # not killed: it takes away what it has begun to clone
                raise
        return process.returncode, said or b"", complained

    def _environment(self, silent: bool) -> dict[str, str]:
        environ = environment(silent)
        if self.authorities:
            environ.pop(_OWN_AUTHORITIES, None)
        return environ

    def told(self, url: str) -> str:
        """Which mirror stands for the address; "" for none."""
        return ", ".join(f"{without_login(mirror)} for {real}" for real, mirror in self.mirrors if url.startswith(real))

    def _about(self, url: str, failed: GitFailed) -> GitFailed:
        if told := self.told(url):
            failed.hint = f"its mirror is {told}; {failed.hint}"
        return failed


def git_through(mirrors: Mirrors) -> Git:
    """Git by the addresses of mirrors, trusting the authority of their certificates. Raises ProfileError."""
    own = os.environ.get(_OWN_AUTHORITIES, "")
    data = bundle(mirrors, own) if any(_is_https(mirror) for _, mirror in mirrors.git) else b""
    path = Path(cache_folder(), "authorities", f"{hashlib.sha256(data).hexdigest()[:24]}.pem")
    if data and not path.is_file():
        write_atomically(str(path), data)
    return Git(mirrors.git, str(path) if data else "")


def _is_https(url: str) -> bool:
    return url.startswith("https://")


def environment(silent: bool = False) -> dict[str, str]:
    """The user's own, so that their credentials and proxies count; but no GIT_DIR leads git to another repository, it
    fetches nothing that it was not asked for, and where nobody sits at a terminal, or with ``silent``, neither git nor
    ssh waits for an answer."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in _KEPT or name.startswith(("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"))
    }
    kept |= {"LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1"}
    if silent or not sys.stdin.isatty():
        kept |= {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "/bin/false",
            "SSH_ASKPASS_REQUIRE": "force",
        }
    return kept


_KEPT = (
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY",
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_PROXY_COMMAND",
)  # fmt: skip


def _failure(url: str, code: int, said: str) -> GitFailed:
    """What git's own words mean to a user, as far as they are known; git 2.25 to 2.47. Others are shown as they are."""
    for words, message, hint in _REASONS:
        if any(word in said for word in words):
            kind = _KINDS.get(message, GitFailed)
            return kind(f"{url}: {message}", details=said, hint=hint)
    ended = f"git was ended by signal {-code}" if code < 0 else f"git exits with {code} and says nothing"
    why = next((line for line in said.splitlines() if line.startswith(("fatal: ", "error: "))), said[:200] or ended)
    hint = "is the address right? try `git ls-remote` with it"
    return GitFailed(f"{url} cannot be fetched: {why}", details=said, hint=hint)


_AWAY = "is the network there?"
_CREDENTIALS = "it wants credentials that your git does not give"
_HOST_KEY = "its host key is unknown or has changed"
_NO_HOST = "the host cannot be reached"
_BROKE = "the connection broke"
_KINDS: dict[str, type[GitFailed]] = {
    _CREDENTIALS: GitNeedsCredentials, _HOST_KEY: GitNeedsCredentials,
    _NO_HOST: GitUnreachable, _BROKE: GitConnectionLost,
}  # fmt: skip
_REASONS = (
    (
        ("couldn't find remote ref", "Needed a single revision", "not our ref"),
        "there is no such branch, tag or commit",
        "`git ls-remote` shows those that there are",
    ),
    (
        ("Could not resolve host", "Could not resolve hostname", "unable to connect", "Network is unreachable",
         "Connection refused", "Connection timed out", "Failed to connect", "No route to host"),
        _NO_HOST,
        "what robenv.lock names and was fetched before works without a network",
    ),
    (
        ("Authentication failed", "could not read Username", "could not read Password", "Permission denied",
         "terminal prompts disabled", "error: 403"),
        _CREDENTIALS,
        "this must work without a question: `git ls-remote` with the same address",
    ),
    (
        ("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED"),
        _HOST_KEY,
        "log in once with ssh, and compare the key with one you trust",
    ),
    (
        ("dubious ownership",),
        "it belongs to somebody else, and your git does not trust it",
        "if you do: `git config --global --add safe.directory PATH`, with its path",
    ),
    (
        ("does not appear to be a git repository", "not found", "does not exist", "repository '"),
        "there is no such repository, or it is not for you to see",
        "is the address right?",
    ),
    (
        ("Connection reset", "Connection closed", "Recv failure", "Send failure", "recv error", "Empty reply",
         "non-properly terminated", "the pull function", "the push function", "SSL_ERROR_SYSCALL", "unexpected eof",
         "transfer closed", "early EOF", "RPC failed", "hung up unexpectedly", "unexpected disconnect",
         "error: 502", "error: 503", "error: 504"),
        _BROKE,
        _AWAY,
    ),
    (
        ("certificate", "SSL"),
        "its certificate is not trusted",
        "add the authority to this machine's, or set http.sslCAInfo in your git's configuration",
    ),
)  # fmt: skip
