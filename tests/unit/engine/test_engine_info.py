"""What an engine's answers to /version and /info mean."""

from __future__ import annotations

import pytest

from robenv.engine.docker_engine import engine_info


@pytest.mark.parametrize(
    ("api", "options", "expected"),
    [
        ("1.41", ["name=seccomp,profile=default"], True),
        ("1.41", ["name=userns"], False),
        ("1.44", ["name=userns"], False),
        ("1.45", ["name=userns"], True),
        ("1.51", ["name=userns"], True),
        ("1.38", None, False),
        ("", None, False),
    ],
)
def test_buildkit_is_used_where_it_gives_files_to_their_owners(
    api: str, options: list[str] | None, expected: bool
) -> None:
    version = {"ApiVersion": api, "Os": "linux", "Arch": "amd64", "Components": [{"Name": "Engine"}]}
    assert engine_info("unix:///x.sock", version, {"SecurityOptions": options}).buildkit is expected
