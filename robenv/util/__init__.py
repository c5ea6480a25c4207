"""What every other package uses and no robot knows: locks, bounded reads, safe text, work side by side."""

__all__ = [
    "bounded_json",
    "bounded_output",
    "chunk_reader",
    "concurrency",
    "file_lock",
    "if_logged",
    "log",
    "safe_extract",
    "safe_tree",
    "sanitize",
    "tar_reader",
]
