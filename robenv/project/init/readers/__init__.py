"""One source of an environment a file: dev containers, Compose, Dockerfiles, command lines, packages."""

__all__ = ["scripts", "sources", "workspace"]
