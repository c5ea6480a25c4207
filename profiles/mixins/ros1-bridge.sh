#!/bin/bash
# ros1_bridge in an environment of its own, of both ROS; whatever else runs in the container has ROS 1's.
#   ros1-bridge [--bridge-all-topics | …]   its dynamic_bridge; --help tells what that takes
#   ros1-bridge --parameter-bridge [TOPICS [SERVICES_1_TO_2 [SERVICES_2_TO_1]]]   its parameter_bridge, which does as
#                                           ROS 1's parameters of these names say
program=dynamic_bridge
if [ "${1-}" = --parameter-bridge ]; then
  program=parameter_bridge
  shift
fi

# ROS 1 first and ROS 2 over it. Each complains of a ROS_DISTRO that is the other's; `--` keeps the bridge's arguments
# from the scripts, which take some too.
unset ROS_DISTRO ROS_VERSION ROS_PYTHON_VERSION AMENT_PREFIX_PATH COLCON_PREFIX_PATH
# shellcheck source=/dev/null
. /opt/ros/noetic/setup.bash -- >&2
unset ROS_DISTRO ROS_VERSION ROS_PYTHON_VERSION
# shellcheck source=/dev/null
. /opt/ros/galactic/setup.bash -- >&2
exec "/opt/ros/galactic/lib/ros1_bridge/$program" "$@"
