"""What the demo says to try next works where it ran: also without a service manager."""

from __future__ import annotations

from scripts.demo import EXAMPLE, following


def test_with_an_engine_for_the_demo_alone_the_next_command_brings_its_own() -> None:
    assert "-m scripts.engine" in following(True)
    assert "scripts.engine" not in following(False)
    for text in (following(True), following(False)):
        assert EXAMPLE.name in text and " up\n" in text
