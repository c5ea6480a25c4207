"""What of this user's login session a profile gets: ``display``, ``audio``, ``ssh_agent``, ``git``. Pure.

A plan names the parts of the session, never their values: those change with every login, and a container outlives it.
See ``robenv.host.session.container_session``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from robenv.host.session.login import is_local_port, out_of_reach_text
from robenv.plan.host.requirements import Grant, MissingRequirement, combine
from robenv.plan.models import Mount, RunPlan

if TYPE_CHECKING:
    from robenv.host.facts import Facts, SessionFacts
    from robenv.profile.schema.profile import Profile

SESSION_FOLDER = "/run/robenv"
"""Where a container has the session."""
X11_SOCKETS = "/tmp/.X11-unix"  # noqa: S108
WSLG = "/mnt/wslg"
_NEEDS_FOLDER = frozenset(("x11", "wayland", "pulseaudio", "pipewire"))
"""Parts whose libraries want an $XDG_RUNTIME_DIR of the user's own."""
_PARTS = {
    "display": frozenset(("x11", "wayland", "wslg")),
    "audio": frozenset(("pulseaudio", "pipewire", "wslg")),
    "ssh_agent": frozenset(("ssh_agent",)),
    "git": frozenset(("git",)),
}
"""The parts of the session that each key of a profile may bring."""


def plan_display(profile: Profile, facts: Facts) -> Grant:
    """``auto`` takes what is there, and says what is wrong; ``required`` makes that a lack. What is simply not there is
    told when a container is made, by whoever makes it."""
    if not facts.engine.local:
        return _from_afar(profile)
    return combine((_display(profile, facts), _audio(profile, facts), _agent(profile, facts), _git(profile)))


def with_session(plan: RunPlan, base: str, podman: bool = False) -> RunPlan:
    """The plan with what its parts of the session need, and is the same for every command. ``base``: where this user's
    session folders lie. ``podman``: in the form that it takes. What the plan says already, of the same name or at the
    same place, goes before."""
    if not plan.session or not base:
        return plan
    mounted = {mount.target for mount in plan.mounts}
    mounts = tuple(mount for mount in _mounts(plan, base, podman) if mount.target not in mounted)
    environment = {**_environment(plan), **dict(plan.environment)}
    return replace(plan, mounts=(*plan.mounts, *mounts), environment=tuple(environment.items()))


def _mounts(plan: RunPlan, base: str, podman: bool) -> Iterator[Mount]:
    # Nothing inside is to change what the next command trusts. Sockets work all the same.
    yield Mount("bind", f"{base}/{plan.name}", SESSION_FOLDER, read_only=True)
    if _NEEDS_FOLDER.intersection(plan.session):
        # Podman takes no numbers, and has "U" for the container's own user (podman-run(1), --tmpfs).
        owner = "U" if podman else f"uid={plan.user.uid},gid={plan.user.gid}"
        yield Mount("tmpfs", "", _runtime_folder(plan), False, (("options", f"{owner},mode=0700"),))


def _environment(plan: RunPlan) -> dict[str, str]:
    environment = {}
    if _NEEDS_FOLDER.intersection(plan.session):
        environment["XDG_RUNTIME_DIR"] = _runtime_folder(plan)
    if "x11" in plan.session and plan.ipc != "host":
        # Qt shares memory with the X server, and shows nothing where the server cannot reach it.
        environment["QT_X11_NO_MITSHM"] = "1"
    if "git" in plan.session and plan.read_only:
        environment["GIT_CONFIG_SYSTEM"] = f"{SESSION_FOLDER}/gitconfig"
    return environment


def _runtime_folder(plan: RunPlan) -> str:
    return f"/run/user/{plan.user.uid}"


def without_unseen(plan: RunPlan, profile: Profile, path: str) -> tuple[RunPlan, tuple[str, ...]] | None:
    """Return the plan without the parts of the session at ``path``, which the engine does not see, and the keys of the
    profile that lose them. Return None if other mounts lie there as well, or if the profile requires such a part."""
    unseen = [mount for mount in plan.mounts if mount.kind == "bind" and f"{mount.source}/".startswith(f"{path}/")]
    places = {one.target for one in unseen}
    by_place = {SESSION_FOLDER: frozenset(plan.session), X11_SOCKETS: frozenset(("x11",)), WSLG: frozenset(("wslg",))}
    if not places or places - set(by_place) or places & {volume.target for volume in profile.run.volumes}:
        return None
    gone = frozenset().union(*(by_place[place] for place in places))
    session = tuple(part for part in plan.session if part not in gone)
    keys = tuple(key for key, parts in _PARTS.items() if parts & gone and getattr(profile, key) not in ("none", False))
    if any(getattr(profile, key) not in ("auto", True) for key in keys):
        return None
    if not _NEEDS_FOLDER.intersection(session):
        places.add(_runtime_folder(plan))
    mounts = tuple(mount for mount in plan.mounts if mount.target not in places)
    return replace(plan, session=session, mounts=mounts), keys


