"""What a container takes of its host, and what of that nobody has to be asked about. Pure.

``words`` says it, ``allow_list`` says of what nothing need be said, ``weakened`` what is lost of the user's own.
"""

from robenv.plan.trust.details import PREFIX, details
from robenv.plan.trust.host_access import file_access, host_access, secret_access
from robenv.plan.trust.model import HostAccess, HostPlaces
from robenv.plan.trust.weakened import weakened

__all__ = [
    "PREFIX",
    "HostAccess",
    "HostPlaces",
    "details",
    "devices",
    "file_access",
    "host_access",
    "secret_access",
    "settings",
    "weakened",
]
