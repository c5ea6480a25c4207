"""A proposal on one screen: what was found by kind and count, and last the proposal with its reason."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from robenv.profile.chain.builtin import BuiltinProfile
from robenv.project.init.findings import InitFinding, given_by
from robenv.project.init.propose import Proposal
from robenv.project.init.readers.sources import UNUSED
from robenv.project.init.write import left_out
from robenv.util.sanitize import safe

_MOST = 9
"""Lines for what is taken."""


def brief(proposal: Proposal, width: int) -> list[str]:
    """Lines for a terminal of ``width`` columns; the whole is in the file and in `--json`."""
    rows = [*_taken(proposal.taken)]
    if len(rows) > _MOST:
        more = ", ".join(label for label, _ in rows[_MOST - 1 :])
        rows = [*rows[: _MOST - 1], ("more", more)]
    asked = left_out(proposal)
    if asked:
        rows.append(("for you to allow", in_few_words([one.key for one in asked])))
    unused = [note.source for note in proposal.notes if note.value == UNUSED]
    rest = [note for note in proposal.notes if note.value != UNUSED]
    if rest:
        rows.append(("not converted", f"{_count(len(rest), 'thing')}; robenv.yaml names each with file and line"))
    if unused:
        rows.append(("not used", f"{in_few_words([one.partition(' ')[0] for one in unused])} (--from FILE)"))
    lines = [f"Found in {in_few_words(proposal.sources)}:"] if proposal.sources else []
    label_width = max((len(label) for label, _ in rows), default=0)
    lines += [f"  {label:<{label_width}}  {value}" for label, value in rows]
    lines += [f"Proposal: {proposal.stand}", f"  {proposal.why}"]
    return [_cut(safe(line), width) for line in lines]


def _taken(findings: Sequence[InitFinding]) -> Iterator[tuple[str, str]]:
    by_key: dict[str, list[str]] = {}
    for finding in findings:
        by_key.setdefault(finding.key, []).append(finding.value)
    for key, values in by_key.items():
        once = list(dict.fromkeys(values))
        yield key, once[0] if len(once) == 1 else f"{len(once)}: {', '.join(once)}"


def in_few_words(names: Iterable[str], most: int = 6) -> str:
    once = list(dict.fromkeys(names))
    shown = ", ".join(once[:most])
    return f"{shown} and {len(once) - most} more" if len(once) > most else shown


def asked_in_words(proposal: Proposal, most: int = 8) -> str:
    """What the folder asks of the host, each with what it gives; what is alike together."""
    by_gift: dict[str, list[str]] = {}
    for one in left_out(proposal):
        by_gift.setdefault(given_by(one), []).append(f"{one.key}: {safe(one.value)}")
    return in_few_words([f"{in_few_words(said, 3)} ({gift})" for gift, said in by_gift.items()], most)


def targets(profiles: Sequence[BuiltinProfile], width: int) -> list[str]:
    """The names of all profiles, by folder, so that they fit on a screen."""
    folders: dict[str, list[str]] = {}
    for one in profiles:
        folder, _, name = one.name.rpartition("/")
        folders.setdefault(folder, []).append(name)
    lines: list[str] = []
    for folder, names in sorted(folders.items(), key=lambda one: (one[0] == "mixins", one[0])):
        head = f"{folder}/" if folder else ""
        plain = [name for name in names if not (folder == "ros" and _is_variant(name, names))]
        body = " ".join(plain) + ("  (also NAME-ros-core, -desktop, …)" if folder == "ros" else "")
        lines += textwrap.wrap(body, width, initial_indent=f"{head:<9}", subsequent_indent=" " * 9,
                               break_on_hyphens=False)  # fmt: skip
    return [*lines, "`robenv profiles list` describes each."]


def _is_variant(name: str, names: Sequence[str]) -> bool:
    return any(name.startswith(f"{other}-") for other in names)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
