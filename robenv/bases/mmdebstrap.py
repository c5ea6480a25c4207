"""Makes a root file system from a Debian or Ubuntu package archive: what to ask mmdebstrap for, and the asking."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from robenv.bases.user_namespace import GENERAL, missing_for_user_namespace
from robenv.catalog.platforms import parse_platform
from robenv.catalog.suites import DEBIAN_KEYRING, UBUNTU_KEYRING, Keyring, Suite, find_suite, nearest_suite
from robenv.catalog.toolchains import emulation_settings
from robenv.errors import DiskFull, HostRequirementMissing, OperationFailed, ProfileError, RobenvError
from robenv.plan.image.mirrors import NO_MIRRORS, Mirrors
from robenv.plan.models import Bootstrap
from robenv.util.concurrency import cancellable

Through = Callable[[list[str]], list[str]]
"""From a command to the one that runs it somewhere else, with its output here."""
_KEPT = 15
"""Lines of mmdebstrap's output that an error shows."""
_PATIENCE = 30.0
"""Seconds that mmdebstrap gets to clean up after itself once it was told to end."""
_HOST_FILES = ("etc/resolv.conf", "etc/hostname")
"""What mmdebstrap copies from this machine; a container gets its own."""


@dataclass(frozen=True)
class AptSource:
    """One line of a sources.list."""

    url: str
    suite: str
    components: tuple[str, ...]
    optional: bool
    """Whether a mirror may lack it."""
    real: str = ""
    """The archive's own address, which the root is to have, where ``url`` is that of a mirror."""
    key: str = ""
    """The file with the key of a mirror that signs by itself."""

    @property
    def line(self) -> str:
        # apt reads a local archive from outside the new root, so its packages must be copied in.
        url = f"copy:{self.url.removeprefix('file:')}" if self.url.startswith("file:") else self.url
        return " ".join(("deb", url, self.suite, *self.components))

    @property
    def lasting(self) -> str:
        """The line that the root keeps."""
        return replace(self, url=self.real or self.url).line


@dataclass(frozen=True)
class Recipe:
    """All that a base is made from."""

    bootstrap: Bootstrap
    architecture: str
    """Debian's name."""
    sources: tuple[AptSource, ...]
    keyrings: tuple[Keyring, ...]
    expired: bool
    distribution: str

    @property
    def title(self) -> str:
        return f"base {self.distribution} {self.bootstrap.suite} ({self.bootstrap.platform})".replace("  ", " ")


def plan_recipe(bootstrap: Bootstrap, mirrors: Mirrors = NO_MIRRORS) -> Recipe:
    """What ``bootstrap`` comes down to, with the addresses of mirrors. Pure. Raises ProfileError as below."""
    recipe = _recipe(bootstrap)
    sources = tuple(_mirrored(source, mirrors) for source in recipe.sources)
    keyrings = tuple(Keyring(key, "", "") for key in dict.fromkeys(source.key for source in sources if source.key))
    return replace(recipe, sources=sources, keyrings=(*recipe.keyrings, *keyrings))


def _mirrored(source: AptSource, mirrors: Mirrors) -> AptSource:
    turn = mirrors.archive(source.url)
    if turn is None:
        return source
    rest = f"{source.url.rstrip('/')}/".removeprefix(turn.real)
    return replace(source, url=f"{turn.mirror}{rest}".rstrip("/"), real=source.url, key=turn.key)


def _recipe(bootstrap: Bootstrap) -> Recipe:
    """What ``bootstrap`` comes down to. Pure. Raises ProfileError for a suite that nobody knows and no mirror says."""
    architecture = parse_platform(bootstrap.platform).debian
    suite = find_suite(bootstrap.suite)
    if suite is None and not bootstrap.mirror:
        near = nearest_suite(bootstrap.suite)
        raise ProfileError(
            f"robenv does not know where the suite {bootstrap.suite} is.",
            hint=f"Did you mean {near}?" if near else "Say it with `base.bootstrap.mirror`.",
        )
    if suite is None:
        components = bootstrap.components or ("main",)
        plain = AptSource(bootstrap.mirror, bootstrap.suite, components, False)
        return Recipe(bootstrap, architecture, (plain,), (DEBIAN_KEYRING, UBUNTU_KEYRING), False, "")
    sources = tuple(_sources(suite, bootstrap, architecture))
    expired = suite.expired or "snapshot." in bootstrap.mirror
    return Recipe(bootstrap, architecture, sources, (suite.keyring,), expired, suite.distribution)


