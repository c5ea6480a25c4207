# Made by robenv. Change the profile, not this file.

FROM robenv/base:7d2959f0874a AS image
