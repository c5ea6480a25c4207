# Made by robenv. Change the profile, not this file.

FROM robenv/base:3eb2a548010c AS image
