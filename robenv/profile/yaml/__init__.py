"""YAML files as nodes that know their place."""

__all__ = ["dump", "files", "foreign", "loader", "nodes", "parse_error"]
