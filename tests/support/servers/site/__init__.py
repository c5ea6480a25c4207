"""Stand-ins for the hosts that profiles name: a registry, package archives, and what is downloaded; on this machine."""
