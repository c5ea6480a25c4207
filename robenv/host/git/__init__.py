"""What is read of git repositories on this machine without changing them."""

__all__ = ["addresses", "identity", "revision", "view"]
