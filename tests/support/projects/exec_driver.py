"""A command in a container with this process's streams, by one of robenv's two engines: what a terminal test drives.

    python exec_driver.py direct|docker-py URL CONTAINER USER tty|no-tty COMMAND…

Exits as the command did, 0 and a word on stderr where the user detached, and with an error's own exit code.
"""

from __future__ import annotations

import sys

from robenv.engine.terminal.interact import interact_exec
from robenv.engine.terminal.types import ExecRequest, SessionEngine
from robenv.errors import RobenvError


def open_engine(kind: str, url: str) -> SessionEngine:
    if kind == "direct":
        from robenv.fast.client import DirectEngine

        return DirectEngine(url)
    from robenv.engine.docker_engine import connect

    return connect({"DOCKER_HOST": url})


def main(kind: str, url: str, container: str, user: str, tty: str, *command: str) -> int:
    try:
        engine = open_engine(kind, url)
        code = interact_exec(engine, ExecRequest(container, command, user, tty=tty == "tty"))
        engine.close()
    except RobenvError as error:
        print(f"{type(error).__name__}: {error.message}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    if code is None:
        print("detached", file=sys.stderr)
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
