"""What a build tells: the traces of BuildKit and of the classic builder, and the state that they fold to."""

__all__ = ["buildkit", "classic", "output", "progress"]
