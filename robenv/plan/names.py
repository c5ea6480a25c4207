"""Every name that robenv gives: containers, volumes, images, labels. Pure: the same project has the same names.

Light: the quick way in imports this.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL_PROJECT = "robenv.project"
"""The project's name; on all that robenv makes for a project."""
LABEL_HASH = "robenv.hash"
"""The content hash, 64 hex digits."""
LABEL_VERSION = "robenv.version"
"""The version of robenv that made it."""
LABEL_DIRECTORY = "robenv.directory"
"""The project's folder on the host."""
LABEL_PLAN = "robenv.plan"
"""The digest of a container's RunPlan, 12 hex digits: equal to that of the present plan where nothing changed."""
LABEL_PLAN_JSON = "robenv.plan.json"
"""The RunPlan as JSON, without robenv's own labels: how to enter, and for a later `up` to say what changed."""
LABEL_ENTRYPOINT = "robenv.entrypoint"
"""The image's entrypoint as JSON, which `exec` goes through."""
LABEL_SHELL = "robenv.shell"
"""``none`` where the image has no /bin/sh, so that commands start by themselves."""
LABEL_MAIN = "robenv.main"
"""What the main process is: ``sleep``, which only keeps the container alive, or ``command``, the profile's own."""
LABEL_ROLE = "robenv.role"
"""What it is for: one of the ROLE_… values."""
LABEL_STAGE = "robenv.stage"
"""Which of a profile's images it is: ``run``; nothing on the one to work in."""
LABEL_TOOLS = "robenv.tools"
"""For which roots an image with native tools is: their architecture, as Debian calls it, and the base."""
LABEL_UID = "robenv.uid"
"""The UID, on the machine where robenv ran, of the user that it belongs to."""
LABEL_PLACE = "robenv.place"
"""Six hex digits for the project's folder, which stay when the folder is moved."""
LABEL_MOUNTED = "robenv.mounted"
"""The inodes of what is mounted from this machine when a container is made, as JSON: by path."""

LABEL_NETWORK = "robenv.network"
"""The digest of what a network was made by, 12 hex digits."""

LABEL_RELEASE = "robenv.release"
"""The ID of a release on a robot, 12 hex digits."""
LABEL_LOCK = "robenv.lock"
"""On a volume that stands for a deploy at work on a robot: the project's name."""
LABEL_HOLDER = "robenv.holder"
"""On such a volume: whose it is, by its shell on the robot."""
LABEL_HEALTH = "robenv.health"
"""A release's health check as JSON: [argv, interval, timeout, start period, retries], in seconds; "" for none."""
LABEL_SETTLE = "robenv.settle"
"""Seconds that a release has to stay up, healthy, before it is confirmed."""

ROLE_BASE = "base"
ROLE_IMAGE = "image"
ROLE_ENVIRONMENT = "environment"
ROLE_THROWAWAY = "throwaway"
ROLE_HOME = "home"
ROLE_RELEASE = "release"
ROLE_GUARD = "guard"
ROLE_TOOLS = "tools"

ENTRYPOINT = "/usr/local/lib/robenv/entrypoint"
"""Where an image whose profile has ``setup`` keeps the script that sources them and then runs its arguments."""
BASHRC = "/usr/local/lib/robenv/bashrc"
"""What interactive shells read in an image whose profile says ``ros.completion``."""

BASE_RECIPE = 1
"""Counts up whenever a base is made in another way from the same Bootstrap, so that old ones are not taken for it."""

TAG_DIGITS = 12


def container_name(project: str, place: str, suffix: str = "", foreign: str = "") -> str:
    """``place`` and ``suffix``: of a ``Place``. ``foreign``: the platform, ``linux/arm64``, where it
    is another one than the engine's own."""
    return f"{resource_prefix(project, place)}{suffix}{platform_part(foreign)}"


def resource_prefix(project: str, place: str) -> str:
    """What the names of a project's volumes and networks begin with. One that was made stays when the project or its
    folder gets another name."""
    return f"robenv-{project}-{place}"


def home_volume(prefix: str, uid: int, foreign: str = "") -> str:
    """One for each platform: what programs leave in a home folder may be for one alone."""
    return f"{prefix}{platform_part(foreign)}-home-{uid}"


def release_volume(project: str) -> str:
    """What all releases of a project on a robot share."""
    return f"robenv-{project}-release"


def volume_name(prefix: str, key: str, foreign: str = "") -> str:
    """Of a volume that a profile calls ``key``: as in Compose, ``cache`` in two projects are two volumes."""
    return f"{prefix}{platform_part(foreign)}_{key}"


def platform_part(foreign: str) -> str:
    return f"-{foreign.removeprefix('linux/').replace('/', '-')}" if foreign else ""


def image_reference(project: str, content_hash: str) -> str:
    """``content_hash`` is the whole hash; the tag carries its first digits."""
    return f"robenv/{project}:{content_hash[:TAG_DIGITS]}"


def base_hash(
    suite: str, mirror: str, components: Iterable[str], variant: str, include: Iterable[str], platform: str
) -> str:
    """64 hex digits over all that a bootstrapped base is made from. The order of ``include`` does not matter."""
    import json

    recipe = [BASE_RECIPE, suite, mirror, list(components), variant, sorted(set(include)), platform]
    return _sha256(json.dumps(recipe).encode())


def base_reference(
    suite: str, mirror: str, components: Iterable[str], variant: str, include: Iterable[str], platform: str
) -> str:
    """The content-addressed tag of a bootstrapped base."""
    return f"robenv/base:{base_hash(suite, mirror, components, variant, include, platform)[:TAG_DIGITS]}"


def tools_reference(content_hash: str) -> str:
    """The tag of an image with native tools for another architecture."""
    return f"robenv/tools:{content_hash[:TAG_DIGITS]}"


def tools_volume(reference: str) -> str:
    """The volume that has the tools of that image, and the container that filled it."""
    return f"robenv-tools-{reference.rpartition(':')[2]}"


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
