"""What docs/host.md says of powers, line by line, on the files that it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.folders import ROOT
from tests.support.projects.chains import STRANGER, Chain

DOCS = ROOT / "docs" / "host.md"
ROWS = re.findall(r"^\| `([^`]+)` \|(?: (.+) \|)?$", DOCS.read_text().partition("## Powers and trust")[2], re.MULTILINE)
POWERS = [row for row in ROWS if row[1]]
HARMLESS = [row[0] for row in ROWS if not row[1]]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    made = Chain(tmp_path)
    made.main("extends: [./theirs.yaml]\n")
    return made


def asked(chain: Chain, text: str) -> list[str]:
    chain.write("picker/theirs.yaml", text + "\n", STRANGER)
    return chain.asked()["theirs.yaml"]


@pytest.mark.parametrize(("text", "words"), POWERS)
def test_what_the_table_calls_a_power(chain: Chain, text: str, words: str) -> None:
    assert any(power.startswith(words) for power in asked(chain, text))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_the_table_calls_harmless(chain: Chain, text: str) -> None:
    assert asked(chain, text) == []


def test_the_tables_are_there() -> None:
    assert len(POWERS) > 15 and len(HARMLESS) > 4
