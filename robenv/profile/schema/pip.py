"""What pip installs into an image."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from robenv.profile.schema.mirrors import HOST, PATH
from robenv.profile.schema.names import PipRequirement
from robenv.profile.schema.secrets import SecretName
from robenv.profile.schema.types import TEXT_SCHEMA, HostPath, OneOrMany, Section, Short, pattern

IndexAddress = Annotated[
    str,
    pattern(
        rf"https?://{HOST}{PATH}",
        "the address of an index, such as `https://pypi.org/simple`",
        "a login does not stand in it, since the image would keep it: `login` names a secret",
    ),
]


class PipInstall(Section):
    """One call of pip, by the names of its own options."""

    packages: Annotated[tuple[PipRequirement, ...], OneOrMany, Field(description="such as numpy==2.1.3")] = ()
    requirements: Annotated[HostPath, Field(description="a requirements.txt")] = ""
    constraints: Annotated[HostPath, Field(description="a file of constraints, as of pip's -c")] = ""
    index_url: Annotated[IndexAddress, Field(description="the index in the place of https://pypi.org/simple")] = ""
    extra_index_urls: Annotated[
        tuple[IndexAddress, ...], OneOrMany, Field(description="further indexes; pip takes the newest of them all")
    ] = ()
    login: Annotated[SecretName, Field(description="a secret in the form of ~/.netrc, for the indexes")] = ""

    @property
    def plain(self) -> bool:
        """Whether it only names packages."""
        return not (self.requirements or self.constraints or self.index_url or self.extra_index_urls or self.login)


def _install(value: Any) -> Any:
    return {"packages": value} if isinstance(value, str) else value


PipEntry = Annotated[PipInstall, Short(_install, TEXT_SCHEMA)]
