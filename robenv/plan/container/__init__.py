"""The plan of a container, and the Engine API request that it becomes. Pure."""

__all__ = [
    "container_user",
    "create_request",
    "diff",
    "exclusive",
    "health",
    "networks",
    "own_machine",
    "plan_json",
    "run",
]
