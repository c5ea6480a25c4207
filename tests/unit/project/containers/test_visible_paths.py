"""What an engine's refusal of a bind mount means."""

from __future__ import annotations

import pytest

from robenv.project.containers.visible_paths import explain


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            'invalid mount config for type "bind": bind source path does not exist: /tmp/ws',
            "the engine does not see /tmp/ws, though it is here",
        ),
        (
            'invalid mount config for type "bind": stat /tmp/ws: permission denied',
            "the engine's root may not enter /tmp/ws",
        ),
        ('invalid mount config for type "bind": stat /tmp: permission denied', "the engine's root may not enter /tmp"),
        ('invalid mount config for type "bind": bind source path does not exist: /other', None),
        ("no space left on device", None),
    ],
)
def test_why_a_folder_cannot_be_mounted(said: str, expected: str | None) -> None:
    error = explain(f"Could not create the container x: {said}", ["/tmp/ws"])
    assert (None if error is None else error.message) == expected
    assert error is None or error.hint
