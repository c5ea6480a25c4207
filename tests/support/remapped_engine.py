"""A Docker Engine that maps users (dockerd --userns-remap): UID 0 inside its containers is UID 500000 outside."""

from __future__ import annotations

from scripts import own_root
from tests.support.second_engine import SecondEngine

FIRST = 500_000
_WHO = "daemon"
"""Any account of the system's but root."""
_START = """
set -e
: > "$0/subids"
echo "$1:$2:65536" > "$0/subids"
for name in subuid subgid; do [ -e /etc/$name ] || touch /etc/$name; mount --bind "$0/subids" /etc/$name; done
shift 2
"""


class RemappedEngine(SecondEngine):
    """The system's."""

    start_script = 'exec dockerd "$@"'

    def __init__(self) -> None:
        super().__init__()
        self.folder.chmod(0o711)  # its containers' root is none here

    @property
    def options(self) -> list[str]:
        return [*super().options, f"--userns-remap={_WHO}"]

    @property
    def command(self) -> list[str]:
        own = ["unshare", "--net", *own_root.prefix(), "unshare", "--mount"]
        script = _START + self.start_script
        return [*own, "sh", "-c", script, str(self.folder), _WHO, str(FIRST), *self.options]
