"""The fast path into a running container: nothing but the standard library is imported."""

__all__ = ["client", "clients", "enter", "entry", "launch", "mounted", "replay", "up_cache"]
