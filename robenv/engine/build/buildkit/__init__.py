"""BuildKit as the Docker Engine serves it: gRPC, the messages of its trace, the events that they mean."""

__all__ = ["grpc", "trace"]
