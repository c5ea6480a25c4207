// Says a numbered sentence on /chatter, ~rate times a second.
#include <ros/ros.h>
#include <std_msgs/String.h>

#include <string>

int main(int argc, char** argv) {
  ros::init(argc, argv, "talker_cpp");
  ros::NodeHandle node;
  auto publisher = node.advertise<std_msgs::String>("chatter", 10);
  ros::Rate rate(ros::param::param("~rate", 2.0));
  for (int count = 1; ros::ok(); ++count) {
    std_msgs::String message;
    message.data = "hello " + std::to_string(count) + " from C++";
    publisher.publish(message);
    ROS_INFO("I say: %s", message.data.c_str());
    ros::spinOnce();
    rate.sleep();
  }
  return 0;
}
