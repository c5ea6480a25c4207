"""A project for tools that know nothing of robenv: Compose, dev containers, Kubernetes, a plain Dockerfile."""

__all__ = ["forms", "portable"]
