# Made by robenv. Change the profile, not this file.

FROM nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04 AS image
USER root
