// Repeats what it hears on /chatter; ends after ~count messages, where that is given.
#include <ros/ros.h>
#include <std_msgs/String.h>

int main(int argc, char** argv) {
  ros::init(argc, argv, "listener_cpp");
  ros::NodeHandle node;
  int left = ros::param::param("~count", 0);
  auto subscriber = node.subscribe<std_msgs::String>(
      "chatter", 10, [&left](const std_msgs::StringConstPtr& message) {
        ROS_INFO("I heard: %s", message->data.c_str());
        if (--left == 0) ros::shutdown();
      });
  ros::spin();
  return 0;
}
