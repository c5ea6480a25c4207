"""A stand-in for snapshot.debian.org: an HTTP proxy that answers its paths with deb.debian.org's present archive."""

from __future__ import annotations

import re
import shutil
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PATH = re.compile(r"http://snapshot\.debian\.org/archive/(debian(?:-security)?)/(\d{8}T\d{6}Z)/(.*)")


class Snapshots:
    """``address`` is for containers' http_proxy; ``asked`` gathers what was asked for, whichever host it is of."""

    def __init__(self, host: str) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                match = _PATH.fullmatch(self.path)
                url = f"http://deb.debian.org/{match[1]}/{match[3]}" if match else ""
                if not url:
                    self.send_error(404)
                    return
                try:
                    with urllib.request.urlopen(url, timeout=60) as answer:
                        self.send_response(200)
                        self.send_header("Content-Length", answer.headers["Content-Length"])
                        self.end_headers()
                        shutil.copyfileobj(answer, self.wfile)
                except urllib.error.URLError as error:
                    self.send_error(getattr(error, "code", 502))

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self.address = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
