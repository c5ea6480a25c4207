"""What the commands do with the project of a folder: plan it, ask for approval, build, start, list."""

__all__ = [
    "containers",
    "exported",
    "facts",
    "gate",
    "identity",
    "image",
    "init",
    "lifecycle",
    "lock_policy",
    "planned",
    "preview",
    "registry",
    "reporter",
    "repositories",
    "trust",
    "up",
]
