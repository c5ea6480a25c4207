"""Why rosdep failed in a build: its answers told apart, each cause once, with the package.xml that name the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from robenv.catalog.releases import find_release
from robenv.engine.protocol import BuildEvent, LogEvent
from robenv.errors import BuildFailed, Location, Problem
from robenv.plan.models import BuildPlan
from robenv.util.sanitize import printable

_OURS = re.compile(r"robenv rosdep: (?P<kind>missing|refused|unknown|system): ?(?P<what>[^\s:]+):?(?P<rest>[^\r\n]*)")
"""What templates/rosdep/resolve says."""
_SAYS = "robenv rosdep: says: "
"""Begins what that passes on of rosdep's own output."""
_UNFETCHED = (
    re.compile(r"unable to process source \[(?P<url>[^\]\s]+)\]:\s+(?P<why>[^\r\n]+)"),
    re.compile(r"cannot download default sources list from:\s+(?P<url>\S+)(?P<why>)"),
    re.compile(r"Query rosdistro index (?P<url>\S+)\s(?:.*\n)*?.*error loading sources list:\s+(?P<why>[^\r\n]+)"),
)
"""What rosdep itself says (``command_init`` and ``command_update`` in rosdep2/main.py)."""
_INDEX_HOST = "raw.githubusercontent.com"
_SHOWN = 12
"""Keys that are named in a message."""


@dataclass
class RosdepWatch:
    """Listens to a build's log."""

    plan: BuildPlan
    _told: dict[tuple[str, bool], list[str]] = field(default_factory=dict)
    """By step and stream: they come in between each other."""

    def event(self, event: BuildEvent) -> None:
        if isinstance(event, LogEvent):
            self._told.setdefault((event.id, event.stderr), []).append(event.text)

    def explained(self, error: BuildFailed) -> BuildFailed:
        """``error`` as it is where it was not rosdep."""
        text = "\n".join("".join(pieces) for pieces in self._told.values()).replace(_SAYS, "")
        asked = [group.rosdep_keys for stage in self.plan.stages for group in stage.groups if group.rosdep_keys]
        places = {key: place for one in asked for key, place in one.keys}
        section = "run_image" if "run-rosdep" in error.step else "workspace"
        answers = _RosdepMessages(text, places, section, any(one.distro for one in asked))
        found = answers.unfetched() or answers.no_rule() or answers.refused()
        if found is not None:
            found.step = error.step
        return found or error


class _RosdepMessages:
    """What was said in a build's log, and the errors that it comes to."""

    def __init__(self, text: str, places: dict[str, Location], section: str, distro: bool) -> None:
        """``distro``: whether the target is a distribution of ROS, and not Debian's own."""
        self._places, self._distro = places, distro
        self._skip = f"`{section}.dependencies.skip_keys`"
        self._of_kind: dict[str, dict[str, str]] = {"missing": {}, "refused": {}, "unknown": {}, "system": {}}
        for match in _OURS.finditer(text):
            self._of_kind[match["kind"]][match["what"]] = match["rest"].strip()
        self._urls = {found["url"]: found["why"] for pattern in _UNFETCHED for found in pattern.finditer(text)}

    def unfetched(self) -> BuildFailed | None:
        """What rosdep reads could not be fetched."""
        unknown = self._of_kind["unknown"]
        if not self._urls and not unknown:
            return None
        hosts = {host: why for url, why in self._urls.items() if (host := urlsplit(url).hostname) and _away(why)}
        if hosts:
            message = f"cannot reach {', '.join(hosts)}"
        elif self._urls:
            message = f"rosdep could not fetch {', '.join(self._urls)}"
        else:
            message = "`rosdep update` failed"
        if unknown:
            message += f", so {_dependencies(len(unknown))} could not be looked up: {_named(unknown)}"
        reasons = hosts or self._urls
        details = "\n".join(printable(f"{where}: {_reason(why)}") for where, why in reasons.items() if why)
        return BuildFailed(printable(message), details=details, hint=self._way_to_them())

    def _way_to_them(self) -> str:
        if any(url.startswith("file:") for url in self._urls):
            return (
                "`files` and `steps` of a profile come after the dependencies that it asks for: put that file below "
                "/etc/ros/rosdep, which comes before them, or into a profile that this one extends"
            )
        own = [url for url in self._urls if urlsplit(url).hostname != _INDEX_HOST]
        if own:
            hint = "a list in /etc/ros/rosdep/sources.list.d names that address: correct it, or let builds reach it"
        else:
            hint = "let builds reach it (docs/builds.md), or name a mirror of it: `mirrors.downloads` (docs/mirrors.md)"
        return f"{hint}; what the image has already goes into {self._skip}" if self._of_kind["unknown"] else hint

    def no_rule(self) -> BuildFailed | None:
        missing = self._of_kind["missing"]
        if not missing:
            return None
        name, codename = next(iter(self._of_kind["system"].items()), ("", ""))
        release = find_release(codename)
        system = release.title if release else f"{name} {codename}".strip()
        noetic = ", extend `ros/noetic` instead of Debian's ROS" if name == "debian" and not self._distro else ""
        return BuildFailed(
            printable(f"rosdep has no rule for {_named(missing, quoted=True)}" + (f" on {system}" if system else "")),
            details="\n".join(self._lines(missing, "did you mean ")),
            hint=f"add the source with `workspace.repos`{noetic}, or list under {self._skip} what is not needed or "
            "what the image has already",
            problems=tuple(self._refusals()),
        )

    def refused(self) -> BuildFailed | None:
        problems = tuple(self._refusals())
        if not problems:
            return None
        return BuildFailed(f"{_dependencies(len(problems))} cannot be installed", problems=problems)

    def _refusals(self) -> Iterator[Problem]:
        hint = f"correct the rule, or list the key under {self._skip} and install it by a step"
        for key, why in sorted(self._of_kind["refused"].items()):
            place = self._places.get(key)
            yield Problem(f"rosdep: `{key}`: {printable(why)}", replace(place, excerpt="") if place else None, hint)

    def _lines(self, keys: dict[str, str], before: str) -> Iterator[str]:
        """A line a key: its place, and what rosdep says besides."""
        width = max(map(len, keys))
        for key, rest in sorted(keys.items()):
            place = self._places.get(key)
            line = f"{key:<{width}}  {place or ''}".rstrip()
            yield printable(line + (f"  ({before}{rest}?)" if rest else ""))


def _away(why: str) -> bool:
    """Whether it was not reached, and did not answer with an error of its own."""
    return "HTTP Error" not in why and ("urlopen error" in why or "timed out" in why or not why)


def _dependencies(count: int) -> str:
    return f"{count} of the workspace's dependencies"


def _named(keys: dict[str, str], quoted: bool = False) -> str:
    names = [f"`{key}`" if quoted else key for key in sorted(keys)]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _reason(why: str) -> str:
    """Without what Python's urllib puts around it."""
    inner = re.search(r"<urlopen error (?:\[Errno -?\d+\] )?([^<>]+)>", why)
    return inner[1] if inner else why.strip("<>")
