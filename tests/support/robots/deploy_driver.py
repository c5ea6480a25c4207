"""``python -m tests.support.robots.deploy_driver STEP ARGUMENT…``: robenv, which stops at one step of a deploy.

There it writes the step's name to stdout and waits for a line on stdin, so that a test can kill what it likes. Releases
are on trial for a shorter time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from robenv.deploy import fleet, release
from robenv.project.image import image
from robenv.transfer import send

MARGIN = 5.0


def pause_at(step: str) -> Callable[[str], None]:
    """The callback for the steps; also called as ``building`` before the image is built or found, and as ``sending``
    when half of it is on its way."""
    reached: list[str] = []

    def at(name: str) -> None:
        if name == step and not reached:
            reached.append(name)
            print(f"at {name}", flush=True)
            sys.stdin.readline()

    return at


def main() -> None:
    step, *arguments = sys.argv[1:]
    at = pause_at(step)
    release.MARGIN = MARGIN
    deploy, moved = fleet.deploy, send._Step.moved

    def watched(self: Any, count: int) -> None:
        moved(self, count)
        if self._total and self._current > self._total // 2:
            at("sending")

    ensure = image.ensure_image

    def building(*arguments: Any, **options: Any) -> Any:
        at("building")
        return ensure(*arguments, **options)

    image.ensure_image = building
    send._Step.moved = watched  # type: ignore[method-assign]
    fleet.deploy = partial(deploy, at=at)
    sys.argv = ["robenv", *arguments]
    from robenv.cli.entry import main as robenv

    robenv()


if __name__ == "__main__":
    main()
