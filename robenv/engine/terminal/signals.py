"""Signals for what runs inside by ``exec``, for which the Engine API has no call: a second, tiny exec sends them.

Each command carries a random marker in its environment. The script below finds the processes that have it, the command
and what it started, and signals them with all of their sessions, for the engine makes each command a session leader. A
program with file capabilities hides its environment; where none shows the marker, the command is known by its command
line, among those that the engine started. The script runs as the same user and takes a POSIX shell, grep and tr.
"""

from __future__ import annotations

import os

MARKER = "ROBENV_EXEC"

# It looks again, for a process may start another while it is looked for.
SCRIPT = r"""
marker=$1 signal=$2
shift 2

look() { # at process $1: its parent and its session
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${line##*) }
  parent=$2 session=$4
}

is_command() { # whether process $1 hides its environment and is the command that follows, or a part of it
  [ "$parent" = 0 ] && [ "$1" != 1 ] || return 1
  { true <"/proc/$1/environ"; } 2>/dev/null && return 1
  shown=$({ tr '\0' '\n' <"/proc/$1/cmdline"; } 2>/dev/null) || return 1
  shift
  while [ $# -gt 0 ]; do # what came before it may have replaced itself with the rest, as an entrypoint does
    [ "$shown" = "$(printf '%s\n' "$@")" ] && return 0
    shift
  done
  return 1
}

find_marked() {
  marked=" "
  for entry in $(grep -lsF -e "$marker" /proc/[0-9]*/environ); do
    entry=${entry#/proc/}
    marked="$marked${entry%/environ} "
  done
  [ "$marked" = " " ] && [ "$count" = 0 ] || return 0
  for entry in /proc/[0-9]*; do # once more, for a grep that reads no further than the first NUL, and the hidden
    pid=${entry#/proc/}
    look "$pid" || continue
    case $({ tr '\0' '\n' <"$entry/environ"; } 2>/dev/null) in
    *"$marker"*) marked="$marked$pid " ;;
    *) is_command "$pid" "$@" && marked="$marked$pid " ;;
    esac
  done
}

find_sessions() {
  for pid in $marked; do
    look "$pid" && [ "$session" != 0 ] && sessions="$sessions$session "
  done
}

# All at once and the leader first, as a terminal does it: a shell must not see its children end before it is told.
sessions=" " reached=" " count=0 found=1 round=0
while [ "$found" ] && [ "$round" -lt 3 ]; do
  round=$((round + 1))
  find_marked "$@"
  find_sessions
  found=
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    case $reached in *" $pid "*) continue ;; esac
    look "$pid" || continue
    case "$marked/$sessions" in *" $pid "*/* | */*" $session "*) ;; *) continue ;; esac
    reached="$reached$pid "
    kill -s 0 "$pid" 2>/dev/null || continue
    count=$((count + 1))
    if [ "$pid" = "$session" ]; then found="$pid $found"; else found="$found $pid"; fi
  done
  [ "$found" ] && kill -s "$signal" $found 2>/dev/null
done
echo "$count"
"""


def new_marker() -> str:
    """An environment entry that no other command has."""
    return f"{MARKER}={os.urandom(16).hex()}"


def command(marker: str, signal: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """What sends ``signal`` (``TERM``) to the command ``argv`` that has ``marker`` and to what it started, and prints
    how many processes it reached."""
    return ("/bin/sh", "-c", SCRIPT, "robenv-signal", marker, signal, *argv)


def signalled_count(output: bytes) -> int:
    """How many processes the script says it reached; 0 where it says something else."""
    text = output.strip()
    return int(text) if text.isdigit() else 0