def with_session_config(text: str | None) -> str:
    """The image's /etc/gitconfig (None: it has none), with the user's identity. It counts less than a configuration in
    the home folder or a repository."""
    own = text or ""
    line_end = "\n" if own and not own.endswith("\n") else ""
    return f"{own}{line_end}[include]\n\tpath = {SESSION_FOLDER}/gitconfig\n"


def _from_afar(profile: Profile) -> Grant:
    modes = {key: getattr(profile, key) for key in ("display", "audio", "ssh_agent")}
    asked = [key for key, mode in modes.items() if mode != "none"] + (["git"] if profile.git else [])
    if not asked:
        return Grant()
    text = "the engine is on another machine, which nothing of this login session reaches"
    unmet = tuple(
        MissingRequirement((key,), text, f"`{key}: auto` does without") for key in asked if modes.get(key) == "required"
    )
    return Grant(notes=(f"{text}: {', '.join(asked)}",), unmet=unmet)


def _display(profile: Profile, facts: Facts) -> Grant:
    mode, session = profile.display, facts.session
    if mode == "none":
        return Grant()
    parts = [part for part in ("x11", "wayland") if mode in (part, "auto", "required")]
    mounts = []
    if "x11" in parts and session.x11_sockets:
        mounts.append(Mount("bind", X11_SOCKETS, X11_SOCKETS, read_only=True))
    if session.wslg:
        mounts.append(Mount("bind", WSLG, WSLG))
    problems = _problems(session, "DISPLAY" if "x11" in parts else "", "WAYLAND_DISPLAY" if "wayland" in parts else "")
    out_of_reach = is_local_port(session.x11) and profile.run.network_mode != "host"
    if "x11" in parts and out_of_reach:
        problems += (out_of_reach_text(session.x11),)
    there = (session.x11 and not out_of_reach) or session.wayland
    grant = Grant(mounts=tuple(mounts), session=(*parts, *(("wslg",) if session.wslg else ())))
    hint = "log in to a desktop or with `ssh -X`; in a terminal that lost it, `export DISPLAY=:0`"
    if "x11" in parts and out_of_reach:
        hint = "write `run: {network_mode: host}`, which reaches the displays of `ssh -X`"
    return _judged(grant, "display", mode, bool(there), problems, "no X11 or Wayland display", hint)


def _audio(profile: Profile, facts: Facts) -> Grant:
    mode, session = profile.audio, facts.session
    if mode == "none":
        return Grant()
    parts = [part for part in ("pulseaudio", "pipewire") if mode in (part, "auto", "required")]
    problems = _problems(
        session, "PULSE_SERVER" if "pulseaudio" in parts else "", "PIPEWIRE_REMOTE" if "pipewire" in parts else ""
    )
    mounts = (Mount("bind", WSLG, WSLG),) if session.wslg else ()
    grant = Grant(mounts=mounts, session=(*parts, *(("wslg",) if session.wslg else ())))
    hint = "`systemctl --user start pipewire pipewire-pulse`, or `pulseaudio --start`"
    there = bool(session.pulse or session.pipewire)
    return _judged(grant, "audio", mode, there, problems, "no PulseAudio or PipeWire server", hint)


def _agent(profile: Profile, facts: Facts) -> Grant:
    mode = profile.ssh_agent
    if mode == "none":
        return Grant()
    problems = _problems(facts.session, "SSH_AUTH_SOCK")
    hint = 'start one in this terminal: eval "$(ssh-agent)" && ssh-add'
    grant = Grant(session=("ssh_agent",))
    return _judged(grant, "ssh_agent", mode, bool(facts.session.ssh_agent), problems, "no ssh agent", hint)


def _git(profile: Profile) -> Grant:
    return Grant(session=("git",)) if profile.git else Grant()


def _judged(grant: Grant, key: str, mode: str, there: bool, problems: tuple[str, ...], absent: str, hint: str) -> Grant:
    if mode != "required" or there:
        return combine((grant, Grant(notes=problems)))
    why = f": {'; '.join(problems)}" if problems else ""
    return combine((grant, Grant(unmet=(MissingRequirement((key,), f"this login session has {absent}{why}", hint),))))


def _problems(session: SessionFacts, *variables: str) -> tuple[str, ...]:
    """Of those variables."""
    return tuple(text for text in session.problems if text.split(" ", 1)[0] in variables)
