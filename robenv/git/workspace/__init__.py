"""The repositories that a workspace consists of: .repos files, clones, submodules, differences."""

__all__ = ["clones", "clones_in", "differences", "repos_file", "repos_out"]
