"""A project's containers: made, entered, listed, cleaned."""

__all__ = [
    "action",
    "clean",
    "container",
    "container_user",
    "leftovers",
    "networks",
    "run",
    "state",
    "times",
    "visible_paths",
]
