"""BuildKit as the Docker Engine serves it: the messages of its trace, and the events that they mean."""
