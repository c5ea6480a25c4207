"""What a transfer takes of a robot's disk, and what those that were given up hold of it."""

from __future__ import annotations

import pytest

from robenv.engine.protocol import BlobInfo, ImageInfo
from robenv.transfer.disk_space import History, abandoned, layer_sizes, missing_layers, room_freed, room_needed

MB = 1_000_000
STAGED = "robenv-staging/robenv-picker"
OTHERS = "robenv-staging/robenv-other"


def image(layers: str, tag: str = "robenv/picker:1", size: int = 0, blob: BlobInfo | None = None) -> ImageInfo:
    """With a layer for each letter."""
    return ImageInfo(
        f"{tag}-{layers}", (tag,), "linux/amd64", size, "", {}, (), (), (), "", "", tuple(layers), (), blob
    )


@pytest.mark.parametrize(
    ("history", "count", "sizes"),
    [
        ([("Imported from -", 190 * MB), ("RUN /bin/sh -c apt-get", 7)], 2, (190 * MB, 7)),
        (
            [("", 5), ("ENV A=1", 0), ("RUN true # buildkit", 0), ("COPY . / # buildkit", 3), ("CMD [sh]", 0)],
            3,
            (5, 0, 3),
        ),
        ([("", 5), ("/bin/sh -c #(nop)  ENV A=1", 0), ("/bin/sh -c #(nop) COPY dir:1 in / ", 0)], 2, (5, 0)),
        ([("", 5), ("/bin/sh -c true", 0), ("/bin/sh -c #(nop) WORKDIR /x", 0)], 2, (5, 0)),
        ([("", 5), ("WORKDIR /x", 0)], 2, (5, 0)),
        ([("", 5), ("what nobody knows", 0), ("RUN a", 9)], 2, (5, 9)),
        ([], 2, (0, 0)),
        ([("", 5), ("RUN a", 2), ("RUN b", 3)], 1, (10,)),  # squashed
    ],
)
def test_the_sizes_of_layers_by_the_history(history: History, count: int, sizes: tuple[int, ...]) -> None:
    assert layer_sizes(history, count) == sizes


def test_of_a_storage_driver_a_layer_counts_on_its_own_chain() -> None:
    there = [image("abX"), image("bcd")]
    assert missing_layers(image("abcd"), there, content_store=False) == (2, 3)
    assert missing_layers(image("abcd"), [], content_store=False) == (0, 1, 2, 3)


def test_of_a_containerd_store_any_blob_counts() -> None:
    blob = BlobInfo("", "sha256:1", 1)
    assert missing_layers(image("abcd"), [image("abX", blob=blob), image("Yd", blob=blob)], content_store=True) == (2,)
    assert missing_layers(image("ab"), [image("ab")], content_store=True) == (0, 1), "an old one does not tell"


def test_a_small_change_of_a_large_image_takes_little_and_a_large_layer_much() -> None:
    sizes = [400 * MB, MB // 2, 1, 300 * MB]
    assert room_needed(sizes, (1, 2), content_store=False) == MB + 1
    assert room_needed(sizes, (3,), content_store=False) == 600 * MB
    assert room_needed(sizes, (1, 3), content_store=True) == 601 * MB
    assert room_needed(sizes, (), content_store=True) == 0


def test_what_is_left_of_a_transfer_and_what_goes_on() -> None:
    there = [
        image("abcd", "robenv/picker:now"),
        image("abX", f"{STAGED}:0123-3"),
        image("abN", f"{STAGED}:4567-3"),
        image("aZ", f"{OTHERS}:89ab-2"),
    ]
    assert abandoned(there, "abNO", frozenset()) == (there[1], there[3]), "the new image goes on from its own"
    assert abandoned(there, "abNO", {OTHERS}) == (there[1],), "that deploy goes on"


def test_what_is_freed_is_what_nobody_shares() -> None:
    now = image("ab", "robenv/picker:now", 110)
    steps = [image("abX", f"{STAGED}:1-3", 130), image("abXY", f"{STAGED}:1-4", 160), image("aZ", f"{OTHERS}:2-2", 107)]
    assert room_freed(steps, [now, *steps], lambda one: {now.id: (100, 10)}[one.id]) == 50 + 7
    assert room_freed(steps[2:], steps[2:], lambda one: ()) == 107, "it is alone there"
