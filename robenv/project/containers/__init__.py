"""A project's containers: made, entered, listed, cleaned."""

__all__ = ["clean", "container", "container_user", "leftovers", "networks", "run", "times", "visible_paths"]
