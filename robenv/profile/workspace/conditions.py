"""Conditions of dependencies in a package.xml of format 3, by REP 149."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(
    r"\s*(?:(?P<sign>\(|\)|==|!=|<=|>=|<|>|and\b|or\b)|\$(?P<name>\w+)|(?P<word>[\w.+-]+|\"[^\"]*\"|'[^']*'))"
)


def holds(condition: str, variables: Mapping[str, str]) -> bool:
    """A condition of REP 149, such as ``$ROS_VERSION == 2``; what is not set is empty text. Raises ValueError."""
    return not condition.strip() or _Condition(condition, variables).result()


class _Condition:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(text)
            kind = match.lastgroup or ""
            value = variables.get(match["name"], "") if kind == "name" else match[kind].strip("\"'")
            self._tokens.append(("sign" if kind == "sign" else "value", value))
            at = match.end()

    def result(self) -> bool:
        value = self._either()
        if self._tokens:
            raise ValueError("more than a condition")
        return value

    def _next(self, *signs: str) -> str:
        if self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in signs:
            return self._tokens.pop(0)[1]
        return ""

    def _either(self) -> bool:
        value = self._both()
        while self._next("or"):
            right = self._both()
            value = value or right
        return value

    def _both(self) -> bool:
        value = self._one()
        while self._next("and"):
            right = self._one()
            value = value and right
        return value

    def _one(self) -> bool:
        if self._next("("):
            value = self._either()
            if not self._next(")"):
                raise ValueError("a parenthesis is not closed")
            return value
        left = self._value()
        sign = self._next("==", "!=", "<=", ">=", "<", ">")
        right = self._value()
        answers = {
            "==": left == right,
            "!=": left != right,
            "<": left < right,
            ">": left > right,
            "<=": left <= right,
            ">=": left >= right,
        }
        if not sign:
            raise ValueError("no comparison")
        return answers[sign]

    def _value(self) -> str:
        if not self._tokens or self._tokens[0][0] != "value":
            raise ValueError("a value is missing")
        return self._tokens.pop(0)[1]
