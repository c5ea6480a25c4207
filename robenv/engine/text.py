"""Text that came from a build or an engine, made safe to print: nothing in it can drive the terminal."""

from __future__ import annotations

import re

from robenv.profile.excerpt import safe

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS, SOS, PM, APC: titles, clipboards, links; to their end
    r"|\x1b[ -/]*[0-~]"  # two-character escapes and character sets
    r"|\x9b[0-?]*[ -/]*[@-~]",  # CSI in one byte
    re.S,
)
# C0 (but tab), DEL, C1, and what changes the direction or the line of other text.
_CONTROLS = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """``text`` as one line, without escape sequences and control characters; tabs become spaces."""
    line = _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\n", " "))).expandtabs(8).rstrip()
    return safe(line)  # what else hides text, such as zero-width characters, is shown
