"""What is missing, in which steps it goes, and what an archive says of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robenv.engine.protocol import BlobInfo
from robenv.transfer.layers import (
    LoadStep,
    archive,
    chain_ids,
    chain_there,
    digest,
    digest_at,
    in_index,
    is_index,
    part_of_config,
    path_of,
    plain_blob,
    read_manifest,
    steps,
    write_manifest,
)
from robenv.transfer.send import seconds_left, staging_repository

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")
CONFIG = json.dumps(
    {
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "config": {"Env": ["SECRET=1"]},
        "rootfs": {"type": "layers", "diff_ids": [A, B, C]},
    }
).encode()


@pytest.mark.parametrize(
    ("images", "count"),
    [
        ([], 0),
        ([[A, B]], 2),
        ([[A, D], [A]], 1),
        ([[B, C], [D, A, B, C]], 0),  # a layer counts on top of its own chain only
        ([[A, B, C, D]], 3),
    ],
)
def test_a_chain_counts_from_below(images: list[list[str]], count: int) -> None:
    assert chain_there([A, B, C], images) == count


def test_chain_ids_are_those_of_the_specification() -> None:
    chains = chain_ids([A, B, C])
    assert chains[0] == A
    assert chains[1] == digest(f"{A} {B}".encode())
    assert chains[2] == digest(f"{chains[1]} {C}".encode())


def test_a_step_ends_when_it_is_large_enough_and_the_last_is_the_whole() -> None:
    assert steps([A, B, C, D], {B: 5, C: 5, D: 1}, 6) == (LoadStep(3, (B, C)), LoadStep(4, (D,)))
    assert steps([A, B, C, D], {B: 9}, 6) == (LoadStep(4, (B,)),)
    assert steps([A, B, C, D], {}, 6) == (LoadStep(4, ()),)
    assert steps([A, A, B], {A: 9, B: 9}, 6) == (LoadStep(1, (A,)), LoadStep(3, (B,)))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=30), st.data(), st.integers(1, 500))
def test_steps_send_all_that_is_missing_once_and_from_below(layers: list[int], data: st.DataObject, most: int) -> None:
    names = [str(layer) for layer in layers]
    missing = {name: data.draw(st.integers(0, 300)) for name in dict.fromkeys(names) if data.draw(st.booleans())}
    planned = steps(names, missing, most)
    assert [name for step in planned for name in step.send] == list(missing)
    assert [step.count for step in planned] == sorted({step.count for step in planned})
    assert planned[-1].count == len(names)
    for step in planned:
        needed = {name for name in names[: step.count] if name in missing}
        assert needed <= {name for one in planned if one.count <= step.count for name in one.send}


def test_a_part_has_the_platform_and_nothing_of_the_image_else() -> None:
    part = json.loads(part_of_config(CONFIG, 2))
    assert part["rootfs"]["diff_ids"] == [A, B]
    assert (part["os"], part["architecture"], part["variant"]) == ("linux", "arm64", "v8")
    assert b"SECRET" not in part_of_config(CONFIG, 2)
    assert part_of_config(CONFIG, 3) == CONFIG


def test_one_archive_speaks_to_both_stores() -> None:
    layers = [plain_blob(A, 1), BlobInfo("application/vnd.oci.image.layer.v1.tar+gzip", D, 2)]
    made = archive("robenv-staging/x:abc-2", CONFIG, layers)
    files = dict(made.files)
    (legacy,) = json.loads(files["manifest.json"])
    assert legacy == {
        "Config": path_of(digest(CONFIG)),
        "RepoTags": ["robenv-staging/x:abc-2"],
        "Layers": [path_of(A), path_of(D)],
    }
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "docker.io/robenv-staging/x:abc-2"
    manifest = read_manifest(files[path_of(entry["digest"])])
    assert manifest.layers == tuple(layers)
    assert files[path_of(manifest.config.digest)] == CONFIG
    assert (made.image_id(False), made.image_id(True)) == (digest(CONFIG), entry["digest"])


def test_the_sources_own_manifest_is_kept() -> None:
    own = write_manifest(CONFIG, [plain_blob(A, 1)]) + b" "
    assert archive("x:1", CONFIG, [plain_blob(A, 1)], own).image_id(True) == digest(own)


def test_an_index_gives_the_manifest_of_a_platform() -> None:
    described = {"mediaType": "m", "digest": A, "size": 7}
    index = {
        "manifests": [
            {**described, "digest": B, "platform": {"os": "unknown", "architecture": "unknown"}},
            {**described, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        ]
    }
    text = json.dumps(index).encode()
    assert in_index(text, "linux/arm64") == in_index(text, "linux/arm64/v8") == BlobInfo("m", A, 7)
    assert in_index(text, "linux/amd64") is None
    assert is_index(BlobInfo("application/vnd.docker.distribution.manifest.list.v2+json", A, 1))
    assert not is_index(BlobInfo("application/vnd.oci.image.manifest.v1+json", A, 1))


def test_paths_are_those_of_the_layout() -> None:
    assert digest_at(path_of(A)) == A
    assert [digest_at(path) for path in ("index.json", f"{'a' * 64}/layer.tar", "blobs/sha256/")] == ["", "", ""]


@pytest.mark.parametrize(
    ("tag", "repository"),
    [
        ("robenv/picker:abc", "robenv-staging/robenv-picker"),
        ("robenv/picker", "robenv-staging/robenv-picker"),
        ("registry.example:5000/team/Picker:1", "robenv-staging/registry-example-5000-team-picker"),
        (f"team/picker@{A}", "robenv-staging/team-picker"),
    ],
)
def test_steps_are_named_after_the_image(tag: str, repository: str) -> None:
    assert staging_repository(tag) == repository


def test_the_time_left_is_told_once_it_can_be_known() -> None:
    assert seconds_left(25, 100, 10) == 30
    assert [seconds_left(0, 100, 9), seconds_left(100, 100, 9), seconds_left(5, 0, 9), seconds_left(5, 9, 0.5)] == [
        0
    ] * 4
