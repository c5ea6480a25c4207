"""How a command starts inside: by a small script that gives it what of the user's terminal this image can take.

An image has few locales, few descriptions of terminals and perhaps no time zones; a program that is given one that is
not there warns at each start, or falls back to something else. The script looks, and then becomes the command. It sets
the terminal's size as well, which engines before API 1.42 tell a program only some time after its start, and names a
command that does not exist in words rather than in the engine's. It takes a POSIX shell; where the image has none, a
label says so, and commands start by themselves. Light: the quick way in imports this.
"""

from __future__ import annotations

import os

from robenv.engine.terminal.console import terminal_size
from robenv.host.probes.timezone import LocalZone, read_timezone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SHELL = "/bin/sh"
_UTC = ("UTC", "Etc/UTC", "UCT", "Etc/UCT", "Universal", "Etc/Universal", "Zulu", "Etc/Zulu")
"""What a container has by itself."""

# Its arguments: TERM, LANG, LC_ALL, the time zone, rows, columns (each may be ""), and the command.
SCRIPT = r"""
has_terminal() {
  for robenv_place in "$HOME/.terminfo" /etc/terminfo /lib/terminfo /usr/lib/terminfo /usr/share/terminfo; do
    [ -e "$robenv_place/${1%"${1#?}"}/$1" ] && return
  done
  [ "$1" = dumb ]
}
has_locale() {
  case $1 in C | POSIX | C.UTF-8 | C.utf8) return ;; esac
  [ -z "$(LC_ALL=$1 locale 2>&1 >/dev/null)" ]
}
fail() {
  echo "robenv: $1" >&2
  exit "$2"
}
if [ "$1" ]; then
  if has_terminal "$1"; then TERM=$1; elif has_terminal xterm-256color; then TERM=xterm-256color; else TERM=xterm; fi
  export TERM
fi
if [ "$2" ]; then
  if has_locale "$2"; then LANG=$2; else LANG=${LANG:-C.UTF-8}; fi
  export LANG
fi
if [ "$3" ]; then
  if has_locale "$3"; then LC_ALL=$3; else LC_ALL=C.UTF-8; fi
  export LC_ALL
fi
if [ "$4" ] && [ "${TZ-$4}" = "$4" ]; then
  case $4 in */*) [ -e "/usr/share/zoneinfo/$4" ] ;; esac && export TZ="$4" || unset TZ
fi
[ -z "$5" ] || stty rows "$5" cols "$6" 2>/dev/null
shift 6
case $1 in
*/*)
  [ -e "$1" ] || fail "$1: not found in the container" 127
  [ ! -d "$1" ] || fail "$1: is a directory in the container" 126
  [ -x "$1" ] || fail "$1: not executable in the container" 126
  ;;
*) command -v -- "$1" >/dev/null || fail "$1: not found in the container" 127 ;;
esac
exec "$@"
"""


def launcher(tty: bool, far: bool = False) -> tuple[str, ...]:
    """What goes before a command. ``far``: it starts on another machine, which has a time zone of its own."""
    size, environ = current_size(), os.environ
    rows, columns = map(str, size) if size and tty else ("", "")
    term = environ.get("TERM", "") if tty or size else ""
    zone = "" if far else local_timezone()
    return (
        SHELL,
        "-c",
        SCRIPT,
        "robenv",
        term,
        environ.get("LANG", ""),
        environ.get("LC_ALL", ""),
        zone,
        rows,
        columns,
    )


def terminal_variables(tty: bool, far: bool = False) -> dict[str, str]:
    """The variables of the user's terminal that any image can take."""
    found = _of(os.environ, "NO_COLOR", *(("COLORTERM",) if tty else ()), *(() if far else ("TZ",)))
    if not tty and (size := current_size()):
        # A program whose output goes into a file looks for the terminal elsewhere, which here is on another machine.
        found |= {"LINES": str(size[0]), "COLUMNS": str(size[1])}
    return found


def default_terminal_variables(tty: bool) -> dict[str, str]:
    """What the script would have set, for an image that has no shell to run it."""
    return _of(os.environ, "LANG", "LC_ALL", *(("TERM",) if tty else ()))


def describe_terminal(environment: Mapping[str, str]) -> str:
    """What a command gets of this machine's time zone and locale, in words; ``environment``: the container's own."""
    zone = os.environ.get("TZ") or environment.get("TZ") or local_timezone()
    locale = [f"{name} {value}" for name, value in _of(os.environ, "LANG", "LC_ALL").items() if value]
    given = [*([f"TZ {zone}"] if zone else []), *locale]
    return f"{', '.join(given)}, where the image has {'them' if len(given) > 1 else 'it'}" if given else ""


def current_size() -> tuple[int, int] | None:
    """(rows, columns) of the terminal that this process has; None where it has none."""
    return next((size for fd in (0, 1, 2) if (size := terminal_size(fd))), None)


def local_timezone() -> str:
    """This machine's time zone; "" where that is UTC or not known."""
    zone = read_timezone(LocalZone())
    return "" if zone in _UTC else zone


def _of(environ: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: environ[name] for name in names if name in environ}
