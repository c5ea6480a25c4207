"""Signals for what runs inside by ``exec``, for which the Engine API has no call: a second, tiny exec sends them.

Each command carries a random marker in its environment. The script below finds the processes that have it, the
command and what it started, and signals them. It runs as the same user and takes a POSIX shell and grep.
"""

from __future__ import annotations

import os

MARKER = "ROBENV_EXEC"

# A process that starts others while it is looked for is met by looking again until no new one is found.
SCRIPT = """
marker=$1 signal=$2 reached=" " count=0
while :; do
  found=
  for entry in $(grep -lsF -e "$marker" /proc/[0-9]*/environ); do
    pid=${entry#/proc/} pid=${pid%/environ}
    case $reached in *" $pid "*) continue ;; esac
    reached="$reached$pid "
    kill -s "$signal" "$pid" 2>/dev/null || continue
    found=1 count=$((count + 1))
  done
  [ "$found" ] || break
done
echo "$count"
"""


def new_marker() -> str:
    """An environment entry that no other command has."""
    return f"{MARKER}={os.urandom(16).hex()}"


def command(marker: str, signal: str) -> tuple[str, ...]:
    """What sends ``signal`` (``TERM``) to the processes with ``marker`` and prints how many it reached."""
    return ("/bin/sh", "-c", SCRIPT, "robenv-signal", marker, signal)


def reached(output: bytes) -> int:
    """How many processes the script says it reached; 0 where it says something else."""
    text = output.strip()
    return int(text) if text.isdigit() else 0
