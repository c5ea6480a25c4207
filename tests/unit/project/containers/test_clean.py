"""Which images nothing refers to."""

from __future__ import annotations

from dataclasses import replace

from robenv.engine.protocol import ContainerInfo, ImageInfo
from robenv.project.containers.clean import unused_images, unused_pinned, unused_tools


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


def test_an_image_of_two_folders_stays_while_it_is_the_newest_of_one() -> None:
    shared = replace(OLD, tags=("robenv/arm:old", "robenv/clone:old"))
    assert unused(shared, NEW) == []
    assert unused(shared, NEW, replace(OTHER, tags=("robenv/clone:other",), created="2026-01-03")) == ["old"]


def test_of_equally_new_ones_none_goes() -> None:
    assert unused(OLD, image("twin", "arm", "2026-01-01")) == []


def test_one_without_a_tag_goes() -> None:
    assert unused(NEW, image("lost", "arm", "2026-01-03", tagged=False)) == ["lost"]


def tools(name: str, kind: str, created: str) -> ImageInfo:
    return replace(image(name, "x", created), labels={"robenv.tools": kind}, tags=(f"robenv/tools:{name}",))


def test_native_tools_stay_for_the_architectures_that_are_left() -> None:
    arm, riscv = tools("a", "arm64 debian:12", "2026-01-01"), tools("r", "riscv64 debian:12", "2026-01-01")
    assert unused_tools([arm, riscv], {"amd64", "arm64"}, ()) == [riscv]
    assert unused_tools([arm, riscv], {"amd64"}, {"robenv-tools-r"}) == [arm], "a container has them"


def test_of_native_tools_of_one_kind_the_newest_stay() -> None:
    kinds = ("arm64 debian:12", "2026-01-01"), ("arm64 debian:12", "2026-01-02"), ("arm64 ubuntu:24.04", "2026-01-01")
    old, new, other = (tools(str(number), *one) for number, one in enumerate(kinds))
    assert unused_tools([old, new, other], {"arm64"}, ()) == [old]
    unlabelled = replace(old, labels={})
    assert unused_tools([unlabelled, new], {"arm64"}, ()) == [unlabelled]


def test_what_came_from_mirrors_stays_where_an_image_stands_on_it() -> None:
    def pinned(name: str, *layers: str) -> ImageInfo:
        return replace(image(name, "x", "2026"), tags=(f"robenv/pinned:{name}", f"other:{name}"), layers=layers)

    under, free, asked = pinned("u", "1", "2"), pinned("f", "1", "3"), pinned("k", "4")
    upon = replace(NEW, layers=("1", "2", "9"))
    found = unused_pinned([under, free, asked], [upon], [], frozenset({"robenv/pinned:k"}))
    assert list(found) == [(free, "robenv/pinned:f")]
    assert list(unused_pinned([free], [], [container(free)], frozenset())) == []
