"""How a build looks while it runs."""

__all__ = ["shared", "view"]
