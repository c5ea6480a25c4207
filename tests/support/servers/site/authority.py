"""A certificate authority that nobody knows, and a server's certificate from it."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


class Authority:
    """``certificate``: its own, which makes those of its servers known."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate, self._key = folder / "authority.pem", folder / "authority.key"
        self._openssl(
            "req", "-x509", *_KEY, "-subj", "/CN=robenvtest authority", "-keyout", self._key, "-out", self.certificate
        )

    def server(self, address: str) -> ssl.SSLContext:
        """What a server at that IP address needs."""
        key, asked, made = (self._folder / f"server.{kind}" for kind in ("key", "csr", "pem"))
        more = self._folder / "server.ext"
        more.write_text(f"subjectAltName=IP:{address}\n")
        self._openssl("req", *_KEY[:-2], "-subj", "/CN=robenvtest", "-keyout", key, "-out", asked)
        signed = ("x509", "-req", "-in", asked, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial")
        self._openssl(*signed, "-days", "2", "-extfile", more, "-out", made)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        return context

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
