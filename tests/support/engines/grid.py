"""Results of tests as tables: the catalogue by targets and platforms, behaviours by engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from robenv.catalog.platforms import PLATFORMS

_ORDER = {str(platform): number for number, platform in enumerate(PLATFORMS)}
_EMPTY = "·"


def grid(results: Mapping[str, tuple[str, float]]) -> list[str]:
    """Lines of text. ``results``: "TARGET PLATFORM" → (outcome, seconds); a pair that is not there stays empty."""
    cells = {tuple(row.rsplit(" ", 1)): result for row, result in results.items()}
    targets = sorted({target for target, _ in cells})
    platforms = sorted({platform for _, platform in cells}, key=lambda one: _ORDER[one])
    width = max(map(len, ("target", *targets)))
    lines = ["  ".join((f"{'target':<{width}}", *(f"{platform:<16}" for platform in platforms))).rstrip()]
    for target in targets:
        told = (_told(cells.get((target, platform))) for platform in platforms)
        lines.append("  ".join((f"{target:<{width}}", *(f"{one:<16}" for one in told))).rstrip())
    lines.append("")
    for platform in platforms:
        mine = [result for (_, one), result in cells.items() if one == platform]
        outcomes = Counter(outcome for outcome, _ in mine)
        counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items(), reverse=True))
        lines.append(f"{platform}: {counts} in {sum(seconds for _, seconds in mine):.0f} s")
    return lines


def _told(result: tuple[str, float] | None) -> str:
    return f"{result[0]:<8}{result[1]:6.1f} s" if result else _EMPTY


def behaviours_table(cells: Mapping[str, str]) -> list[str]:
    """Lines of a Markdown table. ``cells``: "BEHAVIOUR on ENGINE" → ok, refused, said or FAIL; both in their order."""
    pairs = {tuple(name.rsplit(" on ", 1)): result for name, result in cells.items()}
    rows, columns = (list(dict.fromkeys(pair[index] for pair in pairs)) for index in (0, 1))
    lines = [f"| behaviour | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {row} | {' | '.join(pairs.get((row, column), _EMPTY) for column in columns)} |" for row in rows]
    counts = Counter(pairs.values())
    return [*lines, "", ", ".join(f"{number} {result}" for result, number in counts.most_common())]
