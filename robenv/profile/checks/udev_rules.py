"""Udev's rules files: what is certainly wrong with one, and what of it runs commands on the host. Pure.

The language is that of udev(7). Nothing is reported that some version of udev takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from robenv.profile.yaml.parse_error import did_you_mean
from robenv.util.sanitize import show

_MATCHED = (
    "ACTION", "DEVPATH", "KERNEL", "KERNELS", "SUBSYSTEM", "SUBSYSTEMS", "DRIVER", "DRIVERS", "ATTRS", "CONST", "TAGS",
    "TEST", "RESULT",
)  # fmt: skip
_ASSIGNED = ("OWNER", "GROUP", "MODE", "SECLABEL", "RUN", "LABEL", "GOTO", "OPTIONS")
_EITHER = ("NAME", "SYMLINK", "ATTR", "SYSCTL", "ENV", "TAG", "PROGRAM", "IMPORT")
_KEYS = (*_MATCHED, *_ASSIGNED, *_EITHER)

_TERM = re.compile(
    r"""\s*(?P<key>[A-Za-z_]+)(?:\{(?P<attribute>[^}]*)\})?\s*(?P<operator>==|!=|\+=|-=|:=|=)\s*"""
    r"""[ei]?"(?P<value>(?:\\.|[^"\\])*)"\s*,?\s*""",
    re.ASCII,
)


@dataclass(frozen=True)
class RuleProblem:
    """``line`` counts from 1. ``runs``: it is no mistake, but starts a command on the host as root."""

    line: int
    message: str
    hint: str = ""
    runs: bool = False


@dataclass(frozen=True)
class _Term:
    key: str
    attribute: str
    operator: str
    value: str

    @property
    def assigns(self) -> bool:
        return self.operator not in ("==", "!=")


def udev_flaws(text: str) -> tuple[RuleProblem, ...]:
    """Everything that is wrong with a rules file, and everything in it that runs commands, in the file's order."""
    rules = list(_rules(text))
    flaws = [flaw for line, rule in rules for flaw in _rule_flaws(line, rule)]
    terms = [(line, term) for line, rule in rules for term in _terms(rule)[0]]
    labels = {term.value for _, term in terms if term.key == "LABEL"}
    for line, term in terms:
        if term.key == "GOTO" and term.value not in labels:
            flaws.append(RuleProblem(line, f"there is no LABEL={show(term.value)}", did_you_mean(term.value, labels)))
    if not rules:
        flaws.append(RuleProblem(1, "there is no rule in this file"))
    return tuple(sorted(flaws, key=lambda flaw: flaw.line))


def _rules(text: str) -> Iterator[tuple[int, str]]:
    """Each rule with the number of its first line; a backslash at the end of a line joins the next one to it."""
    joined, first = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("#"):
            continue  # also between joined lines
        first = first or number
        joined += line.rstrip("\r")
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        if joined.strip():
            yield first, joined.strip()
        joined, first = "", 0
    if joined.strip():
        yield first, joined.strip()


def _terms(rule: str) -> tuple[list[_Term], str]:
    """The terms of a rule, and what is left where no further one can be read."""
    terms: list[_Term] = []
    position = 0
    while position < len(rule) and (match := _TERM.match(rule, position)):
        terms.append(_Term(match["key"], match["attribute"] or "", match["operator"], match["value"]))
        position = match.end()
    return terms, rule[position:].strip(" \t,")


def _rule_flaws(line: int, rule: str) -> Iterator[RuleProblem]:
    terms, rest = _terms(rule)
    if rest:
        yield _unreadable(line, rest)
        return
    for term in terms:
        yield from _term_flaws(line, term)


def _unreadable(line: int, rest: str) -> RuleProblem:
    expected = 'a rule is made of terms such as SUBSYSTEM=="tty" and SYMLINK+="lidar", with commas between'
    if len(re.findall(r'(?<!\\)"', rest)) % 2:
        return RuleProblem(line, f"a quote is opened and not closed at {show(rest)}", expected)
    return RuleProblem(line, f"{show(rest)} is no term of a udev rule", expected)


def _term_flaws(line: int, term: _Term) -> Iterator[RuleProblem]:
    if term.key not in _KEYS:
        yield RuleProblem(line, f"udev knows no key {show(term.key)}", did_you_mean(term.key, _KEYS))
    elif term.assigns and term.key in _MATCHED:
        yield RuleProblem(line, f"{term.key} can only be compared, not set", f'write {term.key}=="{term.value}"')
    elif not term.assigns and term.key in _ASSIGNED:
        yield RuleProblem(line, f"{term.key} can only be set, not compared", f'write {term.key}="{term.value}"')
    elif term.key == "MODE" and not re.fullmatch(r"[0-7]{3,4}|.*[%$].*", term.value, re.ASCII):
        yield RuleProblem(line, f"MODE={show(term.value)} is no mode in octal digits", 'such as MODE="0660"')
    elif _runs(term):
        shown = term.key + (f"{{{term.attribute}}}" if term.attribute else "")
        yield RuleProblem(line, f"{shown} runs {show(term.value)} on the host as root", runs=True)


def _runs(term: _Term) -> bool:
    """Whether it makes the host do something as root, beyond naming a node and saying who may open it."""
    if term.key in ("RUN", "PROGRAM"):
        return True
    if term.key == "IMPORT":
        return term.attribute in ("program", "")
    if term.key == "ENV":
        return term.assigns and term.attribute in ("SYSTEMD_WANTS", "SYSTEMD_USER_WANTS")
    return term.key == "SYSCTL" and term.assigns
