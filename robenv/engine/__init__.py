"""The Docker Engine behind one protocol: a client that knows nothing of profiles or projects."""

__all__ = ["api", "build", "docker_engine", "protocol", "terminal", "transport"]
