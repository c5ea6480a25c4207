"""`run:` and `networks:`, spelled and shaped as Compose's service keys."""

__all__ = ["keys", "network", "parts", "short_syntax"]
