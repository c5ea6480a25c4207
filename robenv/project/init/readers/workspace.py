"""What the sources of a workspace say: package.xml, .repos, requirements.txt, the branch that is checked out."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from robenv.catalog.ros import DISTROS
from robenv.errors import Problem
from robenv.git.workspace.repos_file import parse_repos
from robenv.plan.packages import leads_elsewhere
from robenv.profile.yaml.foreign import load_foreign
from robenv.profile.yaml.nodes import SourceFile
from robenv.project.init.findings import InitFinding, built_in, not_converted, note

_DEPEND = re.compile(r"<(\w*depend)\b[^>]*>\s*([\w.+-]+)\s*</\1>|<build_type>\s*(\w+)\s*</build_type>")
_REPOS = "workspace.repos"
_CHOICE = "a .repos file for workspace: {repos: [FILE]}, if it is for this environment"


def in_package_xml(text: str, source: str) -> Iterator[InitFinding]:
    """ROS 1 or 2, by what builds it, and then that what it depends on is wanted."""
    body = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    names = {found[1] or found[2] for found in _DEPEND.findall(body)}
    two = sorted(name for name in names if name.startswith("ament_") or name in ("rclcpp", "rclpy"))
    one = sorted(names & {"catkin", "roscpp", "rospy", "cmake_modules"})
    if two:
        yield InitFinding("ros", "2", f"{source}: {two[0]}")
    elif one:
        yield InitFinding("ros", "1", f"{source}: {one[0]}")
    if two or one:
        yield InitFinding("workspace.dependencies", "true", f"{source}: what packages depend on, by rosdep")


def in_requirements(text: str, source: str) -> Iterator[InitFinding]:
    """A requirements.txt of pip's."""
    elsewhere = [line.strip() for line in text.splitlines() if leads_elsewhere(line)]
    if elsewhere:
        yield not_converted(f"for pip, which cannot take it as it is: {elsewhere[0]}", source)
    elif text.strip():
        yield InitFinding("pip", f'{{"requirements": "{source}"}}', f"{source}: what pip installs")


def in_repos(text: str, source: str) -> Iterator[InitFinding]:
    """The distribution that most of a .repos file's branches are named after."""
    versions = re.findall(r"(?:^|[\s{,])version:\s*[\"']?([\w./-]+)", text, re.MULTILINE)
    counts = {distro.name: sum(bool(re.search(rf"\b{distro.name}\b", name)) for name in versions) for distro in DISTROS}
    best = max(counts, key=lambda name: counts[name])
    if counts[best]:
        yield InitFinding("distro", best, f"{source}: {counts[best]} of {len(versions)} versions")


def brought(path: Path, text: str, source: str) -> Iterator[InitFinding]:
    """A file of repositories as one that `up` clones what is missing of, if it is in the form for that. One in src is
    of a repository there."""
    problems: list[Problem] = []
    if path.suffix != ".repos":
        yield note("`vcs import src` takes it; as a .repos file, `up` does", source)
        return
    listed = load_foreign(text)
    if isinstance(listed, dict) and "repositories" in listed and not listed["repositories"]:
        yield built_in("a list without repositories", source)
        return
    if source.startswith("src/"):
        yield note(_CHOICE, source)
        return
    parse_repos(SourceFile(path, source, source, "project", path.parent, (), text), problems)
    if problems:
        yield note(f"`up` cannot clone it: {problems[0].message}", source)
    else:
        yield InitFinding(_REPOS, source, f"{source}: `up` clones what is missing in src")


def one_of_repos(findings: Sequence[InitFinding], distro: str, aside: Collection[str]) -> Iterator[InitFinding]:
    """Of several files of repositories the one for the distribution, where its name says so: else somebody's choice.
    ``aside``: folders of other environments, whose files are theirs."""
    files = list(dict.fromkeys(finding.value for finding in findings if finding.key == _REPOS))
    fitting = [file for file in files if _names(file) in ("", distro) and posixpath.dirname(file) not in aside]
    named = [file for file in fitting if _names(file)]
    chosen = fitting[0] if len(fitting) == 1 else named[0] if len(named) == 1 else ""
    for finding in findings:
        if finding.key == _REPOS and finding.value != chosen:
            yield note(_CHOICE, finding.file)
        else:
            yield finding


def _names(file: str) -> str:
    """The distribution in a file's name; "" for none."""
    words = re.split(r"[^a-z]+", file)
    return next((distro.name for distro in DISTROS if distro.name in words), "")


def in_branch(text: str) -> Iterator[InitFinding]:
    """What git's HEAD says: a branch that is named after a distribution."""
    name = text.strip().rpartition("/")[2]
    for distro in DISTROS:
        if re.fullmatch(rf"(?:ros2?-)?{distro.name}(?:-devel)?", name):
            yield InitFinding("distro", distro.name, f"the git branch {name}")
