"""`robenv schema`"""

from __future__ import annotations

import typer

from robenv.cli.common import print_json
from robenv.cli.help import Command


def schema() -> None:
    """Prints the JSON Schema of robenv.yaml, for editors."""
    from robenv.profile.schema.profile import json_schema

    print_json(json_schema())


def register(app: typer.Typer, name: str, text: str) -> None:
    app.command(name, cls=Command, short_help=text)(schema)
