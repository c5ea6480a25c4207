"""Docker Engines that map users (dockerd --userns-remap): UID 0 inside their containers is UID 500000 outside."""

from __future__ import annotations

from scripts import own_root
from tests.support.engines.newer_engine import START
from tests.support.engines.second_engine import SecondEngine
from tests.support.engines.store_engines import SmallNewerEngine

FIRST = 500_000
_WHO = "daemon"
"""Any account of the system's but root."""
_SUBORDINATE = """
set -e
echo "$1:$2:65536" > "$0/subids"
for name in subuid subgid; do mount --bind "$0/subids" /etc/$name; done
shift 2
"""


def _with_subordinates(engine: SecondEngine, script: str, *arguments: str) -> list[str]:
    own = ["unshare", "--net", *own_root.prefix(), "unshare", "--mount"]
    words = [str(engine.folder), _WHO, str(FIRST)]
    return [*own, "sh", "-c", _SUBORDINATE + script, *words, *arguments, f"--userns-remap={_WHO}", *engine.options]


class RemappedEngine(SecondEngine):
    """The system's."""

    def __init__(self) -> None:
        super().__init__()
        self.folder.chmod(0o711)  # its containers' root is none here

    @property
    def command(self) -> list[str]:
        return _with_subordinates(self, 'exec dockerd "$@"')


class NewerRemappedEngine(SmallNewerEngine):
    def __init__(self) -> None:
        super().__init__()
        self.folder.chmod(0o711)

    @property
    def command(self) -> list[str]:
        return _with_subordinates(self, f'root=$1; shift; exec sh -c \'{START}\' "$root" "$@"', str(self._root))
