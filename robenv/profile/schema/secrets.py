"""What a build may borrow and never keeps: secrets by name, and the keys of an ssh agent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from robenv.profile.schema.names import Mode, VariableName
from robenv.profile.schema.types import TEXT_SCHEMA, ContainerPath, HostPath, JsonSchema, Section, Short, pattern

SecretName = Annotated[
    str, pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a secret's name: letters, digits, `_`, `.` and `-`")
]


class Secret(Section):
    """Where a secret is on the machine that builds, as in Compose: one of the two."""

    file: Annotated[HostPath, Field(description="such as ~/.netrc")] = ""
    environment: Annotated[VariableName, Field(description="the variable that has it")] = ""


def _secret(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


class StepSecret(Section):
    """A secret in a step, as in Compose's ``build.secrets``: a file that is there while it runs."""

    source: Annotated[SecretName, Field(description="its name under `secrets`")]
    target: Annotated[ContainerPath, Field(description="default: /run/secrets/NAME")] = ""
    mode: Annotated[Mode, Field(description='default: "0400"; for a step of the user, "0444"')] = ""


StepSecretOrName = Annotated[StepSecret, Short(_secret, TEXT_SCHEMA)]


def _secrets(value: Any) -> Any:
    return [value] if isinstance(value, (str, dict)) else value


class _OrList(Short):
    """Of a list: any of its items is a short form."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


StepSecrets = Annotated[tuple[StepSecretOrName, ...], _OrList(_secrets, {})]
"""A list of them, or a single one in either of its forms."""
