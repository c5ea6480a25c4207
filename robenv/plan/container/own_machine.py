"""What a container on the user's own engine has, and neither a robot's nor an exported one: a name that people read,
and the proxies of the docker config. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.plan.container.run import relabelled
from robenv.plan.models import Attachment, RunPlan

if TYPE_CHECKING:
    from robenv.host.facts import Facts

_LONGEST = 63
"""Characters of a host name's label, by RFC 1123."""
_PROXIES = re.compile(r"^(?:HTTP|HTTPS|FTP|ALL)_PROXY$", re.I)
_LOGIN = re.compile(r"(?:(?<=://)|^(?!\w+://))\S+(?=@)")
"""Of a URL, the user and the password."""


def for_own_machine(plan: RunPlan, facts: Facts) -> RunPlan:
    """The plan with a host name that says which project it is, and with the proxies, as the docker CLI sets them for
    its own containers. What the profile says of either goes before."""
    environment = {**dict(facts.engine.proxies), **dict(plan.environment)}
    name = host_name(plan.project)
    if plan.hostname or not name:
        made = replace(plan, environment=tuple(environment.items()))
    elif _has_own_name(plan):
        networks = tuple(_known_as(name, network) for network in plan.networks)
        made = replace(plan, environment=tuple(environment.items()), hostname=name, networks=networks)
    else:
        # Debian's and Ubuntu's shells show it in the prompt, where the host name is the machine's.
        environment = {"debian_chroot": plan.project, **environment}
        made = replace(plan, environment=tuple(environment.items()))
    return plan if made == plan else relabelled(made)


def host_name(project: str) -> str:
    """The project's name as a host name; "" where nothing of it can be one."""
    return re.sub(r"[^a-z0-9-]+", "-", project.lower())[:_LONGEST].strip("-")


def redacted(plan: RunPlan, hidden: Mapping[str, str]) -> RunPlan:
    """The plan for people to read: ``hidden`` has what is shown in the place of variables' values. Addresses of proxies
    are without logins."""
    return replace(plan, environment=tuple((name, _shown(name, value, hidden)) for name, value in plan.environment))


def _shown(name: str, value: str, hidden: Mapping[str, str]) -> str:
    if name in hidden:
        return hidden[name]
    return _LOGIN.sub("…", value) if _PROXIES.match(name) else value


def _has_own_name(plan: RunPlan) -> bool:
    """Whether the container is not on the host's network nor in another's, where its name would lead nowhere. On a
    network of others' the engine's own name for it has to stay: that one is found there."""
    shared = plan.network_mode == "host" or plan.network_mode.startswith(("container:", "service:"))
    return not shared and plan.uts != "host" and not any(network.network.external for network in plan.networks)


def _known_as(name: str, attachment: Attachment) -> Attachment:
    """By its host name as well, which programs such as ROS 1 nodes tell each other."""
    return replace(attachment, aliases=tuple(dict.fromkeys((*attachment.aliases, name))))
