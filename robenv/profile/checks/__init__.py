"""What no key can tell alone: checks over the whole, merged profile."""

__all__ = ["compatibility", "host", "merged", "whole"]
