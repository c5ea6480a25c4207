#!/usr/bin/env python3
"""Repeats what it hears on /chatter; ends after ~count messages, where that is given."""

import rospy
from std_msgs.msg import String


class Listener:
    def __init__(self) -> None:
        self._left = rospy.get_param("~count", 0)
        self._subscriber = rospy.Subscriber("chatter", String, self._hear)

    def _hear(self, message: String) -> None:
        rospy.loginfo("I heard: %s", message.data)
        self._left -= 1
        if self._left == 0:
            rospy.signal_shutdown("heard enough")


if __name__ == "__main__":
    rospy.init_node("listener_python")
    listener = Listener()
    rospy.spin()
