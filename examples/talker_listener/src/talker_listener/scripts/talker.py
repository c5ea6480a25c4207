#!/usr/bin/env python3
"""Says a numbered sentence on /chatter, ~rate times a second."""

from contextlib import suppress
from itertools import count

import rospy
from std_msgs.msg import String


def main() -> None:
    rospy.init_node("talker_python")
    publisher = rospy.Publisher("chatter", String, queue_size=10)
    rate = rospy.Rate(rospy.get_param("~rate", 2.0))
    for number in count(1):
        if rospy.is_shutdown():
            break
        message = f"hello {number} from Python"
        publisher.publish(message)
        rospy.loginfo("I say: %s", message)
        rate.sleep()


if __name__ == "__main__":
    with suppress(rospy.ROSInterruptException):
        main()
