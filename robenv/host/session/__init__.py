"""The login session, and how a container gets its display, sound, ssh agent and git identity."""

__all__ = ["container_session", "handshake", "login", "xauthority"]
