"""BuildPlan → Dockerfile, context and content hash. Jinja2 is imported when something is rendered, not before."""

from robenv.render.base import render_base
from robenv.render.content_hash import content_hash
from robenv.render.dockerfile import render
from robenv.render.entries import ContextEntry
from robenv.render.instructions import Instruction, Rendered, find_instruction
from robenv.render.stream import context_stream, stream, write_context

__all__ = [
    "ContextEntry",
    "Instruction",
    "Rendered",
    "authority",
    "base",
    "content_hash",
    "context_stream",
    "entries",
    "find_instruction",
    "render",
    "render_base",
    "stream",
    "templating",
    "tools",
    "write_context",
]
