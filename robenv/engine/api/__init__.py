"""The calls of the Engine API, by what they are about."""

__all__ = ["containers", "exec_api", "images", "inspect", "networks"]
