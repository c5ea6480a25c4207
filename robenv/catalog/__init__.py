"""What the field knows, as data with its sources: platforms, releases, ROS, JetPack, devices, emulators."""

__all__ = [
    "binfmt",
    "debian_ros",
    "devices",
    "emulators",
    "jetpack",
    "platforms",
    "releases",
    "ros",
    "snapshots",
    "suites",
    "toolchains",
]
