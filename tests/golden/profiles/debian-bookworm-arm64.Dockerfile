# Made by robenv. Change the profile, not this file.

FROM robenv/base:9fee6129ac15 AS image
