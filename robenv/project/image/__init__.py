"""A project's images: built, emulated, cross-compiled for, and why a build failed."""

__all__ = ["build_trace", "cross_compilers", "emulation", "image", "remote_builders", "staging_names"]
