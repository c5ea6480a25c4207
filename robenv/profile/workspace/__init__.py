"""The ROS packages of a workspace, as colcon and catkin find them."""

__all__ = ["conditions", "container_paths", "git_link", "package_xml", "packages"]
