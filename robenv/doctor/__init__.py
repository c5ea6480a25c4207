"""One check a file: what it looks at, and the command that fixes it."""

__all__ = ["check", "examine", "report"]
