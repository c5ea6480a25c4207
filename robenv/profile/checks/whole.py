"""What no key can tell alone: checks over the whole, merged profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from robenv.errors import Problem
from robenv.profile.checks.host import devices, udev
from robenv.profile.checks.merged import MergedProfile
from robenv.profile.checks.network import networks
from robenv.profile.checks.packages import pip_installs, repositories
from robenv.profile.checks.ros import ros
from robenv.profile.checks.secrets import secrets
from robenv.profile.schema.build import Base, RunImage, Stage, StageBase
from robenv.profile.schema.run.parts import Healthcheck
from robenv.profile.schema.run.short_syntax import same_place
from robenv.profile.yaml.files import kind_of
from robenv.profile.yaml.nodes import Path_, Sequence, nearest, place_of
from robenv.profile.yaml.parse_error import did_you_mean
from robenv.util.sanitize import show

Check = Callable[[MergedProfile], Iterable[Problem]]


def check_whole(whole: MergedProfile, broken: set[str], complete: bool) -> tuple[Problem, ...]:
    """What is wrong with the whole.

    ``broken``: the dotted keys of which something was left out, as wrong by itself. ``complete``: whether all files of
    the chain could be read. A check that could then say something untrue is left out.
    """
    unsound = broken | {key.partition(".")[0] for key in broken}
    checks = [check for keys, check in _CHECKS if not keys or (complete and not unsound & keys)]
    return tuple(problem for check in checks for problem in check(whole))


def _bases(whole: MergedProfile) -> Iterator[Problem]:
    base = whole.profile.base
    if whole.is_project and not (base.image or base.bootstrap) and "base" not in whole.root.entries:
        hint = "extend a built-in profile, or write `base: {image: …}` or `base: {bootstrap: {suite: …}}`"
        yield whole.problem((), "there is no base: nothing that the image stands on", hint)
    elif "base" in whole.root.entries:
        yield from _one_base(whole, ("base",), base)
    for path, section in whole.sections():
        if path and isinstance(section, (Stage, RunImage)) and section.base is not None:
            yield from _one_base(whole, (*path, "base"), section.base)


def _one_base(whole: MergedProfile, path: Path_, base: Base) -> Iterator[Problem]:
    kinds = {"image": base.image, "bootstrap": base.bootstrap}
    if isinstance(base, StageBase):
        kinds["stage"] = base.stage
    given = [kind for kind, value in kinds.items() if value]
    names = " and ".join(f"`{kind}`" for kind in given)
    if len(given) > 1:
        yield whole.problem(path, f"a base is one thing: {names} exclude each other", "keep one of them")
    elif not given:
        yield whole.problem(path, "this base is empty", "one of " + ", ".join(kinds) + " belongs here")


def _stages(whole: MergedProfile) -> Iterator[Problem]:
    earlier: list[str] = []
    for path, section in whole.sections():
        base = getattr(section, "base", None)
        if isinstance(base, StageBase) and base.stage:
            yield from _stage_exists(whole, (*path, "base", "stage"), base.stage, earlier)
        for index, file in enumerate(section.files):
            if file.stage:
                yield from _stage_exists(whole, (*path, "files", index, "from"), file.stage, earlier)
        earlier += [str(path[-1])] if path[:1] == ("stages",) else []


def _stage_exists(whole: MergedProfile, path: Path_, name: str, earlier: list[str]) -> Iterator[Problem]:
    if name in earlier:
        return
    if name in whole.profile.stages:
        hint = "stages are built in the order in which they are written: move it up"
        yield whole.problem(path, f"the stage {show(name)} does not come before this one", hint)
    else:
        hint = did_you_mean(name, earlier) or ("" if earlier else "there are no stages")
        yield whole.problem(path, f"there is no stage {show(name)}", hint)


def _files(whole: MergedProfile) -> Iterator[Problem]:
    for path, section in whole.sections():
        for index, file in enumerate(section.files):
            at = (*path, "files", index, "source")
            if file.stage and not file.source.startswith("/"):
                hint = "begin it with `/`: it is a path inside that stage"
                yield whole.problem(at, f"{show(file.source)} is not an absolute path", hint)
            elif not file.stage and kind_of(Path(file.source)) == "absent":
                yield whole.problem(at, f"there is no file or folder {show(file.source)}")


def _steps(whole: MergedProfile) -> Iterator[Problem]:
    for path, section in whole.sections():
        nodes = _items(whole, (*path, "steps"))
        names: dict[tuple[object, str], int] = {}
        for index, step in enumerate(section.steps):
            key = (nodes[index].source if index < len(nodes) else None, step.name)
            if key in names:
                first = place_of(nodes[names[key]])
                hint = "give each step of a file a name of its own"
                yield whole.problem(
                    (*path, "steps", index, "name"), f"the step {show(step.name)} is already at line {first.line}", hint
                )
            names.setdefault(key, index)
            if not step.run.strip():
                yield whole.problem((*path, "steps", index, "run"), f"the step {show(step.name)} runs nothing")


def _items(whole: MergedProfile, path: Path_) -> tuple:  # type: ignore[type-arg]
    node = nearest(whole.root, path)
    return node.items if isinstance(node, Sequence) else ()


def _snapshots(whole: MergedProfile) -> Iterator[Problem]:
    for path, section in whole.sections():
        if path and section.apt.snapshot:
            hint = "write it as apt.snapshot at the top of the file: it holds for all stages"
            yield whole.problem((*path, "apt", "snapshot"), "a stage has no snapshot of its own", hint)


def _platforms(whole: MergedProfile) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, platform in enumerate(whole.profile.platforms):
        first = seen.setdefault(platform.removesuffix("/v8"), index)
        if first != index:
            yield whole.problem(("platforms", index), f"{show(platform)} stands here already", "keep one of the two")
    for platform, part in whole.profile.per_platform.items():
        if part.apt.snapshot:
            hint = "write it as apt.snapshot at the top of the file: it holds for all platforms"
            path = ("per_platform", platform, "apt", "snapshot")
            yield whole.problem(path, "a platform has no snapshot of its own", hint)


def _healthchecks(whole: MergedProfile) -> Iterator[Problem]:
    places: list[tuple[Path_, Healthcheck | None]] = [
        (("image", "healthcheck"), whole.profile.image.healthcheck),
        (("run", "healthcheck"), whole.profile.run.healthcheck),
    ]
    places += [
        ((*path, "image", "healthcheck"), section.image.healthcheck) for path, section in whole.sections() if path
    ]
    for path, healthcheck in places:
        if healthcheck is not None and healthcheck.test is None and not healthcheck.disable and path[0] != "run":
            yield whole.problem(path, "this healthcheck has no `test`", "such as `test: [CMD, curl, -f, localhost]`")


def _run_image(whole: MergedProfile) -> Iterator[Problem]:
    profile = whole.profile
    slim = profile.run_image
    if slim.build.strip() and not slim.install:
        hint = "such as `install: /opt/picker`, where `build` installs to"
        yield whole.problem(("run_image",), "nothing says what of the build goes into the run image", hint)
    if whole.is_project and slim.install and not slim.build.strip():
        hint = "such as `build: colcon build --install-base /opt/picker`"
        yield whole.problem(("run_image",), "nothing says how what the run image installs is built", hint)
    for index, path in enumerate(slim.install):
        if same_place(path) in ("/", same_place(profile.workspace.target)):
            hint = "install to a folder of its own, such as /opt/picker"
            yield whole.problem(("run_image", "install", index), f"{show(path)} is more than what was built", hint)
    if profile.deploy.stage == "run" and not slim.build.strip():
        hint = "say what it is: `run_image: {build: …, install: …}`"
        yield whole.problem(("deploy", "stage"), "there is no run image", hint)


def _network(whole: MergedProfile) -> Iterator[Problem]:
    run = whole.profile.run
    mode = run.network_mode
    shared = mode == "host" or mode.startswith("container:")
    if run.ports and (shared or mode == "none"):
        hint = "take `ports` out, or choose `network_mode: bridge`"
        yield whole.problem(("run", "ports"), f"no port can be published with `network_mode: {mode}`", hint)
    if mode.startswith("container:"):
        for key in ("hostname", "domainname", "dns", "dns_search", "dns_opt", "extra_hosts"):
            if getattr(run, key):
                yield whole.problem(
                    ("run", key), f"`{key}` is the other container's with `network_mode: {mode}`", "take it out"
                )
    if run.uts == "host" and (run.hostname or run.domainname):
        yield whole.problem(
            ("run", "hostname"), "with `uts: host` the name is the host's own", "take one of the two out"
        )


def _mounts(whole: MergedProfile) -> Iterator[Problem]:
    taken = {same_place(whole.profile.workspace.target): "the workspace"} if whole.is_project else {}
    places: list[tuple[Path_, str, str]] = []
    for index, volume in enumerate(whole.profile.run.volumes):
        places.append((("run", "volumes", index), volume.target, "a volume"))
    for index, tmpfs in enumerate(whole.profile.run.tmpfs):
        target = tmpfs.partition(":")[0]
        if not target.startswith("/"):
            yield whole.problem(("run", "tmpfs", index), f"{show(target)} is not an absolute path", "begin it with `/`")
        places.append((("run", "tmpfs", index), target, "a tmpfs"))
    for path, target, what in places:
        place = same_place(target)
        if place in taken:
            yield whole.problem(path, f"{taken[place]} is at {show(place)} already", "choose another path")
        elif place == "/":
            yield whole.problem(path, "nothing can be mounted over the whole container: `/`", "choose another path")
        taken.setdefault(place, what)


def _resources(whole: MergedProfile) -> Iterator[Problem]:
    run = whole.profile.run
    if run.memswap_limit is not None and run.memswap_limit != -1:
        if run.mem_limit is None:
            yield whole.problem(("run", "memswap_limit"), "`memswap_limit` needs `mem_limit` beside it")
        elif run.memswap_limit < run.mem_limit:
            yield whole.problem(
                ("run", "memswap_limit"), "`memswap_limit` counts memory and swap: it is below `mem_limit`"
            )
    if run.mem_limit is not None and run.mem_reservation is not None and run.mem_reservation > run.mem_limit:
        yield whole.problem(("run", "mem_reservation"), "`mem_reservation` is above `mem_limit`")
    if run.cpus is not None and (run.cpu_quota is not None or run.cpu_period is not None):
        hint = "keep `cpus`, or `cpu_period` and `cpu_quota`"
        yield whole.problem(("run", "cpus"), "`cpus` and `cpu_period` or `cpu_quota` exclude each other", hint)
    for name, limit in run.ulimits.items():
        if limit.hard != -1 and (limit.soft == -1 or limit.soft > limit.hard):
            yield whole.problem(("run", "ulimits", name), f"the soft limit of `{name}` is above the hard one")
    both = Counter(run.cap_add) & Counter(run.cap_drop)
    for capability in both:
        yield whole.problem(("run", "cap_drop"), f"{capability} is both added and dropped", "keep one of the two")


_CHECKS: tuple[tuple[frozenset[str], Check], ...] = (
    # what must be sound as a whole for a check to say something true
    (frozenset({"base", "stages", "extends"}), _bases),
    (frozenset({"stages"}), _stages),
    (frozenset(), _files),
    (frozenset(), _steps),
    (frozenset({"secrets", "steps", "stages", "pip"}), secrets),
    (frozenset({"apt.repositories", "stages"}), repositories),
    (frozenset({"pip", "stages"}), pip_installs),
    (frozenset({"stages"}), _snapshots),
    (frozenset({"platforms"}), _platforms),
    (frozenset({"image", "stages"}), _healthchecks),
    (frozenset({"run_image", "deploy", "workspace"}), _run_image),
    (frozenset(), _network),
    (frozenset({"networks", "run.networks"}), networks),
    (frozenset({"ros", "base"}), ros),
    (frozenset({"devices"}), devices),
    (frozenset({"udev"}), udev),
    (frozenset({"workspace"}), _mounts),
    (frozenset({"run.mem_limit"}), _resources),
)
