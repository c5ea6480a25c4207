"""What an image stands on: pulled, or made from a package archive."""

__all__ = ["ensure", "mmdebstrap"]
