"""What a container takes of its host, and what of that nobody has to be asked about. Pure.

``words`` says it, ``allow_list`` says of what nothing need be said, ``weakened`` what is lost of the user's own.
"""

from robenv.plan.trust.details import PREFIX, details
from robenv.plan.trust.host_access import file_powers, lending_powers, powers
from robenv.plan.trust.model import HostPlaces, Power
from robenv.plan.trust.weakened import weakened

__all__ = [
    "PREFIX",
    "HostPlaces",
    "Power",
    "details",
    "devices",
    "file_powers",
    "lending_powers",
    "powers",
    "settings",
    "weakened",
]
