"""How to enter a container, read from its own labels. Light: the quick way in imports this."""

from __future__ import annotations

import json
import os
from typing import Any

from robenv.plan.names import LABEL_ENTRYPOINT, LABEL_PLAN_JSON, LABEL_SHELL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SHELL = '[ -x "$0" ] && exec "$0" || exec /bin/sh'
"""A profile may name a shell that the image lacks: any shell is better than none."""


class ContainerEntry:
    """Who enters, where, and through what."""

    __slots__ = ("_binds", "entrypoint", "has_sh", "plan", "shell", "user", "working_dir")

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.plan: dict[str, Any] = json.loads(labels[LABEL_PLAN_JSON])
        plan = self.plan
        user = plan["user"]
        # By name, for the engine adds the supplementary groups only then: create_request.container_user.
        self.user: str = f"{user['uid']}:{user['gid']}" if plan["read_only"] else user["name"]
        self.shell: str = user["shell"]
        self.working_dir: str = plan["working_dir"]
        self._binds = [(mount["source"], mount["target"]) for mount in plan["mounts"] if mount["kind"] == "bind"]
        self.has_sh = labels.get(LABEL_SHELL) != "none"
        self.entrypoint: tuple[str, ...] = tuple(json.loads(labels.get(LABEL_ENTRYPOINT, "[]")))

    def argv(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The command, or else the user's shell, as the image's entrypoint runs it."""
        return self.entrypoint + (command or ("/bin/sh", "-c", _SHELL, self.shell))

    def folder(self, directory: str) -> str:
        """Where to start: the folder inside that shows the one outside where the user stands, else the usual one."""
        best = ("", self.working_dir)
        for source, target in self._binds:
            if directory == source or directory.startswith(source.rstrip("/") + "/"):
                inside = os.path.normpath(os.path.join(target, os.path.relpath(directory, source)))
                best = max(best, (source, inside), key=lambda pair: len(pair[0]))
        return best[1]
