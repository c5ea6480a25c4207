"""A process inside a container, tied to the streams, the terminal and the signals of this process."""

__all__ = ["console", "interact", "process_session", "signals", "types"]
