"""colcon's defaults → the file that colcon reads. Pure.

The file is JSON, which is YAML too, in ASCII: Python reads it in whichever locale a container has, and takes no word of
it for something else.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from robenv.profile.schema.colcon import ColconDefaults

DEFAULTS = "/opt/robenv/colcon-defaults.yaml"
"""Where an image has them; COLCON_DEFAULTS_FILE names it."""
VARIABLE = "COLCON_DEFAULTS_FILE"

_LINKS = "symlink-install"


def defaults_text(defaults: ColconDefaults) -> str:
    """As colcon's ``defaults.yaml`` has them."""
    text = json.dumps(defaults, ensure_ascii=False, indent=2)
    # JSON's pairs of surrogates for what lies beyond U+FFFF are no YAML.
    return re.sub(r"[^\x00-\x7e]", lambda found: f"\\U{ord(found[0]):08x}", text) + "\n"


def without_links(defaults: ColconDefaults) -> ColconDefaults:
    """For what is copied out of a workspace: links would lead back into it."""
    return {verb: {key: value for key, value in said.items() if key != _LINKS} for verb, said in defaults.items()}
