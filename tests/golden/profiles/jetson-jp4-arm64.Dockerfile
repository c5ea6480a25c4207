# Made by robenv. Change the profile, not this file.

FROM nvcr.io/nvidia/l4t-base:r32.7.1 AS image
USER root
