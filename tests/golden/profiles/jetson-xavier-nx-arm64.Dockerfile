# Made by robenv. Change the profile, not this file.

FROM nvcr.io/nvidia/l4t-jetpack:r35.4.1 AS image
USER root
