"""Writes the tables of docs/catalogue.md, between its two marks, from the profiles and the catalog.

python -m scripts.catalogue
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from robenv.catalog.jetpack import BOARDS, JETPACKS
from robenv.catalog.releases import RELEASES
from robenv.catalog.ros import DISTROS
from robenv.cli.profiles_table import ORDER, TITLES
from robenv.profile.resolve.summary import Summary, fits_in_words, summaries

PAGE = Path(__file__).resolve().parent.parent / "docs" / "catalogue.md"
BEGIN = "<!-- begin: written by python -m scripts.catalogue -->\n"
END = "<!-- end -->\n"


def with_tables(page: str) -> str:
    """The page with its tables made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def tables() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    found = list(summaries())
    for group in ORDER:
        rows = [one for one in found if one.group == group]
        if rows:
            yield f"### {TITLES[group]}\n"
            yield from _mixins(rows) if not any(one.is_target for one in rows) else _targets(rows)
            yield ""
    yield "### Tables\n\nJetPack and L4T:\n"
    header = ("JetPack", "L4T", "Ubuntu, Python, CUDA", "image", "source, looked at")
    numbers = {release.suite: release.version for release in RELEASES}
    yield from _table(
        header,
        (
            (
                f"{row.versions} (`{row.name}`)",
                row.range,
                f"{numbers[row.suite]}, {row.python}, {row.cuda}",
                f"`{row.base}`" if row.base else "none",
                f"{_link(row.source)}, {row.checked}",
            )
            for row in JETPACKS
        ),
    )
    yield "\nBoards, and the JetPacks that they run, first the one that their profile is for:\n"
    boards = ((one.what, f"`jetson/{one.name}`", ", ".join(one.jetpacks), _link(one.source)) for one in BOARDS)
    yield from _table(("board", "profile", "JetPack", "source"), boards)
    yield "\nDebian and Ubuntu:\n"
    systems = ((f"{one.title} ({one.suite})", one.python, one.until, one.checked) for one in RELEASES)
    yield from _table(("release", "Python", "free support until", "looked at"), systems)
    yield "\nROS:\n"
    ros = (
        (one.title, f"{one.ubuntu} ({one.suite})", one.python, one.until or "no end", one.checked) for one in DISTROS
    )
    yield from _table(("distribution", "Ubuntu", "Python", "supported until", "looked at"), ros)


def _targets(rows: Iterable[Summary]) -> Iterator[str]:
    cells = (
        (
            f"`{one.name}`",
            one.description,
            ", ".join(platform.partition("/")[2] for platform in one.platforms) or "any",
            one.system or "-",
            one.python or "-",
            one.until or "-",
        )
        for one in rows
    )
    yield from _table(("extends", "what it is", "for", "system", "Python", "supported until"), cells)


def _mixins(rows: Iterable[Summary]) -> Iterator[str]:
    cells = ((f"`{one.name}`", one.description, fits_in_words(one.fits) or "anything") for one in rows)
    yield from _table(("extends", "what it adds", "fits"), cells)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _link(address: str) -> str:
    return f"[{address.rstrip('/').rpartition('/')[2]}]({address})"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
