"""`robenv binfmt`"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from robenv.cli.common import JsonOption, local_platform, note, open_engine, print_json, table
from robenv.cli.complete import words
from robenv.cli.help import Command
from robenv.errors import EngineUnreachable, UsageError

if TYPE_CHECKING:
    from robenv.catalog.binfmt import BinfmtState
    from robenv.engine.protocol import Engine

_VERBS = ("status", "register", "unregister")


@contextmanager
def _engine() -> Iterator[Engine | None]:
    """None where none answers: then it is about this machine."""
    try:
        manager = open_engine()
        engine = manager.__enter__()
    except EngineUnreachable:
        yield None
        return
    try:
        yield engine
    finally:
        manager.__exit__(None, None, None)


def binfmt(
    verb: Annotated[
        str,
        typer.Argument(
            metavar="[status|register|unregister]",
            help="What to do",
            autocompletion=words("status", "register", "unregister"),
        ),
    ] = "status",
    architectures: Annotated[
        list[str] | None, typer.Argument(metavar="[ARCH]…", help="Such as arm64, arm/v7, riscv64; all, without one")
    ] = None,
    credentials: Annotated[
        bool, typer.Option("--credentials", help="With the flag C: setuid programs, such as sudo, keep their rights")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Give handlers of others the flag F, instead of going before them")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Says which other architectures the engine's machine emulates, registers QEMU for them, or takes that back.

    What others have registered stays as it is, but for --mend."""
    if verb not in _VERBS:
        raise UsageError(f"there is no `robenv binfmt {verb}`", hint=f"`robenv binfmt {'|'.join(_VERBS)} [ARCH…]`")
    if (credentials or mend) and verb != "register":
        raise UsageError("--credentials and --mend are for register", hint="`robenv binfmt register --help`")
    from robenv.catalog.emulators import chosen_emulators
    from robenv.cli.reporter import TerminalReporter
    from robenv.project.image import emulation

    with _engine() as engine:
        machine = engine.info().platform if engine else local_platform()
        emulators = chosen_emulators(tuple(architectures or ()), machine)
        kernel = emulation.kernel_of(engine, TerminalReporter(), writing=verb != "status")
        if verb == "unregister":
            gone = emulation.unregister(kernel, emulators)
            if json:
                print_json({"removed": list(gone)})
            else:
                note(f"took back {', '.join(gone)}" if gone else "there is nothing of robenv's to take back")
            return
        if verb == "register":
            found = emulation.register(kernel, emulators, credentials, mend)
            for base in emulation.broken_loader_caches(engine, emulators) if engine else ():
                note(f"ldconfig crashes in {base}, as it does under some versions of QEMU: a newer one mends it")
        else:
            found = emulation.emulation_state(kernel, emulators, trying=True)
    if json:
        print_json([one.to_json() for one in found])
    else:
        _print(found)


def _print(found: tuple[BinfmtState, ...]) -> None:
    rows = [
        (
            one.emulator.platform.removeprefix("linux/"),
            one.state,
            one.handler.name if one.handler else "-",
            (one.handler.flags or "-") if one.handler else "-",
            one.handler.interpreter if one.handler else "-",
        )
        for one in found
    ]
    typer.echo(table(("ARCH", "STATE", "HANDLER", "FLAGS", "INTERPRETER"), rows))
    for one in found:
        name = one.emulator.platform.removeprefix("linux/")
        if one.state == "unfit" and one.handler:
            note(f"{one.handler.name} lacks the flag F: of no use in containers; `robenv binfmt register {name}`")
        for other in one.hidden:
            if not other.pinned:
                note(
                    f"{other.name} lacks the flag F, and is not taken; `robenv binfmt register --mend {name}` mends it"
                )


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(binfmt)
