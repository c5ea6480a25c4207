"""Which images nothing refers to."""

from __future__ import annotations

from robenv.engine.protocol import ContainerInfo, ImageInfo
from robenv.environment.clean import unused_images


def image(name: str, project: str, created: str, tagged: bool = True) -> ImageInfo:
    return ImageInfo(
        id=f"sha256:{name}",
        tags=(f"robenv/{project}:{name}",) if tagged else (),
        platform="linux/amd64",
        size=1,
        created=created,
        labels={"robenv.project": project},
        entrypoint=(),
        command=(),
        environment=(),
        working_dir="",
        user="",
        layers=(),
    )


def container(of: ImageInfo) -> ContainerInfo:
    return ContainerInfo("c", "c", of.tags[0], of.id, {}, "exited", 0, False, "", "", "", ())


OLD, NEW = image("old", "arm", "2026-01-01"), image("new", "arm", "2026-01-02")
OTHER = image("other", "leg", "2025-01-01")


def unused(*images: ImageInfo, used: tuple[ImageInfo, ...] = (), keep: tuple[str, ...] = ()) -> list[str]:
    found = unused_images(images, [container(of) for of in used], frozenset(keep))
    return [one.id.removeprefix("sha256:") for one in found]


def test_the_newest_of_each_project_stays() -> None:
    assert unused(OLD, NEW, OTHER) == ["old"]


def test_what_a_container_uses_stays() -> None:
    assert unused(OLD, NEW, OTHER, used=(OLD,)) == []


def test_what_the_present_project_needs_stays_and_its_others_go() -> None:
    assert unused(OLD, NEW, OTHER, keep=("robenv/arm:old",)) == ["new"]


def test_of_equally_new_ones_none_goes() -> None:
    assert unused(OLD, image("twin", "arm", "2026-01-01")) == []


def test_one_without_a_tag_goes() -> None:
    assert unused(NEW, image("lost", "arm", "2026-01-03", tagged=False)) == ["lost"]
