"""The kernel's handlers of foreign programs: what one's text means, which one is taken, how to change that. Pure.

Source: Documentation/admin-guide/binfmt-misc.rst. Of several handlers for a program the kernel takes the one that was
registered last. Without the flag F it opens the interpreter by its path, which is not there in a container's root.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from robenv.catalog.emulators import Emulator

State = Literal["works", "missing", "unfit", "broken"]
"""``unfit``: for programs outside of containers alone; ``broken``: it does not run the tiny program."""


@dataclass(frozen=True)
class Handler:
    name: str
    enabled: bool
    interpreter: str
    flags: str
    magic: bytes
    """Empty where it goes by a file name's extension."""
    mask: bytes
    offset: int = 0

    @property
    def pinned(self) -> bool:
        return "F" in self.flags

    @property
    def own(self) -> bool:
        return self.name.startswith("robenv-")

    def takes(self, emulator: Emulator) -> bool:
        """Whether programs of that architecture go to it."""
        program = (emulator.magic + bytes(256))[self.offset : self.offset + len(self.magic)]
        mask = self.mask or b"\xff" * len(self.magic)
        parts = zip(program, self.magic, mask, strict=True)
        return self.enabled and bool(self.magic) and all((have ^ want) & care == 0 for have, want, care in parts)


@dataclass(frozen=True)
class BinfmtWrite:
    """A text that is written to a file of binfmt_misc; ``undo``: what puts back what that took away."""

    file: str
    text: str
    undo: str = ""


@dataclass(frozen=True)
class BinfmtState:
    """How it is with one architecture."""

    emulator: Emulator
    state: State
    handler: Handler | None
    hidden: tuple[Handler, ...] = ()
    """Others for the same programs, which the kernel comes to only without ``handler``."""

    def to_json(self) -> dict[str, Any]:
        found = self.handler
        return {
            "platform": self.emulator.platform,
            "state": self.state,
            "handler": found.name if found else None,
            "own": bool(found and found.own),
            "interpreter": found.interpreter if found else None,
            "flags": found.flags if found else "",
            "hidden": [one.name for one in self.hidden],
        }


def parse_handler(name: str, text: str) -> Handler:
    """What the kernel says of a handler in the file of its name."""
    lines = text.splitlines()
    words = dict(line.partition(" ")[::2] for line in lines)
    return Handler(
        name,
        "enabled" in lines,
        words.get("interpreter", ""),
        words.get("flags:", "").strip(),
        bytes.fromhex(words.get("magic", "")),
        bytes.fromhex(words.get("mask", "")),
        int(words.get("offset", "0")),
    )


def binfmt_state(emulator: Emulator, handlers: Sequence[Handler]) -> BinfmtState:
    """``handlers``: those of the kernel, the last registered first."""
    fitting = [handler for handler in handlers if handler.takes(emulator)]
    if not fitting:
        return BinfmtState(emulator, "missing", None)
    return BinfmtState(emulator, "works" if fitting[0].pinned else "unfit", fitting[0], tuple(fitting[1:]))


def registration(name: str, magic: bytes, mask: bytes, interpreter: str, flags: str, offset: int = 0) -> str:
    """The line that makes the kernel a handler; every byte escaped, so that none of them ends a field."""
    escaped = ["".join(f"\\x{byte:02x}" for byte in part) for part in (magic, mask)]
    return f":{name}:M:{offset}:{escaped[0]}:{escaped[1]}:{interpreter}:{flags}"


def plan_register(
    emulator: Emulator,
    handlers: Sequence[Handler],
    interpreter: Callable[[], str],
    credentials: bool = False,
    repair: bool = False,
) -> tuple[BinfmtWrite, ...]:
    """What to write so that containers run programs of that architecture; nothing where they do. ``interpreter`` finds
    QEMU's path, and is asked only where it is needed.

    A handler of others stays: robenv's own, registered later, goes before it. Only with ``repair`` one that lacks the
    flag F gets it.
    """
    now = binfmt_state(emulator, handlers)
    known = () if now.handler is None else (now.handler, *now.hidden)
    mended = tuple(_with_flags(one, credentials) for one in known if repair and not one.own and not one.pinned)
    if mended:
        return tuple(change for pair in mended for change in pair)
    if now.handler is not None and now.state == "works" and (not credentials or "C" in now.handler.flags):
        return ()
    flags = "FC" if credentials else "F"
    line = registration(emulator.name, emulator.magic, emulator.mask, interpreter(), flags)
    before = tuple(BinfmtWrite(handler.name, "-1") for handler in handlers if handler.name == emulator.name)
    return (*before, BinfmtWrite("register", line))


def _with_flags(handler: Handler, credentials: bool) -> tuple[BinfmtWrite, BinfmtWrite]:
    """Makes a handler anew, as it was but for its flags."""
    flags = "".join(flag for flag in "POCF" if flag in f"{handler.flags}F{'C' if credentials else ''}")
    parts = (handler.name, handler.magic, handler.mask, handler.interpreter)
    before = registration(*parts, handler.flags, handler.offset)
    after = registration(*parts, flags, handler.offset)
    return BinfmtWrite(handler.name, "-1", undo=before), BinfmtWrite("register", after)


def plan_unregister(emulators: Sequence[Emulator], handlers: Sequence[Handler]) -> tuple[BinfmtWrite, ...]:
    """Takes away what robenv made, and nothing of others."""
    names = {emulator.name for emulator in emulators}
    return tuple(BinfmtWrite(handler.name, "-1") for handler in handlers if handler.name in names)
