"""`robenv run`"""

from __future__ import annotations

import typer

from robenv.cli.ask import asker
from robenv.cli.common import LockedOption, NoAccelOption, PlatformOption, QuietOption, StageOption, Where, open_engine
from robenv.cli.help import Command
from robenv.cli.reporter import TerminalReporter
from robenv.cli.up import CommandArgument


def run(
    context: typer.Context,
    command: CommandArgument = None,
    platform: PlatformOption = None,
    stage: StageOption = "dev",
    no_accel: NoAccelOption = False,
    locked: LockedOption = False,
    quiet: QuietOption = False,
) -> None:
    """Runs CMD, or a shell, in a container of its own that is removed afterwards; with CMD's exit code."""
    from robenv.project.containers.networks import check_networks
    from robenv.project.containers.run import run_once
    from robenv.project.containers.visible_paths import as_seen, needs_look
    from robenv.project.gate import admit_container, leave
    from robenv.project.identity import settle
    from robenv.project.image.cross_compilers import equip
    from robenv.project.image.emulation import ensure_emulation
    from robenv.project.image.image import ensure_image
    from robenv.util.file_lock import using_images

    where: Where = context.obj
    with open_engine() as engine:
        loaded = where.load(engine.info().platform, platform, quiet, locked, pin=True, stage=stage)
        reporter = TerminalReporter(quiet)
        settle(engine, loaded.files, loaded.resolved.profile.name, reporter.note)
        admitted = admit_container(engine, loaded, asker(), reporter.note)
        plan = admitted.plan
        for text in admitted.notes:
            reporter.note(text)
        check_networks(engine, plan, reporter.note)
        ensure_emulation(engine, loaded.build.platform, reporter)
        with using_images(reporter.note):
            if needs_look(engine, plan, loaded.image):
                plan = as_seen(engine, plan, loaded.resolved.profile, reporter.note)
            image = ensure_image(engine, admitted, reporter, accelerate=not no_accel)
            if not no_accel:
                plan = equip(engine, loaded, plan, image.image, reporter)
        code = run_once(engine, admitted.with_plan(plan), image.image, tuple(command or ()))
        leave(engine, where.place())
    raise typer.Exit(code)


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text, context_settings={"allow_interspersed_args": False})(run)
