"""What `build` and `push` share: the images of several platforms, made side by side in one picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from robenv.cli.errors import error_text
from robenv.cli.reporter import TerminalReporter
from robenv.errors import RobenvError

if TYPE_CHECKING:
    from robenv.engine.build.progress import BuildState
    from robenv.project.gate import ApprovedProject
    from robenv.project.image.image import ImageResult
    from robenv.project.reporter import Reporter

AT_ONCE = 4
"""Builds that run side by side."""


@dataclass
class BuildOutcomes:
    """By platform, in the order asked for, the image or why there is none."""

    images: dict[str, ImageResult] = field(default_factory=dict)
    errors: dict[str, RobenvError] = field(default_factory=dict)
    states: Sequence[BuildState] = ()

    def fail(self) -> None:
        """Raises the first error, once the others are told; nothing where all went well."""
        errors = [_whose(platform, error) for platform, error in self.errors.items()]
        for error in errors[1:]:
            print(error_text(error) + "\n", file=sys.stderr)
        if errors:
            raise errors[0]


def build_images(
    every: Sequence[ApprovedProject], quiet: bool, make: Callable[[ApprovedProject, Reporter], ImageResult]
) -> BuildOutcomes:
    """Each by ``make``. Where one of several fails, the others go on, and stay. ^C ends all of them."""
    if len(every) == 1:
        reporter = TerminalReporter(quiet)
        return BuildOutcomes({every[0].planned.build.platform: make(every[0], reporter)}, states=reporter.states)
    from robenv.cli.progress.shared import SharedProgress
    from robenv.util.concurrency import side_by_side

    platforms = [one.planned.build.platform for one in every]
    with SharedProgress(f"{every[0].planned.build.project} for {', '.join(platforms)}", quiet) as shared:

        def one(approved: ApprovedProject) -> ImageResult | RobenvError:
            try:
                return make(approved, shared.lane(approved.planned.build.platform))
            except RobenvError as error:
                return error

        results = side_by_side(every, one, AT_ONCE)
    made = BuildOutcomes(states=shared.states)
    for platform, result in zip(platforms, results, strict=True):
        if isinstance(result, RobenvError):
            made.errors[platform] = result
        else:
            made.images[platform] = result
    return made


def error_json(platform: str, error: RobenvError) -> dict[str, Any]:
    told = {"message": error.message, "details": error.details, "hint": error.hint}
    return {"platform": platform, "error": told}


def _whose(platform: str, error: RobenvError) -> RobenvError:
    if platform not in error.message:
        error.message = f"{platform}: {error.message}"
        error.args = (error.message,)
    return error
