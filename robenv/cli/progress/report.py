"""What a build's view says in words: sizes, times, and the report on the step that failed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robenv.errors import Location

if TYPE_CHECKING:
    from robenv.engine.build.progress import BuildStep
    from robenv.render import Rendered

Paint = Callable[[str, str], str]
"""(text, SGR code) → the text, coloured or not."""


@dataclass(frozen=True)
class Origin:
    """Where a step comes from."""

    location: Location | None
    """Its place in the profile."""
    title: str = ""
    """What it is for, in a few words."""

    def named(self, step: str) -> str:
        """A step's name, ``[image 3/8] RUN …``, for people: what the command is for, and which profile wants it."""
        front, run, _ = step.partition("] RUN ")
        if not run or not self.title:
            return step
        return f"{front}] {self.title}" + (f" ({_profile(self.location)})" if self.location else "")


_FOR_ROBENV = "robenv rosdep: "
"""Begins lines by which a step tells robenv what the error then says."""
Lookup = Callable[[str], "Origin | None"]
"""From a step's name to where it comes from."""


def lookup_in(rendered: Rendered) -> Lookup:
    """The lookup for the steps of a rendered Dockerfile."""

    def lookup(step_name: str) -> Origin | None:
        from robenv.render import find_instruction

        found = find_instruction(rendered, step_name)
        return Origin(found.location, found.title) if found else None

    return lookup


def _profile(location: Location) -> str:
    """A file's name; of a built-in profile its own."""
    from robenv.resources import profiles_folder

    built_in = f"{profiles_folder()}/"
    name = location.file.removeprefix(built_in)
    return name.removesuffix(".yaml") if name != location.file else name


def failure_text(step: BuildStep, origin: Origin | None, log: str, width: int, paint: Paint) -> str:
    """The step that failed, its last lines, the lines of the profile that it came from, and the ``log`` with the rest.
    What the engine says of it is the error's, which comes after."""
    lines = [paint("failed:", "1;31") + f" {shorten(step.name, width - 8)}"]
    lines += [f"{paint('  |', '31')} {line}" for line in step.output.telling if not line.startswith(_FOR_ROBENV)]
    if origin is not None:
        lines += _place(origin.location, paint)
    if log:
        lines += ["", f"full log: {log}"]
    return "\n".join(lines)


def _place(location: Location | None, paint: Paint) -> list[str]:
    if location is None:
        return []
    lines = ["", paint(f"{location}:", "1")]
    lines += [f"  {line}" for line in location.excerpt.splitlines()]
    if location.chain:
        lines.append("  extended by " + " ← ".join(location.chain))
    return lines


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters."""
    return text if len(text) <= width else text[: max(1, width - 1)] + "…"


def duration(seconds: float) -> str:
    """``3.2s``, ``1m 05s``, ``2h 03m``."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"


def size(count: float) -> str:
    """Bytes as docker prints them: ``1.5GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g}TB"


def is_hidden(step: BuildStep, now: float) -> bool:
    """Whether a step is the builder's own housekeeping and too quick to be worth a line."""
    own = step.name.startswith(("[internal]", "copy /context")) or not step.name
    return own and not step.error and step.seconds(now) < 1
