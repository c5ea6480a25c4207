"""A RunPlan out of the JSON that it was written as."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from robenv.plan.models import RunPlan


def plan_json(plan: RunPlan) -> str:
    return json.dumps(plan.to_json(), sort_keys=True, separators=(",", ":"))


def plan_of_json(text: str) -> RunPlan | None:
    """None where it is no plan, or not of this version of robenv."""
    try:
        plan = _revived(RunPlan, json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return plan if isinstance(plan, RunPlan) else None


def _revived(hint: Any, value: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return hint(**{field.name: _revived(hints[field.name], value[field.name]) for field in fields(hint)})
    if get_origin(hint) in (Union, UnionType):
        kinds = [arg for arg in get_args(hint) if arg is not NoneType]
        return None if value is None else _revived(kinds[0], value)
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else list(parts)
        return tuple(_revived(kind, one) for kind, one in zip(kinds, value, strict=True))
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
