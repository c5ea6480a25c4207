"""The plan of an image: stages and layers, mirrors, cross compilers, the run image. Pure."""

__all__ = ["annotations", "build", "colcon", "cross_compilers", "dependencies", "mirrors", "ros", "run_image"]
