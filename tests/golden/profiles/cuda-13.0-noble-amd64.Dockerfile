# Made by robenv. Change the profile, not this file.

FROM nvidia/cuda:13.0.1-cudnn-devel-ubuntu24.04 AS image
USER root
