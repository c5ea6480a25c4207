"""One probe a file: questions to a host, facts as the answer."""

__all__ = ["binfmt", "board", "distribution", "engine_process", "facts", "gpu", "podman", "session", "timezone", "udev"]
