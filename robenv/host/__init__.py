"""What a machine is: facts, the probes that read them, the login session, and folders with an identity."""

__all__ = ["birth", "facts", "git", "host", "probes", "project_folder", "session"]
