"""colcon's defaults in a profile, as its own ``defaults.yaml`` has them: verb → option → value."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from robenv.profile.schema.types import Leaf, describe, integer, pattern, take_line
from robenv.profile.yaml.nodes import PlainText
from robenv.profile.yaml.parse_error import BadValue, did_you_mean
from robenv.util.sanitize import show

ColconScalar: TypeAlias = bool | int | float | str
ColconValue: TypeAlias = ColconScalar | tuple[ColconScalar, ...]

_VERBS = (
    *("build", "test", "test-result", "list", "info", "graph", "edit", "extensions", "extension-points"),
    *("version-check", "bundle", "clean", "clean.packages", "clean.workspace", "cache", "cache.lock", "lint"),
    *("metadata", "metadata.add", "metadata.list", "metadata.remove", "metadata.update"),
    *("mixin", "mixin.add", "mixin.list", "mixin.remove", "mixin.show", "mixin.update"),
)
"""Those of the extensions that people have. colcon passes over a verb that it does not know without a word."""
_WORD = r"[a-z][a-z0-9_-]*"
_VERB = pattern(rf"{_WORD}(?:\.{_WORD})*|", "a verb of colcon such as `build` or `mixin.add`")
_WHOLE = integer(-(2**63), 2**63 - 1)


def _verb(value: Any) -> str:
    """A verb; "" is colcon itself, with options such as log-base."""
    if value == "":
        return ""
    verb = str(_VERB.parse(value))
    hint = "" if verb in _VERBS else did_you_mean(verb, _VERBS)
    if hint:
        raise BadValue(f"{show(verb)} is no verb of colcon", hint)
    return verb


def _option(value: Any) -> str:
    text = take_line(value, "an option of colcon such as `symlink-install`")
    bare = text.lstrip("-")
    hint = f"without dashes in front: `{bare}`" if bare != text else ""
    return str(pattern(_WORD, "an option of colcon such as `symlink-install`", hint).parse(text))


def _scalar(value: Any) -> ColconScalar:
    """What YAML takes the value for: colcon takes no text where it expects a number or a boolean."""
    expected = "a text, a number, true or false"
    if isinstance(value, PlainText) and value.kind == "bool":
        return value.lower() == "true"
    if isinstance(value, PlainText) and value.kind == "int":
        return int(_WHOLE.parse(value))
    if isinstance(value, PlainText):
        return _finite(value, expected)
    if value == "":
        return ""
    return take_line(value, expected)


def _finite(value: PlainText, expected: str) -> float:
    try:
        number = float(value)
    except ValueError:  # .inf and .nan
        number = math.inf
    if not math.isfinite(number):
        raise BadValue(f"expected {expected}, not {describe(value)}")
    return number


def _value(value: Any) -> ColconValue:
    if isinstance(value, (list, tuple)):
        return tuple(_scalar(one) for one in value)
    if value is None or isinstance(value, dict):
        raise BadValue(f"expected a value or a list of values, as the option takes it, not {describe(value)}")
    return _scalar(value)


_SCALARS = {"type": ["string", "number", "boolean"]}
ColconDefaults = dict[
    Annotated[str, Leaf(_verb, {"type": "string"})],
    dict[
        Annotated[str, Leaf(_option, {"type": "string"})],
        Annotated[
            ColconValue,
            Leaf(_value, {"anyOf": [_SCALARS, {"type": "array", "items": _SCALARS}]}),
            Field(description="as the option takes it: true, a number, a text, or a list"),
        ],
    ],
]
