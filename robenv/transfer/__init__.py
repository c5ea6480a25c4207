"""Images from one engine to another: only the layers that it lacks, compressed, resumable."""

__all__ = ["disk_space", "layers", "load_stream", "push_capture", "remote_save", "send", "staging", "target"]
