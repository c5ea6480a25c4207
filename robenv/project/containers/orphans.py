"""Which of what a user's projects have left on an engine is of folders that are no longer there, and not only moved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from robenv.host.project_folder import RecordedFolder, disk_is_there, is_gone, read_known, search
from robenv.plan.names import LABEL_DIRECTORY, LABEL_PLACE
from robenv.plan.owner import owner_of

Note = Callable[[str], None]


class FolderStates:
    """What became of project folders. ``engine_root``: the engine's own folder, in which none is looked for."""

    def __init__(self, note: Note, engine_root: str = "") -> None:
        self._note = note
        self._leave_out = frozenset((engine_root,))
        self._known = [one for one in read_known() if one.uid == os.geteuid()]
        self._found: dict[str, str] = {}

    def is_gone(self, labels: Mapping[str, str]) -> bool:
        """Whether a thing is this user's and of a folder that is gone. What may not be looked at, what is on a disk
        that is not mounted, and what was moved, counts as there."""
        if owner_of(labels) not in ("", str(os.geteuid())):
            return False
        known = self._of(labels)
        if known is None:
            return is_gone(labels.get(LABEL_DIRECTORY, ""))
        if not is_gone(known.root) or not disk_is_there(known.root, known.device):
            return False
        if known.id not in self._found:
            self._note(f"{known.root} is gone: looking whether it was moved")
            self._found[known.id] = search(known, self._leave_out)
            if self._found[known.id]:
                self._note(f"{known.root} is now {self._found[known.id]}: what belongs to it stays")
        return not self._found[known.id]

    def is_surely_gone(self, name: str, labels: Mapping[str, str]) -> bool:
        """The same for what holds data: nothing goes of which robenv cannot know whether its folder was moved."""
        if not self.is_gone(labels):
            return False
        if self._of(labels) is None:
            folder = labels.get(LABEL_DIRECTORY, "")
            self._note(f"{name} stays: {folder} is gone, and may have been moved; `docker volume rm {name}` removes it")
            return False
        return True

    def _of(self, labels: Mapping[str, str]) -> RecordedFolder | None:
        """By the identity, or by the path that an earlier robenv has noted alone."""
        place = labels.get(LABEL_PLACE)
        by_path = labels.get(LABEL_DIRECTORY)
        return next((one for one in self._known if (one.id == place if place else one.root == by_path)), None)
