"""The leaves of the schema: each a parser that names what it expects, and the JSON Schema that editors see.

No leaf relies on pydantic's own coercions, so every refusal is a sentence of ours, and no value gets through by
being turned into something else.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from robenv.profile.schema.quantities import parse_bytes, parse_duration
from robenv.profile.yaml.nodes import PlainText
from robenv.profile.yaml.parse_error import BadValue, did_you_mean
from robenv.util.sanitize import show

JsonSchema = dict[str, Any]
Parse = Callable[[Any], Any]

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNENCODABLE = re.compile("[\x00\ud800-\udfff]")
LONGEST_LINE = 4096


class Section(BaseModel):
    """A mapping of the file: unknown keys are refused, nothing can be changed."""

    # Deferred, or every section would be compiled once by itself and once more in each that holds it.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False, defer_build=True)


M = TypeVar("M", bound=Section)


def unset(section: type[M]) -> M:
    """The default of a section that is not written: one instance for all, as nothing can change it."""
    instance = section.model_construct()
    return cast(M, Field(default_factory=lambda: instance))


@dataclass(frozen=True)
class Leaf:
    """``Annotated[T, Leaf(parse, json_schema)]``: ``parse`` alone decides; it raises BadValue."""

    parse: Parse
    schema: JsonSchema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return dict(self.schema)

    __hash__ = object.__hash__


@dataclass(frozen=True)
class Short:
    """A section or list that has a short form too: ``expand`` makes the long one of it, or gives back what it got."""

    expand: Parse
    schema: JsonSchema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [dict(self.schema), handler(schema)]}

    __hash__ = object.__hash__


def describe(value: Any) -> str:
    """A value as a refusal names it."""
    if isinstance(value, PlainText):
        return {"bool": "the boolean", "int": "the number", "float": "the number"}[value.kind] + " " + show(value)
    if isinstance(value, str):
        return show(value) if value else "an empty text"
    if value is None:
        return "nothing"
    return (
        "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, (list, tuple)) else show(str(value))
    )


def take_text(value: Any, expected: str, plain: bool = False) -> str:
    """The text of a value. ``plain``: a number or boolean is taken as it is written. Raises BadValue."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadValue(f"expected {expected}, not {describe(value)}")
    if isinstance(value, PlainText) and not plain:
        raise BadValue(f"expected {expected}, not {describe(value)}", "put it in quotes")
    text = str(value)
    if _UNENCODABLE.search(text):
        raise BadValue("a NUL character, or half a character, cannot stand here")
    return text


def take_line(value: Any, expected: str, plain: bool = False) -> str:
    """As ``take_text``, on one line and not empty."""
    text = take_text(value, expected, plain)
    if not text.strip():
        raise BadValue(f"expected {expected}, not an empty text")
    if _CONTROL.search(text):
        raise BadValue(f"{show(text)} holds a line break or another control character", f"expected {expected}")
    if len(text) > LONGEST_LINE:
        raise BadValue(f"this text has more than {LONGEST_LINE} characters", f"expected {expected}")
    return text


def line(expected: str, plain: bool = False) -> Leaf:
    """Any text on one line."""
    return Leaf(lambda value: take_line(value, expected, plain), _text_schema(plain))


def text(expected: str, plain: bool = False) -> Leaf:
    """Any text without NUL."""
    return Leaf(lambda value: take_text(value, expected, plain), _text_schema(plain))


def pattern(regex: str, expected: str, hint: str = "", plain: bool = False) -> Leaf:
    """Text that ``regex`` matches from end to end."""
    compiled = re.compile(regex, re.ASCII)

    def parse(value: Any) -> str:
        taken = take_line(value, expected, plain)
        if not compiled.fullmatch(taken):
            raise BadValue(f"{show(taken)} is not {expected}", hint)
        return taken

    schema = _text_schema(plain)
    if not plain:
        # A variable in the text makes it match only once it is resolved.
        schema["pattern"] = rf"^(?:{regex})$|\$"
    return Leaf(parse, schema)


def one_of(*words: str, expected: str = "", lower: bool = False) -> Leaf:
    """One of some words."""
    named = expected or "one of " + ", ".join(f"`{word}`" for word in words)

    def parse(value: Any) -> str:
        if isinstance(value, PlainText):
            raise BadValue(f"expected {named}, not {describe(value)}", _instead(value, words))
        taken = take_line(value, named)
        taken = taken.lower() if lower else taken
        if taken not in words:
            raise BadValue(f"expected {named}, not {show(taken)}", _meant(taken, words) or did_you_mean(taken, words))
        return taken

    return Leaf(parse, {"anyOf": [{"enum": list(words)}, VARIABLE]})


YES = frozenset(("true", "yes", "on", "y", "1", "enable", "enabled"))
NO = frozenset(("false", "no", "off", "n", "0", "disable", "disabled"))


