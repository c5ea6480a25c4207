"""`robenv init`: what a folder tells of its environment, and the robenv.yaml that follows."""

__all__ = ["brief", "folder", "lacking", "machine", "propose", "readers", "write"]
