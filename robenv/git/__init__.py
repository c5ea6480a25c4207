"""Repositories of others, by the user's own git: profiles in git, and the clones of a workspace."""

__all__ = ["command", "extends", "placing", "profile_cache", "references", "workspace"]
