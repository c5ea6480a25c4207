"""From the files of a project to one resolved profile."""

__all__ = [
    "catalog_overrides",
    "env_files",
    "partial_chain",
    "provenance",
    "resolve",
    "resolved",
    "summary",
    "user_config",
]
