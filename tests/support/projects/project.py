"""A project in a folder of its own, driven by the command line as a user would."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker

from tests.support.projects import prefork

ROBENV = (sys.executable, "-m", "robenv")
_TIMEOUT = 300
"""Seconds that a command line may take."""


class Project:
    """Everything that it makes on the engine carries its name, and goes with ``close``."""

    def __init__(self, folder: Path, base_image: str, profile: str = "") -> None:
        self.name = f"robenvtest-{secrets.token_hex(4)}"
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.base_image = base_image
        self.environ = {
            key: value for key, value in os.environ.items() if key not in ("DOCKER_CONTEXT", "NO_COLOR", "TERM")
        }
        self.environ["XDG_CACHE_HOME"] = str(folder.parent / f"{folder.name}-cache")
        self.environ["XDG_STATE_HOME"] = str(folder.parent / f"{folder.name}-state")
        self.write(profile)

    def write(self, profile: str = "") -> None:
        """The project's robenv.yaml: name and base, and ``profile`` after them. As if no container could have: what is
        asked where one could is what test_container_writes.py is about."""
        head = f"name: {self.name}\nbase: {{image: {json.dumps(self.base_image)}}}\n"
        (self.folder / "robenv.yaml").write_text(head + profile)
        for kept in Path(self.environ["XDG_STATE_HOME"]).glob("robenv/projects/*.json"):
            kept.unlink()

    def run(
        self,
        *arguments: str,
        check: int | None = 0,
        user: int | None = None,
        groups: tuple[int, ...] = (),
        **options: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``robenv ARGUMENTS`` in the project's folder; ``check`` is the exit code that it must have."""
        done = self._run(arguments, user, groups, options)
        assert "Traceback" not in done.stderr, done.stderr
        if check is not None:
            assert done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def _run(
        self, arguments: tuple[str, ...], user: int | None, groups: tuple[int, ...], options: dict[str, Any]
    ) -> subprocess.CompletedProcess[str]:
        environ = options.get("env", self.environ)
        if user is None and not groups and options.keys() <= {"env", "cwd", "input"} and prefork.can_run(environ):
            folder = str(options.get("cwd", self.folder))
            return prefork.run(arguments, environ, folder, options.get("input"), _TIMEOUT)
        command = [*self.prefix(user, *groups), *ROBENV, *arguments]
        if user is not None:
            self._keep_for(user)
        settings: dict[str, Any] = {
            "cwd": self.folder,
            "env": self.environ,
            "stdin": subprocess.DEVNULL if "input" not in options else None,
            "timeout": _TIMEOUT,
            **options,
        }
        if settings["stdin"] is None:
            del settings["stdin"]
        return subprocess.run(command, capture_output=True, text=True, check=False, **settings)

    def _keep_for(self, user: int) -> None:
        """Gives the user folders to keep things in, where there are none yet: else they would all be in /tmp."""
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
            folder = Path(self.environ[name]) if name in self.environ else None
            if folder is not None and not folder.exists():
                folder.mkdir()
                os.chown(folder, user, user)

    def prefix(self, user: int | None, *groups: int) -> tuple[str, ...]:
        """What the command line begins with, to run as ``user``."""
        return () if user is None else as_user(user, *groups)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Starts ``robenv ARGUMENTS`` and goes on."""
        settings = {"cwd": self.folder, "env": self.environ, "text": True, **options}
        return subprocess.Popen([*ROBENV, *arguments], **settings)

    def plan(self, user: int | None = None) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run("plan", "--json", user=user).stdout)
        return document

    def close(self, api: docker.APIClient) -> None:
        """Removes everything of the project, whatever state a test left it in."""
        mine = {"label": f"robenv.project={self.name}"}
        for container in api.containers(all=True, filters=mine):
            with contextlib.suppress(docker.errors.APIError):
                api.remove_container(container["Id"], force=True, v=True)
        for volume in api.volumes(filters=mine)["Volumes"] or []:
            api.remove_volume(volume["Name"], force=True)
        for network in api.networks(filters=mine):
            api.remove_network(network["Id"])
        for image in api.images(filters=mine):
            named = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
            for tag in named or [image["Id"]]:
                api.remove_image(tag, force=True)


def as_user(uid: int, *groups: int) -> tuple[str, ...]:
    """A command's prefix that runs it as ``uid``, in the engine's group and ``groups``, still able to read the tests'
    Python."""
    group = Path("/var/run/docker.sock").stat().st_gid
    return (
        "setpriv",
        f"--reuid={uid}",
        f"--regid={uid}",
        f"--groups={','.join(map(str, (group, *groups)))}",
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
    )
