"""The certificate authority of mirrors behind a private one, by the file that ``mirrors.ca`` names."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from robenv.errors import Problem, ProfileError
from robenv.plan.image.mirrors import Mirrors

_MAX_BYTES = 1 << 20
SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",
)
"""Where distributions keep the authorities that they trust; the first one that is there counts."""


def read_authority(mirrors: Mirrors) -> bytes:
    """The file, in PEM; b"" where mirrors name none. Raises ProfileError for one that is no certificate."""
    if not mirrors.ca:
        return b""
    try:
        data = Path(mirrors.ca).read_bytes()[:_MAX_BYTES]
        ssl.create_default_context(cadata=data.decode("ascii"))
    except (ValueError, ssl.SSLError) as error:  # also what is no ASCII
        raise _wrong(mirrors, f"{mirrors.ca} holds no certificate in PEM") from error
    except OSError as error:
        raise _wrong(mirrors, f"{mirrors.ca} cannot be read: {error.strerror or error}") from error
    return data


def _wrong(mirrors: Mirrors, message: str) -> ProfileError:
    hint = "`mirrors.ca` wants the authority's certificate: a text that begins with -----BEGIN CERTIFICATE-----"
    problem = Problem(message, mirrors.ca_location, hint)
    return ProfileError("the certificate of the mirrors' authority cannot be used", problems=(problem,))


def bundle(mirrors: Mirrors, known: str = "") -> bytes:
    """The authorities that this machine trusts, and that of the mirrors; b"" where these name none. ``known``: the file
    with those that count in place of the machine's.

    Raises ProfileError.
    """
    own = read_authority(mirrors)
    for path in (known, os.environ.get("SSL_CERT_FILE", ""), *SYSTEM):
        if own and path and Path(path).is_file():
            return Path(path).read_bytes().rstrip() + b"\n" + own
    return own


def trusting(mirrors: Mirrors) -> ssl.SSLContext | None:
    """For Python: what this machine trusts, and the mirrors' authority; None where these name none.

    Raises ProfileError.
    """
    own = read_authority(mirrors)
    if not own:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=own.decode("ascii"))
    return context
