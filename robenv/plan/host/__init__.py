"""What a profile asks of the host, and what this host gives it: one module a wish. Pure."""

__all__ = [
    "capabilities",
    "device_nodes",
    "devices",
    "display",
    "engine_security",
    "gpu",
    "gpu_nvidia",
    "gpu_offer",
    "host",
    "middleware",
    "podman",
    "quotas",
    "realtime",
    "requirements",
    "udev",
]
