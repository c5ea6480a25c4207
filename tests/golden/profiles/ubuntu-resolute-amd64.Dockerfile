# Made by robenv. Change the profile, not this file.

FROM ubuntu:26.04 AS image
USER root
