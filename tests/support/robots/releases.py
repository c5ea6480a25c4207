"""Releases of small shell programs, for the switch on a robot's engine; no connection, no transfer."""

from __future__ import annotations

import time
from pathlib import Path

from robenv.deploy.handover import is_waiting_for_lock
from robenv.deploy.release import ACTIVE, Release, plan_release
from robenv.deploy.release_state import release_state
from robenv.engine.protocol import Engine
from robenv.host.probes.facts import read_facts
from robenv.plan.host.requirements import Grant
from robenv.plan.names import LABEL_RELEASE, LABEL_ROLE, ROLE_RELEASE
from robenv.project.planned import plan_project, resolve

QUICK = "settle: 0.5s\n  healthcheck: {test: [CMD, 'true'], interval: 0.3s, timeout: 5s, retries: 2}"
"""Healthy at once, and settled soon; otherwise a release has to stay up for ten seconds."""
LOOP = "while :; do echo {word}; sleep 0.2; done"


class Maker:
    """Makes releases of one project on ``image``, which every engine in question has."""

    def __init__(self, folder: Path, name: str, image: str) -> None:
        self.folder, self.name, self.image = folder, name, image
        folder.mkdir(parents=True, exist_ok=True)

    def release(self, script: str, deploy: str = QUICK, run: str = "", user: str = "{uid: 1000, gid: 1000}") -> Release:
        """One whose command is a shell script; ``deploy``: further keys of ``deploy:``, one a line, in flow style."""
        text = f"name: {self.name}\nbase: {{image: '{self.image}'}}\nuser: {user}\n"
        text += (
            "deploy:\n  command: [sh, -c, '" + script.replace("'", "''") + "']\n" + (f"  {deploy}\n" if deploy else "")
        )
        (self.folder / "robenv.yaml").write_text(text + (f"run: {run}\n" if run else ""))
        planned = plan_project(resolve(self.folder, None, {}), "linux/amd64")
        return plan_release(
            planned.resolved,
            self.image,
            read_facts("linux/amd64"),
            content_hash=planned.content_hash,
            grant=Grant(),
            platform="linux/amd64",
            entrypoint=(),
            version="test",
        )


def runs(engine: Engine, project: str) -> str:
    """The ID of the release whose command runs; "" for none."""
    found = release_state(engine, project)
    return found.running.labels[LABEL_RELEASE] if found.running is not None and (found.notes or {}).get(ACTIVE) else ""


def commands(engine: Engine, project: str) -> list[str]:
    """The IDs of the releases that run, but for those that only wait."""
    found = []
    for info in engine.containers({LABEL_ROLE: ROLE_RELEASE, "robenv.project": project}):
        if info.running and not is_waiting_for_lock(engine, info.id):
            found.append(info.labels[LABEL_RELEASE])
    return found


def eventually(question: object, timeout: float = 30) -> None:
    """Waits until ``question()`` is true."""
    assert callable(question)
    until = time.monotonic() + timeout
    while not question():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.1)
