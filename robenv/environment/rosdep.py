"""Why rosdep failed in a build, led back to the package.xml that names the key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from robenv.engine.protocol import BuildEvent, LogEvent
from robenv.errors import BuildFailed, Problem
from robenv.plan.values import BuildPlan

_LINE = re.compile(r"robenv rosdep: (?P<key>\S+): (?P<reason>[^\r\n]+)")
_HINT = "correct it, or leave it out: `skip_keys` of `dependencies`"
_AWAY = "cannot be fetched"
_AWAY_HINT = "raw.githubusercontent.com has to be in reach, or `mirrors.downloads` leads elsewhere (docs/mirrors.md)"


@dataclass
class RosdepWatch:
    """Listens to a build's log."""

    plan: BuildPlan
    _told: list[str] = field(default_factory=list)

    def event(self, event: BuildEvent) -> None:
        if isinstance(event, LogEvent):
            self._told.append(event.text)

    def explained(self, error: BuildFailed) -> BuildFailed:
        """``error`` as it is where it was not rosdep."""
        groups = [group for stage in self.plan.stages for group in stage.groups if group.rosdep_keys]
        places = {key: place for group in groups if group.rosdep_keys for key, place in group.rosdep_keys.keys}
        reasons = {match["key"]: match["reason"] for match in _LINE.finditer("".join(self._told))} if groups else {}
        if not reasons:
            return error
        problems = tuple(
            Problem(f"rosdep: {key}: {why}", places.get(key), _AWAY_HINT if why.endswith(_AWAY) else _HINT)
            for key, why in reasons.items()
        )
        count = "a dependency" if len(problems) == 1 else f"{len(problems)} dependencies"
        return BuildFailed(f"{count} of the workspace cannot be had", problems=problems)
