"""What the user wrote: strict YAML with positions, schema, the chain of `extends`, merge, checks."""

__all__ = ["chain", "checks", "default_name", "merge", "resolve", "schema", "workspace", "yaml"]
