"""The Jinja2 environment of the templates: sandboxed, strict, and held to putting out quoted text only."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from robenv.errors import Location, Problem
from robenv.render import quoting
from robenv.render.instructions import Mark
from robenv.render.quoting import Quoted, UnsafeValue
from robenv.resources import templates_folder

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


@dataclass
class RenderReport:
    """What a rendering finds out on its way: where instructions begin, and which values it has to refuse."""

    marks: list[Mark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def mark(self, title: str, location: Location | None = None) -> Quoted:
        """Stands at the beginning of each instruction; ``split_marks`` takes it out again."""
        self.marks.append(Mark(title, location))
        return Quoted(f"\0{len(self.marks) - 1}\0")

    def refuse(self, refused: UnsafeValue) -> Quoted:
        location = self.marks[-1].location if self.marks else None
        self.problems.append(Problem(str(refused), location, refused.hint))
        return Quoted("")


def _duration(seconds: float) -> Quoted:
    """In Go's words, to the millisecond."""
    return Quoted(f"{round(seconds * 1000)}ms")


def _shell_literal(value: str) -> Quoted:
    """A word in a script of robenv's own, where a line break inside quotes does no harm."""
    return Quoted(shlex.quote(value))


def _field(field: tuple[str, tuple[str, ...]]) -> Quoted:
    """A line of an apt source, as a shell word: (name, values)."""
    name, values = field
    tokens = (quoting.matching(quoting.TOKEN, value, "one word for a line of an apt source") for value in values)
    return quoting.word(f"{name}: {' '.join(tokens)}")


_FILTERS: dict[str, Callable[[Any], Quoted]] = {
    "word": quoting.word,
    "literal": _shell_literal,
    "operand": quoting.operand,
    "key": quoting.key,
    "array": quoting.array,
    "paths": quoting.paths,
    "comment": quoting.comment,
    "field": _field,
    "fields": quoting.fields,
    "package": quoting.package,
    "duration": _duration,
    "count": lambda value: Quoted(int(value)),
    "image": lambda value: quoting.matching(quoting.IMAGE, value, "an image's reference"),
    "stage": lambda value: quoting.matching(quoting.STAGE, value, "a stage's name"),
    "repository": lambda value: quoting.matching(quoting.REPOSITORY, value, "a name for a file in /etc/apt"),
    "checksum": lambda value: Quoted(quoting.matching(quoting.CHECKSUM, value, "sha256:HEX").partition(":")[2]),
    "owner": lambda value: quoting.matching(quoting.OWNER, value, "USER or USER:GROUP"),
    "mode": lambda value: quoting.matching(quoting.MODE, value, "an octal mode such as 0644"),
    "ident": lambda value: Quoted("".join(c if c.isascii() and (c.isalnum() or c in "._") else "-" for c in value)),
}


def _only_quoted(value: object) -> Quoted:
    if not isinstance(value, Quoted):
        raise TypeError(f"a template puts out {value!r} without a quoting filter")
    return value


@cache
def environment() -> SandboxedEnvironment:
    """The environment with all its templates, compiled once a process."""
    from jinja2 import FileSystemLoader, StrictUndefined, pass_context
    from jinja2.runtime import Context
    from jinja2.sandbox import SandboxedEnvironment

    def reporting(quote: Callable[[Any], Quoted]) -> Callable[[Context, Any], Quoted]:
        @pass_context
        def apply(context: Context, value: Any) -> Quoted:
            try:
                return quote(value)
            except UnsafeValue as refused:
                report: RenderReport = context["report"]
                return report.refuse(refused)

        return apply

    made = SandboxedEnvironment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        # Dockerfiles and shell scripts are no markup; the quoting filters do what escaping would.
        autoescape=False,
    )
    made.filters.update({name: reporting(quote) for name, quote in _FILTERS.items()})
    return made


def render_template(name: str, report: RenderReport, **values: object) -> str:
    """A template's text, marks and all; what had to be refused is in ``report``."""
    return environment().get_template(name).render(report=report, mark=report.mark, **values)
