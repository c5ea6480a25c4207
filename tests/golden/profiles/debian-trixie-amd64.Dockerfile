# Made by robenv. Change the profile, not this file.

FROM robenv/base:d8f1a4359423 AS image
