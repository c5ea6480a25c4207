"""docs/catalogue.md is as the profiles are."""

from __future__ import annotations

from pathlib import Path

from robenv.profile.resolve.resolve import list_builtin
from scripts.catalogue import BEGIN, END, with_tables


def test_the_page_is_up_to_date(root: Path) -> None:
    page = (root / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert with_tables(page) == page, "python -m scripts.catalogue writes it anew"
    tables = page.partition(BEGIN)[2]
    assert [one.name for one in list_builtin() if f"| `{one.name}` |" not in tables] == []
