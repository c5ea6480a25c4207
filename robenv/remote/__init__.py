"""Other machines over ssh: the inventory, one login each, a lock, commands with a time limit."""

__all__ = ["connection", "exec_with_timeout", "image_probe", "inventory", "remote_lock", "uploaded_files"]
