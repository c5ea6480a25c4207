"""Where the tests keep what takes long to make and any later run can use."""

from __future__ import annotations

import os
from pathlib import Path

# Looked up at import, for the tests themselves run with a cache folder of their own.
FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "robenv-tests"
