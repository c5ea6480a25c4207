"""What is fuzzed: functions that read text which anybody may have written, each by the bytes of one file."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import zstandard

from robenv.bundle.archive import IMAGES, check_archive, images_tar, read_members
from robenv.bundle.contents import read_contents
from robenv.deploy.inventory_trust import inventory_claims
from robenv.errors import Problem, ProfileError, UsageError
from robenv.export.forms import FORMS
from robenv.export.forms import ExportSource as ExportSource
from robenv.git.objects import GitEntry, walk
from robenv.git.workspace.repos_file import parse_repos
from robenv.lockfile import Lockfile, changes, lock_text, read_lock
from robenv.plan.container.create_request import create_request
from robenv.plan.container.networks import network_request
from robenv.plan.host.host import plan_host
from robenv.profile.chain.project import INVENTORY, find_project
from robenv.profile.resolve.provenance import provenance
from robenv.profile.resolve.resolve import resolve_project
from robenv.profile.resolve.resolved import Resolved
from robenv.profile.yaml.files import BadFile, decode
from robenv.profile.yaml.nodes import SourceFile
from robenv.project.planned import PlannedProject, plan_project
from robenv.project.trust.judge import RunLocation, claims_text, host_access_of, image_claims_of, judge_trust
from robenv.remote.inventory import read_inventory
from robenv.render import context_stream
from robenv.util.safe_extract import Extractor
from robenv.util.safe_tree import CLOSED, FOLDER, LINK, BadTree
from tests.support.images.raw_bundle import head_member, tar_of
from tests.support.projects.profile_examples import FACTS
from tests.support.servers.raw_git import RawObjects

ENVIRON = {"A": "1", "HOME": "/home/x", "ODD": "\udcff", "EVIL": "\x1b[2J\u202e"}
_OWN = "name: picker\nbase: {image: debian:bookworm}\n"
_FOREIGN = "linux/arm64"
_AROUND = {
    "a": b"machine x login y password z\n",
    "key.asc": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n",
    "99-lidar.rules": b'KERNEL=="ttyUSB*", SYMLINK+="lidar"\n',
    "requirements.txt": b"numpy==1.0\n",
}
"""Files that the profiles of the corpus name."""


@dataclass(frozen=True)
class Target:
    """``folder``: of its inputs, in tests/corpus. ``run``: takes an input, in an empty folder that it may write to;
    raises RobenvError or BadValue for one that is refused."""

    name: str
    folder: str
    run: Callable[[bytes, Path], None]
    shape: str = ""
    """``profile``, ``document`` or ``tree``: by which its inputs are changed with an idea of what they mean."""


class Unprintable(Exception):
    """Text for a terminal that would command it."""


def require_printable(*texts: str) -> None:
    for text in texts:
        for line in text.split("\n"):
            if not line.isprintable():
                raise Unprintable(ascii(line)[:200])


def _resolve(data: bytes, folder: Path, more: dict[str, bytes] | None = None) -> Resolved:
    for name, content in {**_AROUND, "robenv.yaml": data, **(more or {})}.items():
        (folder / name).write_bytes(content)
    return resolve_project(find_project(folder), ENVIRON)


def _loaded(data: bytes, folder: Path, platform: str = "linux/amd64") -> PlannedProject:
    return plan_project(_resolve(data, folder), platform)


def validate(data: bytes, folder: Path) -> None:
    resolved = _resolve(data, folder)
    provenance(resolved)
    resolved.profile.model_dump(mode="json")
    require_printable(*(problem.message + problem.hint for problem in resolved.warnings))


def plan(data: bytes, folder: Path) -> None:
    for platform in ("linux/amd64", _FOREIGN):
        planned = _loaded(data, folder, platform)
        planned.build.to_json()
        grant = plan_host(planned.resolved.profile, FACTS)
        require_printable(*grant.notes, *(requirement.message + requirement.hint for requirement in grant.unmet))
        container = planned.container(FACTS, planned.grant(FACTS))
        container.to_json()
        create_request(container)
        for one in container.networks:
            network_request(one.network, container)


def trust(data: bytes, folder: Path) -> None:
    """As somebody else's file, and as the user's own."""
    (folder / "theirs.yaml").write_bytes(data)
    (folder / "theirs.yaml").chmod(0o666)
    for text in (f"{_OWN}extends: [./theirs.yaml]\n".encode(), data):
        planned = _loaded(text, folder)
        # What the rendering comes to is of no matter here, and takes longest.
        planned.__dict__["content_hash"] = "0" * 64
        container = planned.container(FACTS, plan_host(planned.resolved.profile, FACTS))
        for robot in (False, True):
            claims = judge_trust(planned, RunLocation(FACTS, robot=robot), container).claims
            require_printable(claims_text(claims), *(power for claim in claims for power in claim.powers))
        require_printable(claims_text(image_claims_of(planned)))
        require_printable(*map(str, host_access_of(planned, FACTS, container)))


def render(data: bytes, folder: Path) -> None:
    rendered = _loaded(data, folder).rendered
    rendered.dockerfile.encode()
    for _ in context_stream(rendered):
        pass


def _export(form: str) -> Callable[[bytes, Path], None]:
    def run(data: bytes, folder: Path) -> None:
        planned = _loaded(data, folder)
        source = ExportSource(planned.resolved, planned.build, planned.content_hash, str(folder / "out"), "/home/x")
        made = FORMS[form][1](source if form != "kubernetes" else replace(source, image="registry.example/x:1"))
        require_printable(*made.notes)

    return run


def lock(data: bytes, folder: Path) -> None:
    path = folder / "robenv.lock"
    path.write_bytes(data)
    found = read_lock(path, "robenv.lock")
    if found is None:
        return
    list(changes(Lockfile(), found))
    path.write_text(lock_text(found))
    if read_lock(path, "robenv.lock") != found:
        raise AssertionError("a lock that is written reads as another")
    _resolve(_OWN.encode(), folder)


def inventory(data: bytes, folder: Path) -> None:
    path = folder / INVENTORY
    path.write_bytes(data)
    path.chmod(0o666)
    found = read_inventory(path)
    require_printable(claims_text(inventory_claims(found, folder)))
    for robot in found.select((), all_=True) if found.robots else ():
        require_printable(robot.name, robot.login, robot.known_as, *robot.groups)


def repos_file(data: bytes, folder: Path) -> None:
    try:
        text = decode(data)
    except BadFile:
        return
    problems: list[Problem] = []
    path = folder / "a.repos"
    parse_repos(SourceFile(path, "a.repos", "a.repos", "project", folder, (), text), problems)
    if problems:
        raise ProfileError("problems", problems=tuple(problems))


def dotenv(data: bytes, folder: Path) -> None:
    _resolve(_OWN.encode() + b"run: {environment: {X: '${A}${B:-c}'}}\n", folder, {".env": data})


def env_file(data: bytes, folder: Path) -> None:
    for form in ("", ", format: raw"):
        run = f"run: {{env_file: [{{path: ./a.env{form}}}]}}\n".encode()
        resolved = _resolve(_OWN.encode() + run, folder, {"a.env": data})
        create_request(plan_project(resolved, "linux/amd64").container(FACTS, plan_host(resolved.profile, FACTS)))


def bundle(data: bytes, folder: Path) -> None:
    """A case of the corpus, or else the bytes of a tar; packed here."""
    path = folder / "x.robenv"
    path.write_bytes(zstandard.ZstdCompressor(level=1).compress(_tar(data)))
    contents = check_archive(path, lambda count: None)
    names = {image.staging: f"robenv/saved:{number}" for number, image in enumerate(contents.images)}
    with read_members(path, lambda count: None) as members:
        rest = (one for one in members if one[0].name.startswith(IMAGES))
        for _ in images_tar(path, rest, names):
            pass


def _tar(data: bytes) -> bytes:
    try:
        members = [_small(member) for member in json.loads(data)["members"]]
        return b"".join(tar_of([head_member(), *members]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return data


def _small(member: dict[str, Any]) -> dict[str, Any]:
    """Its header says what it would have said; what is there is less than the bounds of the fuzzer."""
    size = len(member.get("data", "").encode()) + member.get("zeros", 0)
    less = {"zeros": min(member.get("zeros", 0), 1 << 16), "times": min(member.get("times", 1), 100)}
    return {"size": size, **member, **less}


def bundle_head(data: bytes, folder: Path) -> None:
    """A case of the corpus, or else the head itself."""
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        data = json.dumps(json.loads(data)["head"]).encode()
    found = read_contents(folder / "x.robenv", data)
    json.dumps(found.to_json())
    require_printable(found.robenv, found.project, found.file, *(image.project for image in found.images))


def git_tree(data: bytes, folder: Path) -> None:
    """A case of the corpus, or else the bytes of one raw tree. Whatever is taken lies in its folder, and leads
    nowhere else."""
    objects = RawObjects()
    commit = _commit(data, objects)
    root = folder / "tree"
    root.mkdir()
    try:
        with Extractor(root) as extractor:
            for entry in walk(commit, objects.read):
                _write(extractor, entry, objects)
            extractor.finish()
    except BadTree as error:
        raise UsageError(str(error)) from None
    finally:
        _require_inside(folder, root)


def _commit(data: bytes, objects: RawObjects) -> str:
    try:
        return objects.add_commit(json.loads(data)["tree"])
    except (ValueError, TypeError, KeyError, RecursionError):
        tree = objects.add("tree", data)
        return objects.add("commit", f"tree {tree}\n".encode())


def _write(extractor: Extractor, entry: GitEntry, objects: RawObjects) -> None:
    content = objects.read("blob", entry.name)
    if entry.kind == FOLDER:
        extractor.folder(entry.path)
    elif entry.kind == CLOSED:
        extractor.closed(entry.path)
    elif entry.kind == LINK:
        extractor.link(entry.path, os.fsdecode(content))
    else:
        extractor.file(entry.path, [content], entry.mode)


def _require_inside(folder: Path, root: Path) -> None:
    if [path.name for path in folder.iterdir()] != [root.name]:
        raise AssertionError("something was written beside the tree")
    for above, names, files in os.walk(root):
        for name in (*names, *files):
            if not Path(os.path.realpath(Path(above, name))).is_relative_to(os.path.realpath(root)):
                raise AssertionError("a link leads out of the tree")


def targets() -> Iterator[Target]:
    for name, run in (("validate", validate), ("plan", plan), ("trust", trust), ("render", render)):
        yield Target(name, "profiles", run, "profile")
    for form in FORMS:
        yield Target(f"export-{form}", "exports", _export(form), "profile")
    yield Target("lock", "locks", lock, "document")
    yield Target("inventory", "inventories", inventory, "document")
    yield Target("repos-file", "repos_files", repos_file, "document")
    yield Target("dotenv", "env_files", dotenv)
    yield Target("env-file", "env_files", env_file)
    yield Target("bundle", "bundles", bundle, "document")
    yield Target("bundle-head", "bundle_heads", bundle_head, "document")
    yield Target("git-tree", "git_trees", git_tree, "tree")
