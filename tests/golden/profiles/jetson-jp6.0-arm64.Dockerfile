# Made by robenv. Change the profile, not this file.

FROM nvcr.io/nvidia/l4t-jetpack:r36.2.0 AS image
USER root
