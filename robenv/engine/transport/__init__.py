"""How requests reach an engine: endpoints, sockets, ssh, TLS, HTTP, logins, and what goes wrong there."""

__all__ = [
    "credentials",
    "docker_config",
    "docker_py_session",
    "endpoint",
    "errors",
    "http_client",
    "records",
    "sockets",
    "ssh",
    "upload",
]
