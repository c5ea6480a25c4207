"""`save` and `load`: a project with its images, repositories and files, in one file."""

__all__ = ["bundle", "project_files", "verify"]
