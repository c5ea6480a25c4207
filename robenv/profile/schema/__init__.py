"""What may be written where: the model of robenv.yaml, section by section."""

__all__ = [
    "build",
    "colcon",
    "compatibility",
    "dependencies",
    "deploy",
    "host",
    "mirrors",
    "names",
    "pip",
    "profile",
    "ros",
    "run",
    "secrets",
    "trust",
    "types",
    "unsupported_keys",
]
