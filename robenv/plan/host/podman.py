"""What Podman cannot have here, said before anything is built. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from robenv.host.probes.podman import INIT, NAMES, TIMERS, TUN
from robenv.plan.host.requirements import Grant, MissingRequirement

if TYPE_CHECKING:
    from robenv.host.facts import Facts
    from robenv.profile.schema.profile import Profile

NETWORK_HELPERS = ("slirp4netns", "pasta")
"""One of them gives containers of a rootless Podman a network."""
ULIMITS = "ulimits"
_PACKAGES = {"pasta": "passt"}


def plan_podman(profile: Profile, facts: Facts) -> Grant:
    if not facts.engine.podman:
        return Grant()
    return Grant(unmet=tuple(_lacks(profile, facts)), notes=tuple(_notes(profile, facts)))


def package_of(program: str) -> str:
    """Debian's, Ubuntu's and Fedora's name for it."""
    return _PACKAGES.get(program, program)


def _lacks(profile: Profile, facts: Facts) -> Iterator[MissingRequirement]:
    run, missing = profile.run, facts.engine.podman_lacks
    if run.init and INIT in missing:
        message = f"Podman has no init for containers: there is no {INIT} on this machine"
        yield MissingRequirement(("run", "init"), message, f"`sudo apt-get install {INIT}`; or `run: {{init: false}}`")
    if run.network_mode in ("none", "host"):
        return
    for program in NETWORK_HELPERS:
        if program in missing:
            message = f"rootless Podman has no network for containers: there is no {program} on this machine"
            hint = f"`sudo apt-get install {package_of(program)}`; or `run: {{network_mode: host}}`"
            yield MissingRequirement(("run", "network_mode"), message, hint)
    if TUN in missing:
        message = f"rootless Podman has no network for containers: this user may not open {TUN}, or it is not there"
        hint = f"`sudo modprobe tun; sudo chmod 666 {TUN}`; or `run: {{network_mode: host}}`"
        yield MissingRequirement(("run", "network_mode"), message, hint)


def _notes(profile: Profile, facts: Facts) -> Iterator[str]:
    run, engine = profile.run, facts.engine
    if run.healthcheck is not None and not run.healthcheck.disable and TIMERS in engine.podman_lacks:
        yield "run.healthcheck: never run, since Podman has systemd's timers do that, and there is no systemd here"
    if run.networks and NAMES in engine.podman_lacks:
        yield (
            f"run.networks: containers do not find each other by name, since Podman has neither {NAMES} nor the CNI "
            f"plugin dnsname here: `sudo apt-get install {NAMES}`, or golang-github-containernetworking-plugin-dnsname "
            "where `podman info` says networkBackend: cni"
        )
    if run.ulimits and ULIMITS in engine.podman_lacks:
        yield f"run.ulimits: not kept, since rootless Podman 4 sets none: {', '.join(run.ulimits)} stay as they are"
