"""Whose a file is, what it takes of the host, and what the user has approved."""

__all__ = ["approvals", "baseline", "foreign_files", "judge", "repos"]
