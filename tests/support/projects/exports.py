"""What `robenv export` makes."""

from __future__ import annotations

from collections.abc import Callable

from robenv.export.forms import ExportedForm

Export = Callable[..., ExportedForm]


def text_of(form: ExportedForm, name: str = "") -> str:
    """One of its files; by default the main one."""
    (entry,) = (entry for entry in form.entries if entry.name == (name or form.main))
    return entry.data.decode()