def _sources(suite: Suite, bootstrap: Bootstrap, architecture: str) -> Iterator[AptSource]:
    """The suite, its updates and its security updates; a mirror of the user's own may lack the latter two."""
    official = suite.mirror_for(architecture)
    mirror = (bootstrap.mirror or official).rstrip("/")
    optional = mirror != official
    components = bootstrap.components or suite.components
    yield AptSource(mirror, suite.name, components, False)
    if suite.updates:
        yield AptSource(mirror, suite.updates, components, optional)
    if suite.security:
        security = suite.security_mirror or mirror
        if optional and suite.security_mirror:
            # Mirrors and snapshots keep Debian's security archive beside the main one.
            security = re.sub(r"/debian(?=/|$)", "/debian-security", mirror)
        yield AptSource(security, suite.security, components, optional)


def arguments(
    recipe: Recipe, keyrings: tuple[str, ...], sources: tuple[AptSource, ...], authorities: str = ""
) -> list[str]:
    """mmdebstrap's arguments: the tar goes to stdout. ``authorities``: the file with those whose certificates count; ""
    for the machine's. Pure."""
    bootstrap = recipe.bootstrap
    # The variant extract ends with that hook; every other one goes on to customize.
    last_hook = "extract" if bootstrap.variant == "extract" else "customize"
    remove = "rm -f " + " ".join(f'"$1/{name}"' for name in _HOST_FILES)
    if any(source.real for source in sources):
        # mmdebstrap's own file with other addresses: the same bytes as without mirrors.
        edits = " ".join(f"-e {shlex.quote(_edit(source))}" for source in sources if source.real)
        remove += f'; sed -i {edits} "$1/etc/apt/sources.list"'
    return [
        "mmdebstrap",
        f"--variant={bootstrap.variant}",
        f"--architectures={recipe.architecture}",
        "--format=tar",
        "--skip=output/dev",  # device nodes, which a rootless engine cannot make and every container has its own of
        *(f"--keyring={path}" for path in keyrings),
        *(f"--include={package}" for package in bootstrap.include),
        *(['--aptopt=Acquire::Check-Valid-Until "false"'] if recipe.expired else []),
        *([f'--aptopt=Acquire::https::CaInfo "{authorities}"'] if authorities else []),
        f"--{last_hook}-hook={remove}",
        "--",
        bootstrap.suite,
        "-",
        *(source.line for source in sources),
    ]


def _edit(source: AptSource) -> str:
    pattern = re.sub(r"[][\\.*^$|]", r"\\\g<0>", source.line)
    return f"s|^{pattern}$|{source.lasting}|"


def find_keyrings(recipe: Recipe) -> tuple[str, ...]:
    """The files that are there. Raises HostLacks, with the package that has them, where none is."""
    found = tuple(keyring.path for keyring in recipe.keyrings if Path(keyring.path).is_file())
    if found:
        return found
    wanted = recipe.keyrings[0]
    package = wanted.package_on_ubuntu if _is_ubuntu() else wanted.package_on_debian
    raise HostRequirementMissing(
        f"The keys of the archive of {recipe.bootstrap.suite} are not on this machine.",
        details=f"{wanted.path} does not exist",
        hint=f"`sudo apt-get install {package}`",
    )


def default_keyrings(recipe: Recipe) -> tuple[str, ...]:
    """Of a machine that is not looked at: the archive's own keyring, and the keys of mirrors."""
    return tuple(
        keyring.path for keyring in recipe.keyrings if keyring == recipe.keyrings[0] or not keyring.package_on_debian
    )


def find_mmdebstrap() -> None:
    """Raises HostLacks where it is not installed."""
    if shutil.which("mmdebstrap") is None:
        raise HostRequirementMissing(
            "Making a base from a package archive takes mmdebstrap, which is not on this machine.",
            hint="`sudo apt-get install mmdebstrap`; or take an image as the base: `base: {image: …}`",
        )


