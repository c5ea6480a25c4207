"""Releases on robots: judged before a byte is sent, put on trial, and back if they are unhealthy."""

__all__ = ["fleet", "inventory_trust", "lifecycle", "preview", "robot_info", "status"]
