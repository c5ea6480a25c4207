"""The tests' own engines and registries do what the tests take for granted."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.engines.second_engine import SecondEngine
from tests.support.servers.registry import PASSWORD, USER, Registry

pytestmark = pytest.mark.engine


def test_a_second_engine_survives_a_kill_and_leaves_nothing(
    second_engine: Callable[..., SecondEngine], base_image: str
) -> None:
    second = second_engine(image=base_image)
    api = second.api()
    container = api.create_container(base_image, ["sleep", "600"], name="robenvtest-inside", stop_signal="KILL")
    api.start(container)
    second.kill()
    assert not second.running
    second.start()
    assert [found["Names"] for found in second.api().containers(all=True)] == [["/robenvtest-inside"]]
    second.close()
    assert not second.folder.exists()
    assert not second.left_over()
    assert not second._mounts()


def test_a_second_engine_has_only_the_disk_that_it_is_given(
    second_engine: Callable[..., SecondEngine], docker_api: Any, base_image: str
) -> None:
    second = second_engine(data_size=30_000_000)
    answers = list(second.api().load_image(docker_api.get_image(base_image)))
    assert "no space left on device" in str(answers)


def test_a_registry_takes_what_is_pushed_and_asks_for_its_login(
    registry: Callable[..., Registry], docker_api: Any
) -> None:
    reference = f"{registry(login=True).address}/robenvtest-pushed"
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    docker_api.import_image_from_data(empty.getvalue(), repository=reference, tag="1")
    try:
        refused = docker_api.push(reference, "1")
        assert "no basic auth credentials" in refused
        taken = docker_api.push(reference, "1", auth_config={"username": USER, "password": PASSWORD})
        assert "digest: sha256:" in taken
    finally:
        docker_api.remove_image(f"{reference}:1")
