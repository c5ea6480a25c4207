"""Whether a machine still gives the answers that a plan was made from. Light: the quick way in imports this.

Answers are compared, not the times of files: those of a device node change as it is used.
"""

from __future__ import annotations

import json
import zlib

from robenv.host.host import Host, HostRecorder, LocalHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TERMINALS = "/dev/pts/"
_SHORT = 40
"""Characters of an answer that is kept as it is."""


def recorded_answers(recorder: HostRecorder, session: bool) -> dict[str, Any] | None:
    """What ``answers_unchanged`` compares with, as JSON; None where nothing was asked.

    ``session``: the plan asked for the login session. Of that, only which parts are there is kept: DISPLAY and the like
    change from one login to the next, and every command gets them anew.
    """
    answers = [[*question, _digest(question, answer)] for question, answer in recorder.answers.items()]
    if not answers and not session:
        return None
    return {"answers": answers, "session": _session(recorder.apart()) if session else None}


def answers_unchanged(kept: dict[str, Any], host: Host | None = None) -> bool:
    """Whether ``host`` (this machine) answers as it did."""
    host = host or LocalHost()
    if kept["session"] is not None and _session(host) != kept["session"]:
        return False
    return all(_digest(question, host.ask(*question)) == last for *question, last in kept["answers"])


def _session(host: Host) -> list[str]:
    from robenv.host.probes.session import parts_there

    return parts_there(host)


def _digest(question: list[str] | tuple[str, ...], answer: Any) -> str:
    """A short text that another answer most likely does not have. Terminals come and go: no plan looks at them."""
    if question[0] == "tree":
        nodes = [node for node in answer["nodes"] if not node[0].startswith(_TERMINALS)]
        answer = {**answer, "nodes": nodes}
    text = json.dumps(answer, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= _SHORT else f"{zlib.crc32(text.encode()):08x}.{len(text)}"