def _instead(value: PlainText, words: tuple[str, ...]) -> str:
    """What may be meant by a number, or a yes or no, where one of some words is expected."""
    if value in words:
        return "put it in quotes"
    return _meant(value, words)


def _meant(value: str, words: tuple[str, ...]) -> str:
    """For a yes or no in whatever words, which YAML 1.2 takes for text but for true and false."""
    said = value.lower()
    word = "auto" if said in YES else "none" if said in NO else ""
    return f"write `{word}`" if word in words else ""


VARIABLE: JsonSchema = {"type": "string", "pattern": r"\$"}


def _text_schema(plain: bool) -> JsonSchema:
    return {"type": ["string", "number", "boolean"] if plain else "string"}


def integer(low: int, high: int, expected: str = "") -> Leaf:
    """A whole number, also as text, as in Compose."""
    named = expected or f"a whole number from {low} to {high}"

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise BadValue(f"expected {named}, not {describe(value)}")
        number = _whole(str(value))
        if number is None or not low <= number <= high:
            raise BadValue(f"expected {named}, not {describe(value)}")
        return number

    return Leaf(parse, {"anyOf": [{"type": "integer", "minimum": low, "maximum": high}, VARIABLE]})


def _whole(text: str) -> int | None:
    if len(text) <= 24:
        for regex, base in ((r"[-+]?[0-9]+", 10), (r"0o[0-7]+", 8), (r"0x[0-9a-fA-F]+", 16)):
            if re.fullmatch(regex, text):
                return int(text, base)
    return None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise BadValue(f"expected a number, not {describe(value)}")
    if not re.fullmatch(r"\d{1,9}(\.\d{0,9})?|\.\d{1,9}", str(value), re.ASCII) or float(value) <= 0:
        raise BadValue(f"expected a number above 0 such as `1.5`, not {describe(value)}")
    return float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else ""
    if word not in ("true", "false"):
        yes_no = word in ("yes", "no", "on", "off")
        hint = f"in YAML 1.2 {show(word)} is a text: write true or false" if yes_no else ""
        raise BadValue(f"expected true or false, not {describe(value)}", hint)
    return word == "true"


def _size(value: Any) -> int:
    return parse_bytes(take_line(value, "a size such as `512mb` or `1gb`", plain=True))


def _limit(value: Any) -> int:
    return -1 if str(value) == "-1" else _size(value)


def _duration(value: Any) -> float:
    return parse_duration(take_line(value, "a duration such as `30s` or `1m30s`", plain=True))


def _microseconds(value: Any) -> int:
    if isinstance(value, (int, str)) and not isinstance(value, bool) and (number := _whole(str(value))) is not None:
        return number
    return round(_duration(value) * 1_000_000)


def _argv(value: Any) -> tuple[str, ...]:
    """A command: a list of arguments, or one text that is split as a shell would (and run by none), as in Compose."""
    if isinstance(value, (list, tuple)):
        return tuple(take_text(item, "an argument", plain=True) for item in value)
    line_of_words = take_text(value, "a command: a text or a list of arguments")
    try:
        return tuple(shlex.split(line_of_words))
    except ValueError as error:
        raise BadValue(f"this command cannot be split into arguments: {str(error).lower()}") from None


def one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_STRINGS: JsonSchema = {"type": "array", "items": {"type": "string"}}
TEXT_SCHEMA: JsonSchema = {"type": "string"}
OneOrMany = Short(one_or_many, TEXT_SCHEMA)

_PATH = r"/(?!.*(?:^|/)\.\.(?:/|$)).*"
ContainerPath = Annotated[str, pattern(_PATH, "an absolute path in the container without `..`", "begin it with `/`")]
SetupPath = Annotated[
    str, pattern(r"(?!.*(?:^|/)\.\.(?:/|$)).*", "a path in the container, or in the workspace, without `..`")
]
HostPath = Annotated[str, line("a path")]
Boolean = Annotated[bool, Leaf(_boolean, {"anyOf": [{"type": "boolean"}, VARIABLE]})]
Number = Annotated[float, Leaf(_number, {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, VARIABLE]})]
Bytes = Annotated[int, Leaf(_size, {"type": ["integer", "string"]})]
BytesOrUnlimited = Annotated[int, Leaf(_limit, {"type": ["integer", "string"]})]
Duration = Annotated[float, Leaf(_duration, TEXT_SCHEMA)]
Microseconds = Annotated[int, Leaf(_microseconds, {"type": ["integer", "string"]})]
Argv = Annotated[tuple[str, ...], Leaf(_argv, {"anyOf": [TEXT_SCHEMA, _STRINGS]})]
Line = Annotated[str, line("a text on one line")]
AnyText = Annotated[str, text("a text", plain=True)]
PlainLine = Annotated[str, line("a text on one line", plain=True)]
