# Made by robenv. Change the profile, not this file.

FROM nvidia/cuda:11.8.0-cudnn8-devel-ubuntu20.04 AS image
USER root
