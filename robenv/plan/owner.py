"""Whose things on an engine are, by their labels. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from robenv.host.project_folder import FolderIdentity, project_id
from robenv.plan.models import RunPlan
from robenv.plan.names import (
    LABEL_DIRECTORY,
    LABEL_PLACE,
    LABEL_PLAN_JSON,
    LABEL_PROJECT,
    LABEL_UID,
    resource_prefix,
)
from robenv.profile.default_name import default_name, earlier_default_name


def owner_labels(plan: RunPlan) -> dict[str, str]:
    """For what is made beside a container: the labels of the container by which it is found again."""
    own = dict(plan.labels)
    kept = {name: own[name] for name in (LABEL_PLACE, LABEL_UID) if name in own}
    return {LABEL_PROJECT: plan.project, LABEL_DIRECTORY: plan.directory, **kept}


def owner_of(labels: Mapping[str, str]) -> str:
    """The UID of the user whose a container, volume or network is; "" where nothing says."""
    if LABEL_UID in labels:
        return labels[LABEL_UID]
    user = _stored_plan(labels).get("user")  # as an earlier robenv labelled
    return str(user.get("uid", "")) if isinstance(user, dict) else ""


def _stored_plan(labels: Mapping[str, str]) -> dict[str, Any]:
    try:
        plan = json.loads(labels[LABEL_PLAN_JSON])
    except (KeyError, ValueError):
        return {}
    return plan if isinstance(plan, dict) else {}


def is_of(labels: Mapping[str, str], plan: RunPlan) -> bool:
    """Whether a container is of the plan's project, folder and user, whatever its name."""
    if labels.get(LABEL_PROJECT) != plan.project:
        return False
    if LABEL_PLACE in labels:
        wanted = owner_labels(plan)
        return all(labels.get(name) == wanted.get(name) for name in (LABEL_PLACE, LABEL_UID))
    return labels.get(LABEL_DIRECTORY) == plan.directory and owner_of(labels) == str(plan.user.uid)


def is_earlier(labels: Mapping[str, str], plan: RunPlan) -> bool:
    """Whether a container of another name is the plan's, from when the project or its folder was called otherwise, or
    from an earlier robenv."""
    made_by = _stored_plan(labels)
    if made_by.get("platform") != plan.platform:
        return False
    if LABEL_PLACE not in labels:
        earlier = earlier_default_name(plan.directory)
        renamed = labels.get(LABEL_PROJECT) == earlier and plan.project == default_name(plan.directory)
        return is_of({**labels, LABEL_PROJECT: plan.project} if renamed else labels, plan)
    return made_by.get("prefix") == plan.prefix and is_of({**labels, LABEL_PROJECT: plan.project}, plan)


def is_in_folder(labels: Mapping[str, str], place: FolderIdentity) -> bool:
    """Whether a thing belongs to the project folder, whoever's it is."""
    if LABEL_PLACE in labels and labels[LABEL_PLACE] == place.id:
        return True
    folders = (place.root, place.moved_from) if place.moved_from else (place.root,)
    return LABEL_PLACE not in labels and labels.get(LABEL_DIRECTORY) in folders


def is_own(labels: Mapping[str, str], place: FolderIdentity, name: str = "") -> bool:
    """Whether a thing belongs to the project folder and to its user. ``name``: of a volume or network, which an
    earlier robenv has not labelled with the user."""
    owner = owner_of(labels)
    if owner:
        return owner == str(place.uid) and is_in_folder(labels, place)
    prefix = place.prefix or resource_prefix(labels.get(LABEL_PROJECT, ""), place.id or project_id(place.root))
    return is_in_folder(labels, place) and name.startswith(f"{prefix}{place.suffix}")
