"""Brings up examples/talker_listener, shows ROS messages flowing for some seconds, and takes it down again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from scripts.engine import FOR_THIS_RUN

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "talker_listener"
ROBENV = Path(sys.executable).with_name("robenv")
SECONDS = 8
LAUNCH = ("timeout", "--signal=INT", str(SECONDS + 2), "roslaunch", "talker_listener", "chatter.launch")


def show(*arguments: str) -> list[str]:
    """The command line of robenv, printed as a user would type it in the example's folder."""
    print(f"\n$ robenv {shlex.join(arguments)}", flush=True)
    return [str(ROBENV), "-C", str(EXAMPLE), *arguments]


def do(*arguments: str) -> None:
    subprocess.run(show(*arguments), check=True)


def listen() -> int:
    """Runs both nodes for some seconds and prints what they say; how many messages were heard."""
    heard = 0
    command = show("exec", "--", *LAUNCH)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as nodes:
        for line in nodes.stdout or ():
            if "I say:" in line or "I heard:" in line:
                heard += "I heard:" in line
                print(line, end="", flush=True)
    return heard


def main() -> int:
    print(f"In {EXAMPLE}:")
    began = time.monotonic()
    try:
        do("up", "-d")
        do("exec", "--", "catkin_make")
        heard = listen()
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        subprocess.run(show("down"), check=False)
    if not heard:
        print("\nThe talker spoke and the listener heard nothing: that is a bug of this demo.", file=sys.stderr)
        return 1
    print(f"\n{heard} messages went from a C++ node to a Python node; all of it took {time.monotonic() - began:.0f} s.")
    print(following(FOR_THIS_RUN in os.environ))
    return 0


def following(for_this_run: bool) -> str:
    """What to try next. ``for_this_run``: the engine goes with the demo, so that `up` needs one of its own."""
    folder = EXAMPLE.relative_to(Path.cwd()) if EXAMPLE.is_relative_to(Path.cwd()) else EXAMPLE
    up = f"{sys.executable} -m scripts.engine {ROBENV} -C {folder} up" if for_this_run else f"{ROBENV} -C {folder} up"
    why = ", with an engine for as long as it is open" if for_this_run else ""
    return f"""
Next:
  {up}
      a shell in that container{why}
  {ROBENV} profiles
      the targets there are
  {ROBENV} init
      a robenv.yaml for a project of yours, in its folder
"""


if __name__ == "__main__":
    sys.exit(main())
