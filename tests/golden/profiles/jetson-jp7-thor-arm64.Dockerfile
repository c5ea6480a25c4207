# Made by robenv. Change the profile, not this file.

FROM nvcr.io/nvidia/cuda-dl-base:25.08-cuda13.0-devel-ubuntu24.04 AS image
USER root
