"""The files of a chain: found, read, checked against the schema, in the order of `extends`."""

__all__ = ["builtin", "extends", "per_platform", "project", "reader", "ros_placeholder", "validate"]