def run(
    command: list[str],
    recipe: Recipe,
    tar: Path,
    epoch: int,
    say: Callable[[str], object],
    through: Through | None = None,
) -> None:
    """Runs mmdebstrap with its tar going to the file ``tar``; ``say`` gets its output, line by line. ``through`` has it
    run on another machine.

    Raises HostLacks, DiskFull, OperationFailed. An exception, ^C too, ends mmdebstrap with all its children first.
    """
    last: deque[str] = deque(maxlen=_KEPT)
    with _temporary() as temporary, tar.open("wb") as output:
        environment = _environment(os.environ, recipe.architecture, epoch, temporary)
        if through is not None:
            command = through(["env", f"SOURCE_DATE_EPOCH={epoch}", "LC_ALL=C.UTF-8", *command])
        elif os.geteuid() == 0:
            command = [*_own_mounts(), *command]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        ) as process:
            try:
                with cancellable(lambda: _signal(process, signal.SIGTERM)):
                    for line in process.stderr or ():
                        last.append(line.decode("utf-8", "replace"))
                        say(last[-1])
                    code = process.wait()
            except BaseException:
                _end(process)
                raise
    if code:
        raise mmdebstrap_error(
            "".join(last),
            recipe,
            str(tar.parent),
            missing_for_user_namespace if through is None else lambda: ("", GENERAL),
        )


def mmdebstrap_error(
    output: str, recipe: Recipe, folder: str, look: Callable[[], tuple[str, str]] = missing_for_user_namespace
) -> RobenvError:
    """The error for what mmdebstrap said last. ``look``: what its machine lacks for a user's own root, and the way
    out."""
    what = f"The {recipe.title} could not be made"
    details = output.rstrip()
    if re.search(r"no space left on device", output, re.I):
        return DiskFull(f"{what}: no space is left.", details, f"Free some space in {folder} and in the temp folder.")
    if re.search(r"can neither be executed natively|install arch-test|arch-test succeeded without", output):
        return HostRequirementMissing(
            f"{what}: this machine cannot run programs of {recipe.bootstrap.platform}.",
            details,
            "`sudo apt-get install arch-test qemu-user-static`, and on this machine `sudo robenv binfmt register`.",
        )
    if re.search(r"newuidmap|newgidmap|subuid|subgid|unshare|unprivileged_userns|pick chroot mode", output):
        seen, way_out = look()
        because = f" ({seen})" if seen else ""
        return HostRequirementMissing(
            f"{what}: this user may not make a root file system{because}.", details, f"{way_out}."
        )
    if re.search(r"NO_PUBKEY|is not signed|signatures couldn't be verified", output):
        return OperationFailed(
            f"{what}: its archive is not signed with a key that this machine trusts.",
            details,
            f"Bring the keyring up to date: {', '.join(keyring.path for keyring in recipe.keyrings)}",
        )
    return OperationFailed(
        f"{what}.",
        details,
        f"Check the mirror and the packages: {recipe.sources[0].url}, suite {recipe.sources[0].suite}.",
    )


def _own_mounts() -> list[str]:
    """What gives a command's mounts to it alone, so that they go with it however it ends: told to end, mmdebstrap may
    leave some of its root's. Nothing where that cannot be: in a chroot, or for a root without the power. Who is not
    root has a namespace of mmdebstrap's own."""
    own = ["unshare", "--mount", "--"]
    try:
        done = subprocess.run([*own, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return []
    return own if done.returncode == 0 else []


def _environment(environ: Mapping[str, str], architecture: str, epoch: int, temporary: str) -> dict[str, str]:
    changed = dict(environ) | {"SOURCE_DATE_EPOCH": str(epoch), "TMPDIR": temporary, "LC_ALL": "C.UTF-8"}
    for name, value in emulation_settings(os.uname().machine, architecture):
        changed.setdefault(name, value)
    return changed


@contextmanager
def _temporary() -> Iterator[str]:
    """A temp folder of our own for mmdebstrap, so that whatever it leaves can be removed."""
    folder = tempfile.mkdtemp(prefix="robenv-base-")
    Path(folder).chmod(0o755)  # apt's and mmdebstrap's other users go through it
    try:
        yield folder
    finally:
        # It mounts /dev and /proc below; while any of that stood, removing would reach into this machine's own.
        if f" {folder}/" not in Path("/proc/self/mounts").read_text():
            shutil.rmtree(folder, ignore_errors=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends mmdebstrap and all that it started: politely, so that it unmounts and removes what it made; then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signal(process, number):
            return
        try:
            process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            continue
        return


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """False where neither it nor any of its children is there any more."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _is_ubuntu() -> bool:
    try:
        return "ubuntu" in Path("/etc/os-release").read_text(encoding="utf-8").lower()
    except OSError:
        return False
