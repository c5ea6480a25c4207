# Made by robenv. Change the profile, not this file.

FROM ubuntu:24.04 AS image
USER root
