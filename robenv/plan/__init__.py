"""Resolved profile and facts in, plans out. Pure."""

__all__ = [
    "container",
    "host",
    "image",
    "models",
    "names",
    "owner",
    "packages",
    "rosdep",
    "secrets",
    "support",
    "trust",
]
